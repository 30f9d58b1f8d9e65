/** Jobs: a queue in the database; a claim's fencing number keeps a lost worker from writing. */
import type { AdapterInfo } from "@/gpu/device.ts";
import { Conflict } from "@/lib/errors.ts";
import type { Database } from "./database.ts";
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
}

export interface JobFilter extends PageOptions {
  kind?: string;
  state?: JobState;
  /** Name of the data set in the job's spec. */
  dataset?: string;
  study?: string;
}

export const finishedStates: JobState[] = ["succeeded", "failed", "cancelled"];

/** What a claimed job may change about itself. */
export type JobChanges = Partial<
  Pick<
    JobRow,
    "state" | "progress" | "requested" | "error" | "result" | "device" | "estimated_finish"
  >
>;

/** The claim was lost: another worker has the job, or it was ended. */
export class ClaimLost extends Conflict {
  override name = "ClaimLost";
}

const conditionsOf = ({ kind, dataset, study }: JobFilter): Conditions => [
  ["kind = ?", kind],
  ["json_extract(spec, '$.dataset') = ?", dataset],
  ["study = ?", study],
];

export class Jobs extends Table<JobRow> {
  constructor(db: Database) {
    super(db, {
      table: "jobs",
      noun: "job",
      json: ["spec", "progress", "result", "device"],
      newestFirst: true,
    });
  }

  /** Newest first. */
  listJobs(filter: JobFilter = {}): Page<JobRow> {
    return this.list(filter, [...conditionsOf(filter), ["state = ?", filter.state]]);
  }

  /** Numbers of jobs by state, whatever state the filter names. */
  totals(filter: JobFilter): Record<JobState, number> {
    const { where, values } = this.where(conditionsOf(filter));
    const rows = this.db.all<{ state: JobState; n: number }>(
      `SELECT state, count(*) AS n FROM jobs ${where} GROUP BY state`,
      ...values,
    );
    const none = jobStates.map((state) => [state, 0]);
    return Object.fromEntries([...none, ...rows.map(({ state, n }) => [state, n])]);
  }

  /** Studies that are on their way, oldest first: they need no worker, their cells do. */
  studies(): JobRow[] {
    return this.select([["kind = ?", "study"]], "AND state IN ('queued', 'running') ORDER BY id");
  }

  /** A job that gives, or gave, the result of this fingerprint: a finished one before others. */
  sameAs(fingerprint: string): JobRow[] {
    return this.select(
      [["fingerprint = ?", fingerprint]],
      "AND state IN ('succeeded', 'queued', 'running') ORDER BY state = 'succeeded' DESC, id",
    );
  }

  /** 0 for the next job to be claimed; undefined when the job does not wait. */
  queuePosition(job: JobRow): number | undefined {
    if (job.state !== "queued") return undefined;
    return this.count([["state = ?", "queued"], ["id < ?", job.id]]);
  }

  /**
   * Gives `worker` the next job: first one that runs under another worker's name (it died), then
   * the oldest in the queue. The state becomes running and the fence grows.
   * @param kinds that the worker runs; without them all
   */
  claim(worker: string, kinds?: string[]): JobRow | undefined {
    return this.db.transaction(() => {
      const job = this.select(
        [
          ["(state = 'queued' OR (state = 'running' AND worker <> ?))", worker],
          ["kind IN (SELECT value FROM json_each(?))", kinds && JSON.stringify(kinds)],
        ],
        "ORDER BY state DESC, id LIMIT 1",
      )[0];
      if (!job) return undefined;
      const changes: Partial<JobRow> = {
        state: "running",
        worker,
        fence: job.fence + 1,
        attempts: job.attempts + 1,
        started_at: job.started_at ?? now(),
      };
      this.update(job.id, changes);
      return { ...job, ...changes };
    });
  }

  /** Takes back the last attempt of what runs: it was cut off for no fault of the job. */
  forgive(): void {
    this.db.run("UPDATE jobs SET attempts = max(attempts - 1, 0) WHERE state = 'running'");
  }

  /** Throws ClaimLost unless `fence` is the newest claim of a running job. */
  assertClaim(id: string, fence: number): void {
    const row = this.db.get<{ state: string; fence: number }>(
      "SELECT state, fence FROM jobs WHERE id = ?",
      id,
    );
    if (!row || row.fence !== fence || row.state !== "running") {
      throw new ClaimLost(`Cannot write to job "${id}": the claim ${fence} was lost`);
    }
  }

  /** Runs `body` in a transaction that holds the claim; throws ClaimLost before it otherwise. */
  withClaim<T>(job: { id: string; fence: number }, body: () => T): T {
    return this.db.transaction(() => {
      this.assertClaim(job.id, job.fence);
      return body();
    });
  }

  /** A change by the worker that holds the claim; a final state also sets `finished_at`. */
  change(job: { id: string; fence: number }, changes: JobChanges): void {
    this.withClaim(job, () => {
      const final = changes.state !== undefined && finishedStates.includes(changes.state);
      const free = changes.state !== undefined && changes.state !== "running";
      this.update(job.id, {
        ...changes,
        ...(final ? { finished_at: now(), estimated_finish: null } : {}),
        ...(free ? { worker: null } : {}),
      });
    });
  }

  /** What a person has asked of a running job. */
  requested(id: string): JobRow["requested"] {
    return this.db.get<Pick<JobRow, "requested">>("SELECT requested FROM jobs WHERE id = ?", id)
      ?.requested ?? null;
  }

  /**
   * Cancels: at once unless the job runs, else by a request that its loop sees. Throws NotFound,
   * and Conflict for a job that has ended.
   */
  cancel(id: string): JobRow {
    return this.#ask(id, "cancel", { state: "cancelled", finished_at: now() });
  }

  /** Pauses, likewise. */
  pause(id: string): JobRow {
    return this.#ask(id, "pause", { state: "paused" });
  }

  #ask(id: string, what: "cancel" | "pause", atOnce: Partial<JobRow>): JobRow {
    return this.db.transaction(() => {
      const job = this.get(id);
      if (finishedStates.includes(job.state)) {
        throw new Conflict(`Cannot ${what} job "${id}": it has ${job.state}`);
      }
      if (job.state === "running") {
        // A cancellation is not weakened to a pause.
        if (job.requested !== "cancel") this.update(id, { requested: what });
      } else this.update(id, { requested: null, ...atOnce });
      return this.get(id);
    });
  }

  /** Queues a paused job again, or takes back the request to pause a running one. */
  resume(id: string): JobRow {
    return this.db.transaction(() => {
      const job = this.get(id);
      if (job.state === "paused") {
        this.update(id, { state: "queued", requested: null, attempts: 0, error: null });
      } else if (job.state === "running" && job.requested === "pause") {
        this.update(id, { requested: null });
      } else throw new Conflict(`Cannot resume job "${id}": it is ${job.state}`);
      return this.get(id);
    });
  }

  /** Removes an ended job with its events and metrics; throws NotFound, Conflict. */
  removeFinished(id: string): void {
    this.db.transaction(() => {
      const job = this.get(id);
      if (!finishedStates.includes(job.state)) {
        throw new Conflict(`Cannot delete job "${id}": it is ${job.state}`);
      }
      this.remove(id);
    });
  }

  /** Numbers of jobs by state. */
  countByState(): Record<string, number> {
    const rows = this.db.all<{ state: string; n: number }>(
      "SELECT state, count(*) AS n FROM jobs GROUP BY state",
    );
    return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
  }
}
