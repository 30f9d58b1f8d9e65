/**
 * The queue of a cluster: pg-boss in the database of the store. It hands jobs out, ends claims that nobody
 * prolongs, and hands out again; what a job is and what became of it stands in `jobs`. A delivery names the job
 * by its key, and goes when the job ends: nothing of pg-boss's is kept for people.
 *
 * The version is pinned: that `touch`, `complete` and `deleteJob` look at `retryCount` is newer than 12.27, and
 * everything here rests on it.
 */
import { PgBoss } from "pg-boss";
import { type Claim, ClaimLost, type Needs, type Queue } from "@/lib/jobs/claims.ts";
import type { JobRow } from "@/lib/store/mod.ts";
import type { Listener } from "./listener.ts";
import { asUnavailable, type Postgres } from "./postgres.ts";

const PLAIN = "gpu";
const F16 = "gpu-f16";
/** Told with every job that is sent: a waiting claim looks at once. What is handed out again tells nothing. */
const CHANNEL = "mcgip_queue";
/** Between two looks of a waiting claim, ms. */
const LOOK_MS = 1_000;
/** pg-boss hands out again when an attempt fails; when a job has failed for good is decided in `jobs`. */
const WITHOUT_END = 2 ** 31 - 1;
/** The longest that pg-boss lets an attempt last: a job that runs on is handed out again then. */
const EXPIRE_S = 24 * 3600;

export interface QueueOptions {
  /** A claim that is not held ends after so long, s; 10 at least. */
  lease?: number;
  log(text: string): void;
}

export class PgBossQueue implements Queue {
  readonly #boss: PgBoss;
  readonly #db: Postgres;
  readonly #listener: Listener;

  private constructor(boss: PgBoss, db: Postgres, listener: Listener) {
    this.#boss = boss;
    this.#db = db;
    this.#listener = listener;
  }

  /** Makes pg-boss's tables beside the store's where they are not there; several may do so at once. */
  static async open(
    db: Postgres,
    listener: Listener,
    { lease = 30, log }: QueueOptions,
  ): Promise<PgBossQueue> {
    const boss = new PgBoss({
      connectionString: db.address,
      schema: `${db.schema}_queue`,
      application_name: "mcgip queue",
      max: 4,
      connectionTimeoutMillis: 5_000,
      // With the defaults one that died is noticed after a minute and more.
      superviseIntervalSeconds: 1,
      monitorIntervalSeconds: 1,
      schedule: false,
      openTelemetry: { enabled: false },
    });
    let told = 0;
    boss.on("error", (error: Error) => {
      // While the database is away there is one a second.
      if (Date.now() - told > 10_000) log(`queue: ${error.message}`);
      told = Date.now();
    });
    await boss.start();
    for (const name of [PLAIN, F16]) {
      await boss.createQueue(name, {
        // One delivery of a job at a time.
        policy: "exclusive",
        heartbeatSeconds: lease,
        expireInSeconds: EXPIRE_S,
        retryLimit: WITHOUT_END,
        retryDelay: 0,
      });
      await boss.updateQueue(name, { heartbeatSeconds: lease });
    }
    return new PgBossQueue(boss, db, listener);
  }

  /** pg-boss's statements in the transaction that is open here. */
  get #here() {
    return {
      db: { executeSql: (text: string, values?: unknown[]) => this.#db.query(text, values) },
    };
  }

  async send(job: Pick<JobRow, "id" | "study">, needs: Needs): Promise<void> {
    const sent = await this.#boss.send(needs.f16 ? F16 : PLAIN, null, {
      singletonKey: job.id,
      priority: job.study === null ? 1 : 0,
      ...this.#here,
    });
    if (sent === null) throw new Error(`Cannot send job "${job.id}": it waits or runs already`);
    await this.#db.query("SELECT pg_notify($1, '')", [CHANNEL]);
  }

  async claim(has: Needs, wait_ms: number, signal?: AbortSignal): Promise<Claim | undefined> {
    const end = performance.now() + wait_ms;
    let wake = () => {};
    const deaf = this.#listener.on(CHANNEL, () => wake());
    try {
      for (;;) {
        const heard = new Promise<void>((resolve) => wake = resolve);
        // What only few can do goes first.
        for (const name of has.f16 ? [F16, PLAIN] : [PLAIN]) {
          const [job] = await this.#ask(() => this.#boss.fetch(name, { includeMetadata: true }));
          if (job) {
            return {
              job_id: job.singletonKey!,
              delivery: `${name}/${job.id}`,
              attempt: job.retryCount,
            };
          }
        }
        const left = end - performance.now();
        if (left <= 0 || signal?.aborted) return undefined;
        await waitFor(heard, Math.min(left, LOOK_MS), signal);
      }
    } finally {
      deaf();
    }
  }

  async hold(claim: Claim): Promise<void> {
    const { name, attempt } = held(claim);
    insist(claim, await this.#ask(() => this.#boss.touch(name, attempt, this.#here)));
  }

  async end(claim: Claim): Promise<void> {
    const { name, attempt } = held(claim);
    // First what looks at the attempt and at whether it is still under way, then what leaves nothing.
    insist(claim, await this.#ask(() => this.#boss.complete(name, attempt, null, this.#here)));
    await this.#ask(() => this.#boss.deleteJob(name, attempt.id, this.#here));
  }

  async release(claim: Claim): Promise<void> {
    const { name, attempt } = held(claim);
    insist(claim, await this.#ask(() => this.#boss.fail(name, attempt, null, this.#here)));
    await this.#db.query("SELECT pg_notify($1, '')", [CHANNEL]);
  }

  async withdraw(job_id: string): Promise<void> {
    for (const name of [PLAIN, F16]) {
      const found = await this.#ask(() =>
        this.#boss.findJobs(name, { key: job_id, ...this.#here })
      );
      for (const { id } of found) {
        await this.#ask(() => this.#boss.deleteJob(name, id, this.#here));
      }
    }
  }

  async close(): Promise<void> {
    await this.#boss.stop({ graceful: false, close: true });
  }

  async #ask<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw asUnavailable(error);
    }
  }
}

function held({ delivery, attempt }: Claim) {
  const [name, id] = delivery.split("/");
  return { name, attempt: { id, retryCount: attempt } };
}

/** @throws {ClaimLost} when nothing was affected */
function insist(claim: Claim, response: object): void {
  // Its types do not tell what it answers.
  if ((response as { affected: number }).affected === 0) {
    throw new ClaimLost(
      `Cannot write to job "${claim.job_id}": the claim ${claim.attempt} was lost`,
    );
  }
}

async function waitFor(
  heard: Promise<void>,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => resolve(), { once: true });
  await Promise.race([heard, promise]);
  clearTimeout(timer);
}
