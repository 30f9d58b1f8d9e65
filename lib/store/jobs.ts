/**
 * Jobs: what people see of them, and what workers choose from. A claim lasts as long as the queue says (claims.ts); its
 * fencing number keeps a worker that lost it from writing.
 */
import type { AdapterInfo } from "@/gpu/device.ts";
import { ClaimLost, Conflict } from "@/lib/errors.ts";
import { Attempts } from "./attempts.ts";
import type { Queue } from "./claims.ts";
import type { Database } from "./database.ts";
import { Events } from "./events.ts";
import { leased } from "./lease.ts";
import { LeaseQueue } from "./lease_queue.ts";
import { type Conditions, now, type Page, type PageOptions, Table } from "./table.ts";

export const jobStates = [
  "queued",
  "running",
  "paused",
  "succeeded",
  "failed",
  "cancelled",
] as const;
export type JobState = (typeof jobStates)[number];

export interface JobProgress {
  done: number;
  total: number;
  unit: string;
}

export interface JobRow {
  id: string;
  kind: string;
  state: JobState;
  /** Resolved: every default filled in. */
  spec: Record<string, unknown>;
  progress: JobProgress;
  /** Who holds the claim while the job runs. */
  worker: string | null;
  /** Grows with every claim; writes that carry an older number are refused. */
  fence: number;
  /** How often the job was claimed since a person last queued it. */
  attempts: number;
  requested: "cancel" | "pause" | null;
  error: string | null;
  result: Record<string, unknown> | null;
  /** The adapter that it ran on last. */
  device: AdapterInfo | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  estimated_finish: string | null;
  /** The study that it is or belongs to. */
  study: string | null;
  /** SHA-256 of all that its result depends on; null where that is not known. */
  fingerprint: string | null;
  /** Place in the order of queueing, given by `insert`. */
  sequence: number;
  /** Until when its worker is taken for alive, ms by the database's clock; null: it is gone, or there is none. */
  lease_until: number | null;
  /** Number of the last message that was kept under its claim; 0 before the first. */
  told: number;
  /** What it was handed out under while it runs, where the queue keeps an account of its own. */
  delivery: string | null;
}

export interface JobFilter extends PageOptions {
  kind?: string;
  state?: JobState;
  /** Name of the data set in the job's spec. */
  dataset?: string;
  study?: string;
  /** Only those that may have changed since then: not ended, or ended since. */
  since?: string;
}

export const finishedStates: JobState[] = ["succeeded", "failed", "cancelled"];

/** What a claimed job may change about itself. */
export type JobChanges = Partial<
  Pick<
    JobRow,
    | "state"
    | "progress"
    | "requested"
    | "error"
    | "result"
    | "device"
    | "estimated_finish"
    | "attempts"
  >
>;

const conditionsOf = ({ kind, dataset, study }: JobFilter): Conditions => [
  ["kind = ?", kind],
  ["spec ->> 'dataset' = ?", dataset],
  ["study = ?", study],
];

/** Studies hold no worker: they are advanced, not claimed. */
const CLAIMED = "kind <> 'study'";

/** It has not begun, or goes on on any adapter. */
const ANYWHERE = "coalesce(spec ->> 'resume', 'any') <> 'same_device' OR device IS NULL";
/** As `adapterName` (lib/adapter_name.ts) calls that which it ran on last. */
const ADAPTER = "coalesce(nullif(device ->> 'description', ''), nullif(device ->> 'device', ''), " +
  "device ->> 'vendor')";

export interface WorkerHas {
  kinds?: string[];
  adapter?: string;
  /** What people call the worker. */
  label?: string;
  /** Of its program: what is of another is left to workers of that one while such live. */
  version?: string;
  /** Whether what is of another version is never for it. */
  strict?: boolean;
}

export class Jobs extends Table<JobRow> {
  readonly attempts: Attempts;
  readonly #events: Events;

  constructor(db: Database, readonly queue: Queue = new LeaseQueue(db)) {
    super(db, {
      table: "jobs",
      noun: "job",
      json: ["spec", "progress", "result", "device"],
      newestFirst: true,
    });
    this.attempts = new Attempts(db);
    this.#events = new Events(db);
  }

  override async insert(row: JobRow): Promise<JobRow> {
    return await this.db.transaction(async () => {
      const { next } = (await this.db.get<{ next: number }>(
        "SELECT coalesce(max(sequence), 0) + 1 AS next FROM jobs",
      ))!;
      const job = await super.insert({ ...row, sequence: next });
      await this.#wait(job);
      return job;
    });
  }

  async #wait(job: JobRow): Promise<void> {
    if (job.state === "queued" && job.kind !== "study") await this.queue.send(job);
  }

  /** Newest first. */
  async listJobs(filter: JobFilter = {}): Promise<Page<JobRow>> {
    const { state, since } = filter;
    return await this.list(filter, [
      ...conditionsOf(filter),
      ["state = ?", state],
      ["(finished_at IS NULL OR finished_at >= ?)", since],
    ]);
  }

  /** Numbers of jobs by state, whatever state the filter names, and when the last of them ended. */
  async totals(
    filter: JobFilter,
  ): Promise<{ totals: Record<JobState, number>; ended: string | null }> {
    const { where, values } = this.where(conditionsOf(filter));
    const rows = await this.db.all<{ state: JobState; n: number; ended: string | null }>(
      `SELECT state, count(*) AS n, max(finished_at) AS ended FROM jobs ${where} GROUP BY state`,
      ...values,
    );
    const none = jobStates.map((state) => [state, 0]);
    return {
      totals: Object.fromEntries([...none, ...rows.map(({ state, n }) => [state, Number(n)])]),
      ended: rows.map(({ ended }) => ended).filter((one) => one !== null).sort().at(-1) ?? null,
    };
  }

  /** Studies that are on their way, oldest first: they need no worker, their cells do. */
  async studies(): Promise<JobRow[]> {
    return await this.select(
      [["kind = ?", "study"]],
      "AND state IN ('queued', 'running') ORDER BY sequence",
    );
  }

  /** Ids of the jobs that a study has queued. */
  async idsOfStudy(study: string): Promise<string[]> {
    return (await this.db.all<{ id: string }>("SELECT id FROM jobs WHERE study = ?", study))
      .map(({ id }) => id);
  }

  /** A job that gives, or gave, the result of this fingerprint: a finished one before others. */
  async sameAs(fingerprint: string): Promise<JobRow[]> {
    return await this.select(
      [["fingerprint = ?", fingerprint]],
      "AND state IN ('succeeded', 'queued', 'running') ORDER BY state = 'succeeded' DESC, sequence",
    );
  }

  /** 0 for the next job to be claimed; undefined when the job does not wait. */
  async queuePosition(job: JobRow): Promise<number | undefined> {
    if (job.state !== "queued") return undefined;
    return await this.count([["state = ?", "queued"], ["sequence < ?", job.sequence]]);
  }

  /**
   * Gives `worker` the next job: first one whose worker's claim has ended (it died), then the oldest in the queue.
   * The state becomes running and the fence grows.
   * @param has.kinds that the worker runs; without them all
   * @param has.adapter that it runs them on; without it, what waits for an adapter is not for it
   * @param has.version of its program; without it, jobs of every version are for it
   */
  async claim(worker: string, has: WorkerHas = {}): Promise<JobRow | undefined> {
    return await this.db.transaction(async () => {
      const [job] = await this.select(
        [
          ["kind IN (?)", has.kinds],
          [`(${ANYWHERE} OR ${ADAPTER} = ?)`, has.adapter ?? ""],
          [this.#mayTake(has), has.version],
        ],
        `AND ${CLAIMED} AND ${this.queue.free}
         ORDER BY state DESC, sequence LIMIT 1 ${this.db.forUpdateOfFree}`,
      );
      if (!job || !await this.queue.take(job)) return undefined;
      const changes: Partial<JobRow> = {
        state: "running",
        worker,
        fence: job.fence + 1,
        attempts: job.attempts + 1,
        told: 0,
        started_at: job.started_at ?? now(),
      };
      const { code_version } = job.spec;
      if (has.version !== undefined && code_version !== undefined && code_version !== has.version) {
        // Kept is the version that makes the result; by what the fingerprint says it would be another's.
        changes.spec = { ...job.spec, code_version: has.version };
        changes.fingerprint = null;
        await this.#events.append(job.id, "warning", {
          message: job.fence === 0
            ? `It was queued by version ${code_version}; ${has.version} runs it, which its results name`
            : `It was begun by version ${code_version}, and goes on by ${has.version}, which its results name`,
        });
      }
      await this.update(job.id, changes);
      const claimed = { ...job, ...changes };
      await this.attempts.begin(claimed, worker, has.label ?? null);
      return claimed;
    });
  }

  /** Results depend on the version: it is in every spec that was queued by a server. */
  #mayTake({ strict }: WorkerHas): string {
    const others = `SELECT 1 FROM workers
      WHERE workers.version = jobs.spec ->> 'code_version' AND ${leased(this.db)}`;
    return `(spec ->> 'code_version' IS NULL OR spec ->> 'code_version' = ?
      ${strict ? "" : `OR NOT EXISTS (${others})`})`;
  }

  /** Versions other than this one of which jobs wait. */
  async otherVersions(version: string): Promise<string[]> {
    return (await this.db.all<{ version: string }>(
      `SELECT DISTINCT spec ->> 'code_version' AS version FROM jobs
       WHERE state = 'queued' AND ${CLAIMED} AND spec ->> 'code_version' <> ? ORDER BY 1`,
      version,
    )).map(({ version }) => version);
  }

  /** Prolongs the claim of what a worker runs: it is alive. */
  async hold(worker: string): Promise<void> {
    await this.queue.hold(worker);
  }

  /**
   * A worker is gone: what it ran can be claimed at once.
   * @param how.blameless it was cut off for no fault of the job: the attempt does not count
   */
  async release(worker: string, how: { blameless?: boolean; reason?: string } = {}): Promise<void> {
    const { blameless = false, reason = blameless ? "its worker left" : "its worker died" } = how;
    await this.db.transaction(async () => {
      const left = await this.select(
        [["worker = ?", worker], ["state = ?", "running"]],
        this.db.forUpdate,
      );
      for (const job of left) {
        await this.queue.release(job);
        await this.attempts.end(job.id, "lost", reason);
        if (blameless) await this.#forgive(job);
      }
    });
  }

  /**
   * A claim was lost, and who held it lives: so the job has not taken its worker down, and the attempt does not count.
   * To be called once for a claim.
   */
  async acquit({ id, fence }: Pick<JobRow, "id" | "fence">): Promise<void> {
    await this.db.transaction(async () => {
      const job = await this.find(id);
      const lost = job?.state === "queued" || (job?.state === "running" && job.fence > fence);
      if (job && lost) await this.#forgive(job);
    });
  }

  /** Takes back the last attempt. */
  async #forgive({ id, attempts }: JobRow): Promise<void> {
    await this.update(id, { attempts: Math.max(0, attempts - 1) });
  }

  /** Paused jobs that tell of an error. */
  async heldByErrors(): Promise<JobRow[]> {
    return await this.select(
      [["state = ?", "paused"]],
      "AND error IS NOT NULL ORDER BY sequence",
    );
  }

  /** Running jobs whose claim has run out: their worker says nothing any more, and nobody has said that it is gone. */
  async lost(): Promise<JobRow[]> {
    return await this.select([], `WHERE ${CLAIMED} AND ${this.queue.lapsed} ORDER BY sequence`);
  }

  /**
   * Takes a lost job from its worker: it waits for another, or is what a person has asked for meanwhile.
   * @returns its new state; undefined where the worker has spoken, or another one has the job
   */
  async takeBack({ id, fence }: Pick<JobRow, "id" | "fence">): Promise<JobState | undefined> {
    return await this.db.transaction(async () => {
      const [job] = await this.select(
        [["id = ?", id], ["fence = ?", fence]],
        `AND ${this.queue.lapsed} ${this.db.forUpdate}`,
      );
      if (!job) return undefined;
      const asked = { cancel: "cancelled", pause: "paused" } as const;
      const state = job.requested === null ? "queued" : asked[job.requested];
      const ended = finishedStates.includes(state);
      if (state === "queued") await this.queue.release(job);
      else await this.queue.withdraw(job);
      await this.update(id, {
        ...{ state, worker: null, requested: null, estimated_finish: null },
        ...(ended ? { finished_at: now() } : {}),
      });
      await this.attempts.end(id, "lost", "its worker was not heard of any more");
      return state;
    });
  }

  /** Sends what should wait and what the queue does not know of; how many there were. */
  async sendUnknown(): Promise<number> {
    return await this.db.transaction(async () => {
      const jobs = await this.select(
        [],
        `WHERE ${CLAIMED} AND ${this.queue.unknown} ORDER BY sequence ${this.db.forUpdateOfFree}`,
      );
      for (const job of jobs) await this.queue.send(job);
      return jobs.length;
    });
  }

  /** The same of the workers of a server that is gone, which are those that do not speak for themselves. */
  async releaseOrphans(): Promise<void> {
    await this.db.transaction(async () => {
      const left = await this.select(
        [["state = ?", "running"]],
        `AND ${CLAIMED} AND (lease_until IS NOT NULL OR delivery IS NOT NULL)
         AND worker NOT IN (SELECT name FROM workers) ${this.db.forUpdate}`,
      );
      for (const job of left) {
        await this.queue.release(job);
        await this.attempts.end(job.id, "lost", "its server ended");
        await this.#forgive(job);
      }
    });
  }

  /** Whether a message of this number was kept under the claim. */
  async wasTold({ id, fence }: { id: string; fence: number }, number: number): Promise<boolean> {
    const sql = "SELECT 1 FROM jobs WHERE id = ? AND fence = ? AND told >= ?";
    return await this.db.get(sql, id, fence, number) !== undefined;
  }

  /** Throws ClaimLost unless `fence` is the newest claim of a running job. */
  async assertClaim(id: string, fence: number): Promise<void> {
    const row = await this.db.get<{ state: string; fence: number }>(
      `SELECT state, fence FROM jobs WHERE id = ? ${this.db.forUpdate}`,
      id,
    );
    if (!row || row.fence !== fence || row.state !== "running") {
      throw new ClaimLost(`Cannot write to job "${id}": the claim ${fence} was lost`);
    }
  }

  /** Runs `body` in a transaction that holds the claim; throws ClaimLost before it otherwise. */
  async withClaim<T>(job: { id: string; fence: number }, body: () => Promise<T>): Promise<T> {
    return await this.db.transaction(async () => {
      await this.assertClaim(job.id, job.fence);
      return await body();
    });
  }

  /**
   * A change by the worker that holds the claim; a final state also sets `finished_at`.
   * @param reason of a state that ends the claim
   */
  async change(
    job: { id: string; fence: number },
    changes: JobChanges,
    reason: string | null = null,
  ): Promise<void> {
    await this.withClaim(job, async () => {
      const { state, device, error } = changes;
      const final = state !== undefined && finishedStates.includes(state);
      const free = state !== undefined && state !== "running";
      if (free) {
        const row = await this.get(job.id);
        if (state === "queued") await this.queue.release(row);
        else await this.queue.end(row);
        await this.attempts.end(job.id, state, reason ?? error ?? null);
      } else if (device) await this.attempts.runsOn(job, device);
      await this.update(job.id, {
        ...changes,
        ...(final ? { finished_at: now(), estimated_finish: null } : {}),
        ...(free ? { worker: null } : {}),
      });
    });
  }

  /** What a person has asked of a running job. */
  async requested(id: string): Promise<JobRow["requested"]> {
    return (await this.db.get<Pick<JobRow, "requested">>(
      "SELECT requested FROM jobs WHERE id = ?",
      id,
    ))
      ?.requested ?? null;
  }

  /**
   * Cancels: at once unless the job runs, else by a request that its loop sees. Throws NotFound,
   * and Conflict for a job that has ended.
   */
  async cancel(id: string): Promise<JobRow> {
    return await this.#ask(id, "cancel", { state: "cancelled", finished_at: now() });
  }

  /** Pauses, likewise. */
  async pause(id: string): Promise<JobRow> {
    return await this.#ask(id, "pause", { state: "paused" });
  }

  async #ask(id: string, what: "cancel" | "pause", atOnce: Partial<JobRow>): Promise<JobRow> {
    return await this.db.transaction(async () => {
      const job = await this.get(id);
      if (finishedStates.includes(job.state)) {
        throw new Conflict(`Cannot ${what} job "${id}": it has ${job.state}`);
      }
      if (job.state === "running") {
        // A cancellation is not weakened to a pause.
        if (job.requested !== "cancel") await this.update(id, { requested: what });
      } else {
        await this.queue.withdraw(job);
        await this.update(id, { requested: null, ...atOnce });
      }
      return await this.get(id);
    });
  }

  /** Queues a paused job again, or takes back the request to pause a running one. */
  async resume(id: string): Promise<JobRow> {
    return await this.db.transaction(async () => {
      const job = await this.get(id);
      if (job.state === "paused") {
        await this.update(id, { state: "queued", requested: null, attempts: 0, error: null });
        await this.#wait(await this.get(id));
      } else if (job.state === "running" && job.requested === "pause") {
        await this.update(id, { requested: null });
      } else throw new Conflict(`Cannot resume job "${id}": it is ${job.state}`);
      return await this.get(id);
    });
  }

  /** Removes an ended job with its events and metrics; throws NotFound, Conflict. */
  async removeFinished(id: string): Promise<void> {
    await this.db.transaction(async () => {
      const job = await this.get(id);
      if (!finishedStates.includes(job.state)) {
        throw new Conflict(`Cannot delete job "${id}": it is ${job.state}`);
      }
      await this.remove(id);
    });
  }

  /** Numbers of jobs by state. */
  async countByState(): Promise<Record<string, number>> {
    const rows = await this.db.all<{ state: string; n: number }>(
      "SELECT state, count(*) AS n FROM jobs GROUP BY state",
    );
    return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
  }
}
