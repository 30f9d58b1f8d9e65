/**
 * All links of a worker, one to each server of a cluster: any of them may ask it to predict. Its jobs, and what it
 * tells of them, go over one, that which was there first; where that is lost over another one that is there.
 */
import { ClaimLost, InvalidInput, Unavailable } from "@/lib/errors.ts";
import type { Beat } from "./beat.ts";
import { namesOf } from "./known_names.ts";
import { Link, LinkLost } from "./link.ts";
import type { Message } from "./rpc.ts";
import { type Hello, LINK_MS, MOVE_MS } from "./session.ts";
import type { Server } from "./transfer.ts";

/** What is asked for a job's sake; the rest waits until one takes it. */
const OF_A_JOB = ["publish", "ask", "checkpoints", "keepCheckpoints"];

export interface LinksOptions {
  server: Server;
  hello(): Omit<Hello, "side" | "patience_ms">;
  /** What a server asks and tells; ids of requests are of all links together. */
  receive(message: Message): void;
  log(text: string): void;
}

export class Links {
  readonly #links: Link[];
  readonly #options: LinksOptions;
  /** That over which jobs come. */
  #work?: Link;
  /** Whether the server at its other end knows that. */
  #ready = false;
  #opened = Promise.withResolvers<void>();
  /** It leaves: no other link takes the place of one that ends. */
  #leaving = false;
  /** Requests under way, by the ids that they have here. */
  readonly #asked = new Map<number, { link: Link; id: number }>();
  #nextId = 1;

  constructor(options: LinksOptions) {
    this.#options = options;
    const { server, log } = options;
    const { apis, name } = server;
    const first = startOf(name, apis.length);
    // With one alone nothing is gained by leaving it soon.
    const patience = apis.length > 1 ? MOVE_MS : LINK_MS;
    this.#links = [...apis.slice(first), ...apis.slice(0, first)].map((api) => {
      const link: Link = new Link({
        ...{ api, server, patience, log },
        hello: () => this.#hello(link),
        receive: (message) => this.#receive(link, message),
        opened: () => this.#wasOpened(link),
        lost: () => this.#wasLost(link),
      });
      return link;
    });
  }

  /** Whether there is one over which jobs come. */
  get up(): boolean {
    return this.#ready;
  }

  /** Answers go to who asked, the rest to all; dropped where a link is lost. */
  send(message: Message): void {
    if (message.method !== undefined) {
      for (const link of this.#links) link.send(message);
      return;
    }
    const asked = this.#asked.get(message.id!);
    this.#asked.delete(message.id!);
    asked?.link.send({ ...message, id: asked.id });
  }

  /** Tells every server that this worker leaves; what ends from now on is not opened again. */
  leave(): void {
    this.#leaving = true;
    for (const link of this.#links) link.leave();
    this.send({ method: "left", params: null });
  }

  /** Whether no server takes this worker's key: one does not, and none is linked. Keys are of all servers. */
  get refused(): boolean {
    return !this.#ready && this.#links.some(({ refused }) => refused) &&
      !this.#links.some(({ up }) => up);
  }

  /** @throws {ClaimLost} where no server takes this worker's key: what it runs goes on at another worker */
  #assertAdmitted(): void {
    if (!this.refused) return;
    throw new ClaimLost("Cannot go on: the server takes the key of this worker no more");
  }

  beat(beat: Beat): void {
    if (this.#leaving) return;
    for (const link of this.#links) link.beat(beat);
  }

  close(): void {
    for (const link of this.#links) link.close();
    this.#ready = false;
  }

  /**
   * Asks the server that the jobs come from, once.
   * @throws {LinkLost}, {ClaimLost} where no server takes its key, and what the server's handler throws
   */
  async ask<T>(method: string, params: unknown): Promise<T> {
    this.#assertAdmitted();
    if (!this.#ready) throw new LinkLost("Cannot reach the server: the link is lost");
    return await this.#work!.ask<T>(method, params);
  }

  /**
   * Asks until there is an answer: for what may be done twice.
   * @throws {ClaimLost} for what belongs to a job where no server takes its key; what the server's handler throws
   */
  async call<T>(method: string, params: unknown): Promise<T> {
    for (;;) {
      while (!this.#ready) {
        if (OF_A_JOB.includes(method)) this.#assertAdmitted();
        await this.#opened.promise;
      }
      try {
        return await this.ask<T>(method, params);
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
      }
    }
  }

  /**
   * Asks the store: that server whose request names what the question is about, else the one that the jobs come from.
   */
  async question(table: string, method: string, args: unknown[]): Promise<unknown> {
    const names = namesOf(args[0]);
    const asking = this.#links.find((link) =>
      link !== this.#work && this.#asksOf(link) > 0 && names.every((name) => link.names.has(name))
    );
    if (asking) {
      try {
        const answer = await asking.ask("ask", [table, method, args]);
        asking.names.answered(answer);
        return answer;
      } catch (error) {
        // Its request has ended meanwhile.
        const passing = error instanceof InvalidInput || error instanceof ClaimLost ||
          error instanceof Unavailable;
        if (!passing) throw error;
      }
    }
    return await this.call("ask", [table, method, args]);
  }

  #asksOf(link: Link): number {
    return this.#asked.values().reduce((n, asked) => n + Number(asked.link === link), 0);
  }

  #hello(link: Link): Hello {
    this.#work ??= link;
    const side = this.#work !== link;
    return { ...this.#options.hello(), side, patience_ms: link.patience };
  }

  #receive(link: Link, message: Message): void {
    if (message.id === undefined) return this.#options.receive(message);
    link.names.requested(message.params, this.#asksOf(link) === 0);
    const id = this.#nextId++;
    this.#asked.set(id, { link, id: message.id });
    this.#options.receive({ ...message, id });
  }

  #wasOpened(link: Link): void {
    if (this.#work === undefined) void this.#promote(link);
    else if (this.#work === link) this.#becameReady();
  }

  #becameReady(): void {
    this.#ready = true;
    this.#opened.resolve();
  }

  #wasLost(link: Link): void {
    // Nobody waits for these answers any more; on the next link their ids are others'.
    for (const [id, asked] of this.#asked) if (asked.link === link) this.#asked.delete(id);
    if (this.#work === link) {
      if (this.#ready) this.#opened = Promise.withResolvers();
      this.#ready = false;
      this.#work = undefined;
    }
    if (this.refused) {
      // Whoever waits looks again.
      this.#opened.resolve();
      this.#opened = Promise.withResolvers();
    }
    if (this.#work !== undefined || this.#leaving) return;
    const next = this.#links.find(({ up }) => up);
    if (next) void this.#promote(next);
  }

  /** Tells the server at the other end that the jobs come from there from now on. */
  async #promote(link: Link): Promise<void> {
    const several = this.#links.length > 1;
    try {
      await link.ask("hello", this.#hello(link));
      if (this.#work !== link) return;
      if (several) this.#options.log(`jobs come from ${link.api} from now on`);
      this.#becameReady();
    } catch (error) {
      // A lost one was told of itself.
      if (this.#work === link) link.drop((error as Error).message);
    }
  }
}

/** Where a worker begins among so many servers: workers spread over them by their names. */
export function startOf(name: string, servers: number): number {
  return [...name].reduce((sum, letter) => sum + letter.codePointAt(0)!, 0) % servers;
}
