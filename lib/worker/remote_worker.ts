/** A worker elsewhere, as the server has it: over all the links that it opens, one after the other. */
import { adapterName } from "@/lib/adapter_name.ts";
import { ClaimLost, Conflict, InvalidInput, Unavailable } from "@/lib/errors.ts";
import { type Claim, type News } from "@/lib/jobs/outcome.ts";
import { removeCheckpoints } from "@/lib/jobs/checkpoints.ts";
import { type Log, unquoted } from "@/lib/log.ts";
import type { Outcome } from "@/lib/specs/job_context.ts";
import { HOLD_MS } from "@/lib/store/lease.ts";
import { type JobRow, now } from "@/lib/store/mod.ts";
import type { Beat } from "./beat.ts";
import {
  type CheckpointFile,
  checkpointFiles,
  keepOnly,
  writeCheckpointFile,
} from "@/lib/jobs/checkpoint_files.ts";
import { type Desk, deskHandlers } from "./desk.ts";
import { KnownNames, namesOf } from "./known_names.ts";
import { abroad, type Message, Peer } from "./rpc.ts";
import { type Device, type Hello, LINK_MS, PROTOCOL, shortOf } from "./session.ts";
import type { StoreDesk } from "./store_desk.ts";

/** What a worker may be called. */
const LABEL = /^[\w.-]{1,100}$/;

/** Tables that hold nothing of patients: what one worker measured serves all. */
const OPEN_TABLES = ["tuning"];

/** How messages go to the worker. */
export interface Wire {
  send(message: Message): void;
  /** @param reason told to the worker; without one it is cut at once */
  close(reason?: string): void;
}

export interface RemoteWorkerOptions {
  name: string;
  /** Of the key that opened its first link; null without keys. */
  key_id: string | null;
  desk: StoreDesk;
  /** Version of this program: a worker of another gives other results. */
  version: string;
  /** Why the key of this id may link workers no more; undefined while it may. */
  objection?(key_id: string): Promise<string | undefined>;
  log: Log;
}

export class RemoteWorker implements Desk {
  readonly name: string;
  readonly key_id: string | null;
  /** What the key is called. */
  key_name: string | null = null;
  device?: Device;
  /** The last heartbeat and when it came, by a clock that nobody sets. */
  beat?: Beat & { time: number };
  /** Why it may not work here, and when it asked last by a clock that nobody sets. */
  refused?: { reason: string; time: number };
  /** What people call it: as it wants to be called, with a number where an older one is called so. */
  label: string;
  #wanted: string;
  /** When its link was opened. */
  since = now();
  /** Of its program. */
  version?: string;
  /** It takes its jobs from another server of the cluster: here it predicts. */
  side = false;
  readonly #options: RemoteWorkerOptions;
  readonly #names = new KnownNames();
  #wire?: Wire;
  #peer?: Peer;
  #claim?: Claim;
  /** Whether the claim is older than the link: what was asked and sent under it is not all known here. */
  #resumed = false;
  #held = -Infinity;
  #holding = false;
  /** When something came last by its link, by a clock that nobody sets. */
  #heardAt = -Infinity;
  /** For how long, ms, nothing may come until it opens another. */
  #patience = LINK_MS;
  /** Files that it has sent under its claim. */
  #sent: string[] = [];

  constructor(options: RemoteWorkerOptions) {
    this.#options = options;
    this.name = this.label = this.#wanted = options.name;
    this.key_id = options.key_id;
  }

  /** True while it is linked, beats and has a GPU. */
  get ready(): boolean {
    return this.unavailable() === undefined;
  }

  get linked(): boolean {
    return this.#peer !== undefined;
  }

  /** Whether it is linked, and was heard of so lately that it cannot have gone to another server. */
  get heard(): boolean {
    return this.linked && performance.now() - this.#heardAt <= this.#patience;
  }

  /** Id of the job that it runs. */
  get job(): string | null {
    return this.#claim?.id ?? null;
  }

  /** Why GPU work cannot be done there now. */
  unavailable(): string | undefined {
    if (!this.#peer || !this.device) return "Cannot use the GPU: its worker is not linked";
    return this.device.gpu === null ? this.device.hint : undefined;
  }

  /** A link was opened; the one before is given up. The answer takes what comes by it. */
  attach(wire: Wire): (message: Message) => void {
    if (this.#peer) this.#tellEnd("it opened another");
    this.#wire?.close();
    this.#peer?.close("Cannot use the GPU: its worker has another link");
    const peer = new Peer((message) => wire.send(abroad(message)), {
      ...deskHandlers(this),
      hello: async (hello: Hello) => {
        await this.#hello(hello);
        this.#heardAt = performance.now();
        this.#peer = peer;
      },
      beat: (beat: Beat) => this.#beat(beat),
      device: (device: Device) => {
        this.device = device;
        // With the next beat the others hear of it.
        this.#held = -Infinity;
      },
      left: () => this.#left(),
      checkpoints: ([claim]: [Claim]) => this.checkpoints(claim),
      keepCheckpoints: ([claim, paths]: [Claim, string[]]) => this.#keepCheckpoints(claim, paths),
    });
    this.#wire = wire;
    this.#peer = undefined;
    this.beat = undefined;
    this.#heardAt = performance.now();
    return (message) => {
      // Before its greeting nothing else is answered.
      if (peer !== this.#peer && message.method !== "hello") return;
      if (peer === this.#peer && !this.heard) {
        // This server stood still: what has piled up is of a time before the worker asked another one.
        wire.close();
        return this.detach(wire, "this server stood still, the worker may have gone to another");
      }
      this.#heardAt = performance.now();
      peer.receive(message).catch((error) =>
        this.#options.log(`worker: ${unquoted(error.message)}`)
      );
    };
  }

  /** A link is gone. */
  detach(wire: Wire, reason: string): void {
    if (this.#wire !== wire) return;
    if (this.#peer) this.#tellEnd(reason);
    this.#peer?.close("Cannot use the GPU: the link to its worker was lost");
    this.#peer = undefined;
    this.#wire = undefined;
    this.beat = undefined;
  }

  /** Ends the link; the worker opens another, where the server listens. */
  cutOff(reason: string): void {
    const wire = this.#wire;
    if (!wire) return;
    wire.close(reason);
    this.detach(wire, reason);
  }

  /** Cuts off a link on which nothing comes, and that of a key which may link workers no more. */
  async check(): Promise<void> {
    if (!this.#wire) return;
    if (performance.now() - this.#heardAt > LINK_MS) {
      const wire = this.#wire;
      wire.close();
      this.detach(wire, `nothing came for ${LINK_MS / 1000} s`);
    } else await this.#objects();
  }

  /** Whether its key may link workers no more: then the link is ended, and what it runs goes back to the queue. */
  async #objects(): Promise<boolean> {
    if (this.key_id === null) return false;
    const reason = await this.#options.objection?.(this.key_id);
    if (reason === undefined) return false;
    if (!this.#wire) return true;
    this.cutOff(reason);
    if (this.side) return true;
    const { desk } = this.#options;
    await this.forget();
    await desk.left({ blameless: true, reason });
    await desk.store.workers.remove(this.name);
    return true;
  }

  #tellEnd(reason: string): void {
    this.#options.log(`worker ${this.#title} is linked no more: ${reason}`);
  }

  /** Asks the worker; throws what its handler throws, and Unavailable when it is away. */
  async call<T>(method: string, params: unknown): Promise<T> {
    const peer = this.#peer;
    if (!peer) throw new Unavailable(this.unavailable()!);
    this.#names.requested(params, peer.pending === 0);
    try {
      return await peer.call<T>(method, params);
    } catch (error) {
      // It was refused a file: that is between the two, no mistake of who asks.
      if (error instanceof ClaimLost) throw new Unavailable(error.message);
      throw error;
    }
  }

  notify(method: string, params: unknown): void {
    this.#peer?.notify(method, params);
  }

  async #hello(hello: Hello): Promise<void> {
    const { desk, log } = this.#options;
    const { version, device, claim, label = this.name, side, patience_ms } = hello;
    if (!LABEL.test(label)) throw new InvalidInput("Cannot use the label of this worker");
    if (label !== this.#wanted) this.label = this.#wanted = label;
    this.version = version;
    this.#assertSame(hello);
    this.refused = undefined;
    desk.asking = { label: this.label, version };
    const anew = !this.linked;
    if (anew) this.since = now();
    this.device = device ?? undefined;
    this.#patience = patience_ms;
    this.side = side === true;
    if (this.side) {
      // What it had from here it has no more.
      await this.forget();
      this.#resumed = false;
      log(`worker ${this.#title} is linked, to be asked for predictions`);
      return;
    }
    if (claim === null) {
      // A process of this name that died.
      await this.forget();
      await desk.left({ blameless: false });
    } else {
      // It may have gone on with it at another server meanwhile.
      this.#resumed = true;
      if (this.#claim?.id !== claim.id || this.#claim.fence !== claim.fence) {
        const row = await desk.store.jobs.find(claim.id);
        const holds = row?.fence === claim.fence && row.worker === this.name;
        this.#claim = holds ? claim : undefined;
        this.#names.claimed(holds ? [row.id, row.spec] : null);
        if (!holds) await desk.acquit(claim);
      }
    }
    await this.#hold();
    const adapter = device?.gpu ? ` (${adapterName(device.gpu)})` : "";
    log(`worker ${this.#title} ${anew ? "is linked" : "takes its jobs here now"}${adapter}`);
  }

  /** For the log. */
  get #title(): string {
    return this.label === this.name ? this.name : `${this.name} on ${this.label}`;
  }

  /** @throws {Conflict} for a program of another version, or one that speaks otherwise */
  #assertSame({ protocol, version }: Hello): void {
    const { version: ours, log } = this.#options;
    if (protocol === PROTOCOL && version === ours) return;
    const reason = version !== ours
      ? `Cannot work here with version ${version}: the server is ${ours}, and results depend on it; bring the ` +
        "worker to that version"
      : `Cannot work here with protocol ${protocol} of the link: the server has ${PROTOCOL}; bring the worker to ` +
        "the server's checkout";
    if (this.refused?.reason !== reason) log(`worker ${this.#title} is refused: ${reason}`);
    this.refused = { reason, time: performance.now() };
    throw new Conflict(reason);
  }

  /** Answered at once, also while the database is away: whether this server lives is what the worker wants to hear. */
  #beat(beat: Beat): void {
    this.beat = { ...beat, time: performance.now() };
    if (this.#holding || performance.now() - this.#held < HOLD_MS) return;
    this.#holding = true;
    this.#hold().catch((error) => {
      // The next one may come through, long before the lease ends.
      if (error instanceof Unavailable) return;
      const { name } = this;
      this.#options.log(`Cannot prolong the lease of worker ${name}: ${unquoted(error.message)}`);
    }).finally(() => this.#holding = false);
  }

  async #hold(): Promise<void> {
    // The server that its jobs come from does so.
    if (this.side) return;
    this.#held = performance.now();
    const label = await this.#options.desk.hold({
      ...{ label: this.#wanted, version: this.version ?? "", place: "linked" },
      device: shortOf(this.device),
      ...{ memory: this.beat?.rss ?? 0, gpu_memory: this.beat?.gpu_bytes ?? 0 },
    });
    if (label !== undefined) this.label = label;
  }

  async #left(): Promise<void> {
    const { desk } = this.#options;
    const wire = this.#wire;
    if (!this.side) {
      await desk.left({ blameless: true });
      await desk.store.workers.remove(this.name);
    }
    if (!wire) return;
    wire.close();
    this.detach(wire, "it left");
  }

  /** It has no claim any more; what it sent and nothing refers to goes. */
  async forget(): Promise<void> {
    this.#claim = undefined;
    this.#names.claimed();
    await this.#options.desk.store.discard(this.#sent.splice(0));
  }

  /** @throws {ClaimLost} */
  #assertClaimed({ id, fence }: Claim): void {
    if (this.#claim?.id !== id || this.#claim.fence !== fence) {
      throw new ClaimLost(
        `Cannot work on job "${id}": this worker does not hold the claim ${fence}`,
      );
    }
  }

  // The desk, for what the worker may.

  async claim(kinds: string[], adapter: string): Promise<JobRow | null> {
    const { desk } = this.#options;
    // Who asks for a job runs none: an answer of before may have been lost.
    await this.release();
    // Between two looks at its key, too.
    if (await this.#objects()) {
      throw new Unavailable(
        `Cannot give worker ${this.name} a job: its key may link workers no more`,
      );
    }
    const job = await desk.claim(kinds, adapter);
    if (!job) return null;
    this.#claim = { id: job.id, fence: job.fence };
    this.#resumed = false;
    this.#names.claimed(job.id, job.spec);
    return job;
  }

  async tell(claim: Claim, news: News): Promise<JobRow["requested"]> {
    this.#assertClaimed(claim);
    const { desk } = this.#options;
    const requested = await desk.tell(claim, news);
    const { state } = news.changes;
    if (state === "succeeded" || state === "cancelled") removeCheckpoints(desk.store, claim.id);
    return requested;
  }

  async publish(claim: Claim, outcome: Outcome): Promise<void> {
    this.#assertClaimed(claim);
    for (const made of [outcome.model, outcome.similarity]) {
      if (!made || this.#sent.includes(made.file)) continue;
      this.#refuse(`Cannot publish file ${made.file}: this worker has not sent it`);
    }
    await this.#options.desk.publish(claim, outcome);
  }

  async ask(table: string, method: string, args: unknown[]): Promise<unknown> {
    const { desk } = this.#options;
    if (!OPEN_TABLES.includes(table)) {
      for (const name of namesOf(args[0])) {
        this.assertKnown(name);
      }
    }
    const answer = await desk.ask(table, method, args);
    this.#names.answered(answer);
    return answer;
  }

  /** @throws {Unavailable} where another server is to be asked */
  #assertWorksHere(): void {
    if (!this.side && this.linked) return;
    throw new Unavailable(
      `Cannot give worker ${this.name} its job here: it takes its jobs from another server of the cluster`,
    );
  }

  /** @throws {ClaimLost}, {InvalidInput}, {Unavailable} */
  assertKnown(name: string): void {
    if (this.#names.has(name)) return;
    this.#assertWorksHere();
    this.#refuse(`Cannot give worker ${this.name} "${name}": nothing that it works on names that`);
  }

  /**
   * @throws {ClaimLost} where what is missing may have gone to another server, or to this one before it was started
   *   again: the job is taken up anew; {InvalidInput} otherwise
   */
  #refuse(what: string): never {
    if (this.#resumed) throw new ClaimLost(what);
    throw new InvalidInput(what);
  }

  async bring(sha256: string): Promise<void> {
    this.assertKnown(sha256);
    await this.#options.desk.bring(sha256);
  }

  async release(): Promise<void> {
    this.#assertWorksHere();
    await this.forget();
    await this.#options.desk.release();
  }

  async hasRoom(): Promise<boolean> {
    return await this.#options.desk.hasRoom();
  }

  async goOn(job_id: string, error: string): Promise<void> {
    if (this.#claim?.id !== job_id) throw new ClaimLost(`Cannot go on with job "${job_id}"`);
    await this.#options.desk.goOn(job_id, error);
  }

  // Files.

  /** Keeps a file that it sent until it is published. @throws {InvalidInput} when the bytes are others */
  async keep(sha256: string, body: ReadableStream<Uint8Array>, maxBytes: number): Promise<void> {
    const { store } = this.#options.desk;
    this.#assertWorksHere();
    if (!this.#claim) throw new ClaimLost("Cannot keep a file: this worker runs no job");
    const stored = await store.files.put(body, { maxBytes });
    if (stored.sha256 === sha256) return void this.#sent.push(sha256);
    await store.discard([stored.sha256]);
    throw new InvalidInput(
      `Cannot keep file ${sha256}: the SHA-256 of what came is ${stored.sha256}; send it again`,
    );
  }

  async checkpoints(claim: Claim): Promise<CheckpointFile[]> {
    this.#assertClaimed(claim);
    return await checkpointFiles(this.#options.desk.store.checkpoints(claim.id));
  }

  /** The path of a file of its job's checkpoints. @throws {ClaimLost} */
  checkpointPath(job_id: string, path: string): string {
    this.#assertWorksHere();
    if (this.#claim?.id !== job_id) {
      throw new ClaimLost(
        `Cannot read checkpoints of job "${job_id}": this worker does not run it`,
      );
    }
    return `${this.#options.desk.store.checkpoints(job_id)}/${path}`;
  }

  /** @throws {ClaimLost}, {InvalidInput} when the bytes are others */
  async keepCheckpoint(
    claim: Claim,
    file: CheckpointFile,
    body: ReadableStream<Uint8Array>,
  ): Promise<void> {
    const { store } = this.#options.desk;
    this.#assertWorksHere();
    this.#assertClaimed(claim);
    await store.jobs.assertClaim(claim.id, claim.fence);
    const temporary = store.files.temporaryPath();
    await writeCheckpointFile(store.checkpoints(claim.id), file, body, temporary);
  }

  async #keepCheckpoints(claim: Claim, paths: string[]): Promise<void> {
    const { store } = this.#options.desk;
    this.#assertClaimed(claim);
    await store.jobs.assertClaim(claim.id, claim.fence);
    keepOnly(store.checkpoints(claim.id), paths);
    const { checkpoints } = this.#options.desk;
    checkpoints?.written(claim);
    await checkpoints?.send(claim);
  }
}
