/** Hears PostgreSQL's NOTIFY by one connection of its own, which it makes anew when it breaks. */
// @ts-types="./pg.d.ts"
import pg from "pg";
import { connection } from "./postgres.ts";

export interface ListenerOptions {
  /** Before a further try to connect, ms. */
  pause?: number;
  /** How often the connection is asked whether it still lives, ms; and how long it has to answer. */
  interval?: number;
}

/** Where nothing may have been missed: what is heard on a channel, and `undefined` after a gap. */
export type Heard = (payload: string | undefined) => void;

export class Listener {
  readonly #heard = new Map<string, Set<Heard>>();
  readonly #pause: number;
  readonly #interval: number;
  #client?: pg.Client;
  #timer?: ReturnType<typeof setTimeout>;
  #closed = false;

  constructor(
    readonly address: string,
    readonly schema: string,
    { pause = 500, interval = 5_000 }: ListenerOptions = {},
  ) {
    this.#pause = pause;
    this.#interval = interval;
    void this.#connect();
  }

  /** Calls `heard` from now on, until the function that comes back is called. */
  on(channel: string, heard: Heard): () => void {
    if (!/^[a-z_]+$/.test(channel)) throw new Error(`Cannot listen on "${channel}"`);
    let all = this.#heard.get(channel);
    if (!all) {
      this.#heard.set(channel, all = new Set());
      // One that fails is made up for by the next connection.
      this.#client?.query(`LISTEN ${channel}`).catch(() => {});
    }
    all.add(heard);
    return () => all.delete(heard);
  }

  /** Tells everyone who listens, this one included; lost while there is no connection. */
  tell(channel: string, payload: string): void {
    this.#client?.query("SELECT pg_notify($1, $2)", [channel, payload]).catch(() => {});
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      ...connection(this.address, this.schema),
      query_timeout: this.#interval,
    });
    let over = false;
    const again = () => {
      if (over) return;
      over = true;
      clearTimeout(this.#timer);
      this.#client = undefined;
      client.end().catch(() => {});
      if (!this.#closed) this.#timer = setTimeout(() => void this.#connect(), this.#pause);
    };
    client.on("error", again).on("end", again).on("notification", ({ channel, payload }) => {
      for (const heard of this.#heard.get(channel) ?? []) heard(payload ?? "");
    });
    const beat = () => {
      this.#timer = setTimeout(() => client.query("SELECT 1").then(beat, again), this.#interval);
    };
    try {
      await client.connect();
      if (this.#closed) return again();
      this.#client = client;
      for (const channel of this.#heard.keys()) await client.query(`LISTEN ${channel}`);
      // What came in between went unheard.
      for (const all of this.#heard.values()) for (const heard of all) heard(undefined);
      beat();
    } catch {
      again();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#client?.end().catch(() => {});
  }
}
