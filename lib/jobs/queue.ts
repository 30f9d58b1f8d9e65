/** The queue as people see it: jobs are queued, shown, cancelled, paused, resumed, removed. */
import { assertMayQueue } from "@/lib/access/quota.ts";
import { limits } from "@/lib/config.ts";
import { Conflict, InvalidInput, Overloaded } from "@/lib/errors.ts";
import { fingerprint } from "./fingerprint.ts";
import { specOf, specs } from "@/lib/specs/mod.ts";
import { parseSpec } from "@/lib/specs/parse.ts";
import type { JobAction } from "@/lib/specs/spec.ts";
import {
  finishedStates,
  type JobRow,
  type KeyRow,
  newId,
  now,
  type Store,
} from "@/lib/store/mod.ts";

/** A job about to be queued. */
export interface ResolvedJob {
  kind: string;
  spec: Record<string, unknown>;
}

/**
 * Resolves a job's spec: defaults, ids in place of names, dataset digest, code version.
 * A resolved spec is accepted again, to repeat a run, as long as the data set is the same.
 * @throws {InvalidInput} naming each wrong field
 * @throws {NotFound} when something that the spec names is not there
 * @throws {Conflict} when the data set is not the one of the given digest
 */
export function resolveJob(
  store: Store,
  request: Record<string, unknown>,
  codeVersion: string,
): ResolvedJob {
  const { kind, dataset_digest: wanted } = request;
  const found = typeof kind === "string" ? specOf(kind) : undefined;
  if (typeof kind !== "string" || !found) {
    throw new InvalidInput("Cannot queue this job: there is no such kind", [
      { pointer: "/kind", message: `one of ${Object.keys(specs).join(", ")} is needed` },
    ]);
  }
  const parsed = parseSpec(found.schema, request) as Record<string, unknown>;
  const dataset = typeof parsed.dataset === "string"
    ? store.datasets.byName(parsed.dataset)
    : undefined;
  if (wanted !== undefined && wanted !== dataset?.digest) {
    throw new Conflict(`Cannot repeat this job: dataset "${dataset?.name}" has changed since`);
  }
  const spec = {
    ...found.resolve(parsed, store),
    ...(dataset ? { dataset_digest: dataset.digest } : {}),
    code_version: codeVersion,
  };
  return { kind, spec };
}

export interface QueueOptions {
  /** The study that the job belongs to. */
  study?: string | null;
  /** Whose job it is. */
  key?: KeyRow;
}

/**
 * Queues a job.
 * @throws {Overloaded} when the queue is full, or the key has as many jobs as it may have
 */
export function enqueue(
  store: Store,
  { kind, spec }: ResolvedJob,
  { study = null, key }: QueueOptions = {},
): JobRow {
  return store.db.transaction(() => {
    if (key) assertMayQueue(store, key);
    if (store.jobs.count([["state = ?", "queued"]]) >= limits.queuedJobs) {
      throw new Overloaded(`Cannot queue more than ${limits.queuedJobs} jobs`, 30);
    }
    const job = store.jobs.insert({
      ...newJob(kind, spec),
      study,
      fingerprint: fingerprint(store, { kind, spec }),
    });
    if (key) store.owners.note(job.id, key.id);
    store.events.append(job.id, "state", { state: "queued" });
    specOf(kind)?.queued?.(job, store);
    return store.jobs.get(job.id);
  });
}

/** Resolves a request and queues it. */
export function submit(
  store: Store,
  request: Record<string, unknown>,
  codeVersion: string,
): JobRow {
  return enqueue(store, resolveJob(store, request, codeVersion));
}

/** A row for a job that waits. */
export function newJob(kind: string, spec: Record<string, unknown>): JobRow {
  return {
    id: newId("job"),
    kind,
    state: "queued",
    spec,
    progress: { done: 0, total: 0, unit: "" },
    worker: null,
    fence: 0,
    attempts: 0,
    requested: null,
    error: null,
    result: null,
    device: null,
    created_at: now(),
    started_at: null,
    finished_at: null,
    estimated_finish: null,
    study: null,
    fingerprint: null,
  };
}

/**
 * Does what a person asks of a job; a changed state is told as an event. Of a study it reaches the jobs
 * that the study has queued. Throws NotFound, Conflict.
 */
export function control(store: Store, id: string, what: JobAction): JobRow {
  return store.db.transaction(() => {
    const asked = store.jobs.get(id);
    const { kind, state: before } = asked;
    specOf(kind)?.made?.control(asked, store, what, (other) => void control(store, other, what));
    const job = store.jobs[what](id);
    if (job.state !== before) store.events.append(id, "state", { state: job.state });
    if (finishedStates.includes(job.state)) removeCheckpoints(store, id);
    return job;
  });
}

/** Removes an ended job with its events, metrics and checkpoints. Throws NotFound, Conflict. */
export function remove(store: Store, id: string): void {
  store.jobs.removeFinished(id);
  removeCheckpoints(store, id);
}

export function removeCheckpoints(store: Store, id: string): void {
  try {
    Deno.removeSync(store.checkpoints(id), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
