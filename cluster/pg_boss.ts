/**
 * The queue of a cluster: pg-boss in the database of the store. It hands jobs out, ends claims that nobody prolongs,
 * and hands out again; what a job is, which one is next and what became of it stands in `jobs`. A delivery has the key
 * of its job, and as its priority the job's place in the order: so the very job that was chosen by its row is fetched.
 * It goes when the job ends: nothing of pg-boss's is kept for people.
 *
 * Whoever changes a delivery has locked the row of its job first. The version is pinned: that `touch` and `complete`
 * look at `retryCount` is newer than 12.27, and everything here rests on it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { PgBoss } from "pg-boss";
import { ClaimLost } from "@/lib/errors.ts";
import { type Queue, type QueuedJob, WAITS } from "@/lib/store/claims.ts";
import { asUnavailable, isAway, type Postgres } from "./postgres.ts";

const NAME = "jobs";
/** pg-boss hands out again when an attempt fails; when a job has failed for good is decided in `jobs`. */
const WITHOUT_END = 2 ** 31 - 1;
/** The longest that pg-boss lets an attempt last, s. */
const EXPIRE_S = 24 * 3600;
/** A delivery of this age is exchanged for another while its job runs on, hours. */
const RENEWED_H = 20;
/** The longest that a job may wait, s: ten years. */
const RETENTION_S = 10 * 365 * 24 * 3600;

export interface QueueOptions {
  /** A claim that is not held ends after so long, s; 10 at least. */
  lease?: number;
  /** Whether pg-boss's tables are there already. */
  joined?: boolean;
  log(text: string): void;
}

export class PgBossQueue implements Queue {
  readonly free: string;
  readonly lapsed: string;
  readonly unknown: string;
  readonly #db: Postgres;
  readonly #options: QueueOptions;
  readonly #schema: string;
  #boss?: Promise<PgBoss>;
  /** pg-boss's timers are nobody's transaction. */
  readonly #outside = AsyncLocalStorage.snapshot();

  /** Connects at the first use. */
  constructor(db: Postgres, options: QueueOptions) {
    this.#db = db;
    this.#options = options;
    this.#schema = `${db.schema}_queue`;
    const delivered = (state: string) =>
      `EXISTS (SELECT 1 FROM ${this.#schema}.job AS delivered WHERE delivered.name = '${NAME}'
        AND delivered.singleton_key = jobs.id AND delivered.state ${state})`;
    this.free = `(jobs.state IN ('queued', 'running') AND ${delivered("< 'active'")})`;
    this.lapsed = `(jobs.state = 'running' AND jobs.delivery IS NOT NULL
      AND NOT ${delivered("= 'active'")})`;
    this.unknown = `(jobs.state IN ('queued', 'running') AND NOT ${delivered("<= 'active'")})`;
  }

  /** Makes pg-boss's tables beside the store's where they are not there; several may do so at once. */
  async open(): Promise<PgBoss> {
    this.#boss ??= this.#outside(() => this.#start());
    try {
      return await this.#boss;
    } catch (error) {
      this.#boss = undefined;
      throw asUnavailable(error);
    }
  }

  async #start(): Promise<PgBoss> {
    const { lease = 30, joined = false, log } = this.#options;
    const boss = new PgBoss({
      connectionString: this.#db.address,
      schema: this.#schema,
      application_name: "mcgip queue",
      max: 2,
      connectionTimeoutMillis: 5_000,
      // With the defaults one that died is noticed after a minute and more.
      superviseIntervalSeconds: 1,
      monitorIntervalSeconds: 1,
      schedule: false,
      migrate: !joined,
      openTelemetry: { enabled: false },
    });
    let told = -Infinity;
    boss.on("error", (error: Error) => {
      // While the database is away everything else says so.
      if (isAway(error) || performance.now() - told < 10_000) return;
      told = performance.now();
      log(`queue: ${error.message}`);
    });
    await boss.start();
    if (!joined) {
      const kept = { heartbeatSeconds: lease, retentionSeconds: RETENTION_S };
      await boss.createQueue(NAME, {
        // One delivery of a job at a time.
        policy: "exclusive",
        expireInSeconds: EXPIRE_S,
        retryLimit: WITHOUT_END,
        retryDelay: 0,
        ...kept,
      });
      await boss.updateQueue(NAME, kept);
    }
    return boss;
  }

  /** pg-boss's statements in the transaction that is open here. */
  get #here() {
    return {
      db: { executeSql: (text: string, values?: unknown[]) => this.#db.query(text, values) },
    };
  }

  async send({ id, sequence }: QueuedJob): Promise<void> {
    const boss = await this.open();
    const sent = await boss.send(NAME, null, {
      singletonKey: id,
      priority: -sequence,
      ...this.#here,
    });
    if (sent === null) throw new Error(`Cannot send job "${id}": it waits or runs already`);
    await this.#tell();
  }

  /** A claim that waits looks at once; what is handed out again for a lost claim is told to nobody. */
  async #tell(): Promise<void> {
    await this.#db.query("SELECT pg_notify($1, '')", [WAITS]);
  }

  async take({ id, sequence }: QueuedJob): Promise<boolean> {
    const boss = await this.open();
    const [delivery] = await boss.fetch(NAME, {
      ...{ minPriority: -sequence, maxPriority: -sequence },
      ...{ includeMetadata: true, ignoreStartAfter: true },
      ...this.#here,
    });
    if (!delivery) return false;
    await this.#note(id, `${delivery.id}/${delivery.retryCount}`);
    return true;
  }

  async #note(id: string, delivery: string | null): Promise<void> {
    await this.#db.run("UPDATE jobs SET delivery = ? WHERE id = ?", delivery, id);
  }

  async hold(worker: string): Promise<void> {
    const boss = await this.open();
    const held = await this.#db.all<QueuedJob & { old: number }>(
      `SELECT id, sequence, delivery, EXISTS (SELECT 1 FROM ${this.#schema}.job AS delivered
         WHERE delivered.name = '${NAME}' AND delivered.singleton_key = jobs.id
         AND delivered.started_on < now() - interval '${RENEWED_H} hours') AS old
       FROM jobs WHERE worker = ? AND state = 'running' AND delivery IS NOT NULL`,
      worker,
    );
    for (const job of held) {
      await this.#db.transaction(async () => {
        const touched = await boss.touch(NAME, attemptOf(job), this.#here);
        if (affected(touched) === 0 || job.old === 1) await this.#renew(job);
      });
    }
  }

  /** Exchanges a delivery that is old, or that has lapsed and nobody has taken, for another; false where it is lost. */
  async #renew(job: QueuedJob): Promise<boolean> {
    const boss = await this.open();
    const still = await this.#db.get(
      "SELECT 1 AS still FROM jobs WHERE id = ? AND state = 'running' AND delivery = ? FOR UPDATE",
      job.id,
      job.delivery,
    );
    if (!still) return false;
    await boss.fail(NAME, attemptOf(job), null, this.#here);
    return await this.take(job);
  }

  async end(job: QueuedJob): Promise<void> {
    const boss = await this.open();
    // First what looks at the attempt and at whether it is still under way, then what leaves nothing.
    const complete = async (job: QueuedJob) =>
      job.delivery !== null &&
      affected(await boss.complete(NAME, attemptOf(job), null, this.#here)) > 0;
    if (!await complete(job)) {
      const renewed = job.delivery !== null && await this.#renew(job)
        ? await this.#db.get<QueuedJob>("SELECT id, delivery FROM jobs WHERE id = ?", job.id)
        : undefined;
      if (!renewed || !await complete(renewed)) {
        throw new ClaimLost(`Cannot end job "${job.id}": its claim was lost`);
      }
    }
    await this.withdraw(job);
  }

  async release(job: QueuedJob): Promise<void> {
    if (job.delivery === null) return;
    const boss = await this.open();
    // One that has lapsed waits already.
    await boss.fail(NAME, attemptOf(job), null, this.#here);
    await this.#note(job.id, null);
    await this.#tell();
  }

  async withdraw({ id }: QueuedJob): Promise<void> {
    const boss = await this.open();
    const found = await boss.findJobs(NAME, { key: id, ...this.#here });
    for (const delivery of found) await boss.deleteJob(NAME, delivery.id, this.#here);
    await this.#note(id, null);
  }

  async close(): Promise<void> {
    const boss = await this.#boss?.catch(() => undefined);
    await boss?.stop({ graceful: false, close: true });
  }
}

function attemptOf({ delivery }: QueuedJob) {
  const [id, retryCount] = delivery!.split("/");
  return { id, retryCount: Number(retryCount) };
}

/** Its types do not tell what it answers. */
const affected = (response: object) => (response as { affected: number }).affected;
