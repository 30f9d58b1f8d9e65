/**
 * A worker's end of the connection to a server elsewhere: opened by the worker, and again whenever it is lost. By ws:
 * what Deno's own WebSocket sends above 1 kB waits 40 ms, as it lets TCP gather small packets (Nagle's algorithm).
 */
// @ts-types="@/lib/ws.d.ts"
import { WebSocket } from "ws";
import { Unavailable } from "@/lib/errors.ts";
import { abroad, type Message, Peer } from "./rpc.ts";
import { type Hello, LINK_MS, MOVE_MS, pathOf } from "./session.ts";
import type { Server } from "./transfer.ts";

/** Before the link is opened again, ms; doubled each time up to the last. */
const BACKOFF_MS = [250, 3_000];
/** A link that has lasted for so long, ms, is no sign of a slow network. */
const STEADY_MS = 60_000;

/** The link was lost before an answer came; what was asked may have been done. */
export class LinkLost extends Unavailable {
  override name = "LinkLost";
}

export interface LinkOptions {
  server: Server;
  /** The first message on every link. */
  hello(): Omit<Hello, "patience_ms">;
  /** What the server asks and tells. */
  receive(message: Message): void;
  log(text: string): void;
}

export class Link {
  readonly #options: LinkOptions;
  /** Which of the addresses is tried. */
  #at: number;
  #peer?: Peer;
  #socket?: WebSocket;
  #opened = Promise.withResolvers<void>();
  #backoff = BACKOFF_MS[0];
  /** When nothing is heard for so long, ms, the link is taken for lost. */
  #patience: number;
  #openedAt = -Infinity;
  #closed = false;
  /** What went wrong last: the same is said once. */
  #said = "";

  constructor(options: LinkOptions) {
    this.#options = options;
    const { apis, name } = options.server;
    this.#at = startOf(name, apis.length);
    this.#patience = apis.length > 1 ? MOVE_MS : LINK_MS;
    this.#open();
  }

  get #api(): string {
    const { apis } = this.#options.server;
    return apis[this.#at % apis.length];
  }

  get up(): boolean {
    return this.#peer !== undefined;
  }

  get patience(): number {
    return this.#patience;
  }

  /** Resolves while the link is there. */
  async opened(): Promise<void> {
    while (!this.up) await this.#opened.promise;
  }

  /** To the server; dropped while the link is lost. */
  send(message: Message): void {
    this.#peer?.send(message);
  }

  /** Asks once. @throws {LinkLost}, and what the server's handler throws */
  async ask<T>(method: string, params: unknown): Promise<T> {
    const peer = this.#peer;
    if (!peer) throw new LinkLost("Cannot reach the server: the link is lost");
    try {
      return await peer.call<T>(method, params);
    } catch (error) {
      if (error instanceof Unavailable && peer !== this.#peer) throw new LinkLost(error.message);
      throw error;
    }
  }

  /** Asks until there is an answer: for what may be done twice. @throws what the server's handler throws */
  async call<T>(method: string, params: unknown): Promise<T> {
    for (;;) {
      await this.opened();
      try {
        return await this.ask<T>(method, params);
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
      }
    }
  }

  /** Nothing was heard for longer than its patience: cuts it off; it is opened again. */
  drop(): void {
    this.#socket?.terminate();
    this.#waited();
    this.#lost("nothing was heard of the server");
  }

  /** Lost again before long, it may be that all is slow: the next is waited for longer. */
  #waited(): void {
    if (performance.now() - this.#openedAt > STEADY_MS && this.up) return;
    this.#patience = Math.min(2 * this.#patience, LINK_MS);
  }

  close(): void {
    this.#closed = true;
    this.#socket?.close();
    this.#peer = undefined;
  }

  #open(): void {
    if (this.#closed) return;
    const { server, hello, receive } = this.#options;
    const api = this.#api;
    const url = new URL(`${api}${pathOf(server.name)}link`);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = this.#socket = new WebSocket(url.href, {
      headers: { authorization: `Bearer ${server.key}` },
      perMessageDeflate: false,
    });
    let open = false;
    const peer = new Peer((message) => {
      if (open) socket.send(JSON.stringify(abroad(message)));
    }, {});
    const patience_ms = this.#patience;
    const patience = setTimeout(() => {
      if (this.#socket === socket) this.#waited();
      ended("it does not answer");
    }, patience_ms);
    const ended = (reason: string) => {
      open = false;
      clearTimeout(patience);
      peer.close("Cannot reach the server: the link was lost");
      if (this.#socket === socket) this.#lost(reason);
      socket.close();
    };
    socket.on("open", async () => {
      open = true;
      try {
        await peer.call("hello", { ...hello(), patience_ms } satisfies Hello);
      } catch (error) {
        return ended((error as Error).message);
      }
      clearTimeout(patience);
      if (this.#socket !== socket) return;
      this.#peer = peer;
      this.#openedAt = performance.now();
      this.#backoff = BACKOFF_MS[0];
      this.#say(`linked to ${api}`);
      this.#opened.resolve();
    });
    socket.on("message", (data) => {
      const message = JSON.parse(new TextDecoder().decode(data)) as Message;
      if (message.method === undefined) void peer.receive(message);
      else receive(message);
    });
    socket.on("error", (error) => ended(why(error.message)));
    socket.on(
      "close",
      (_, reason) => ended(new TextDecoder().decode(reason) || "the server closed it"),
    );
  }

  #lost(reason: string): void {
    const peer = this.#peer;
    this.#socket = undefined;
    this.#peer = undefined;
    if (peer) this.#opened = Promise.withResolvers();
    peer?.close("Cannot reach the server: the link was lost");
    if (this.#closed) return;
    const away = this.#api;
    this.#at++;
    const next = this.#api === away ? "it is tried again" : `${this.#api} is tried`;
    this.#say(`no link to ${away}: ${reason}; ${next}`);
    setTimeout(() => this.#open(), this.#backoff);
    // All of them are tried before it is waited for longer.
    const { apis, name } = this.#options.server;
    if ((this.#at - startOf(name, apis.length)) % apis.length === 0) {
      this.#backoff = Math.min(2 * this.#backoff, BACKOFF_MS[1]);
    }
  }

  #say(text: string): void {
    if (text !== this.#said) this.#options.log(text);
    this.#said = text;
  }
}

/** Where a worker begins among so many servers: workers spread over them by their names. */
function startOf(name: string, servers: number): number {
  return [...name].reduce((sum, letter) => sum + letter.codePointAt(0)!, 0) % servers;
}

/** What a server means that does not open a link, and what to do. */
const REFUSALS: Record<string, string> = {
  401:
    "it does not know the key in MCGIP_API_KEY: make one there by `deno task keys make NAME --scopes work`",
  403:
    "the key in MCGIP_API_KEY has not the scope work: make one by `deno task keys make NAME --scopes work`",
  404: "there is no McGIP Server at MCGIP_API, or one without links of workers",
};

/** @param message of a WebSocket that could not be opened */
function why(message: string): string {
  const status = /server response: (\d{3})/.exec(message)?.[1];
  return (status && REFUSALS[status]) || message || "it cannot be reached";
}
