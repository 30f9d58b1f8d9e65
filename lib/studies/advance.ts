/**
 * Keeps studies going. A study holds no worker: between two jobs the worker looks at what has become of its
 * cells, queues their next jobs, and brings its table up to date. All of it stands in the database, so that a
 * study survives whatever its cells survive.
 */
import { finetuneRequest, gridRows, pretrainRequest } from "@/lib/specs/study_grid.ts";
import { limits } from "@/lib/config.ts";
import { Conflict, InvalidInput, isDiskFull, NotFound } from "@/lib/errors.ts";
import { withoutNames } from "@/lib/log.ts";
import { studyTable } from "./study_table.ts";
import type { StudyTable } from "./table_schema.ts";
import { fingerprint } from "@/lib/jobs/fingerprint.ts";
import type { JobHandler } from "@/lib/jobs/kinds/handler.ts";
import { control, enqueue, type ResolvedJob, resolveJob } from "@/lib/jobs/queue.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import type { StudySpec } from "@/lib/specs/study_schema.ts";
import {
  type CellRow,
  type JobRow,
  openCells,
  type Store,
  type StudyRow,
} from "@/lib/store/mod.ts";
import { now } from "@/lib/store/mod.ts";

/** Jobs of one study that wait in the queue at a time, so that other people's jobs come in between. */
const WAITING = 2;
/** Cells that need no job of their own are looked up this long at a time. */
const TURN_MS = 200;

/** Does what can be done for every study that is on its way; ids of the jobs that changed. */
export function advanceStudies(store: Store): string[] {
  const changed = new Set<string>();
  for (const job of store.jobs.studies()) {
    try {
      new Study(store, job, changed).advance();
    } catch (error) {
      // Once there is room again the study goes on.
      if (isDiskFull(error)) continue;
      console.error(`study ${job.id}: ${withoutNames(error)}`);
      const message = error instanceof Error ? error.message : String(error);
      end(store, job, changed, { error: message });
    }
  }
  return [...changed];
}

/** The worker's half of the kind `study`. */
export const study = { advance: advanceStudies } satisfies JobHandler;

class Study {
  private readonly study: StudyRow;
  private readonly spec: StudySpec;

  constructor(
    private readonly store: Store,
    private readonly job: JobRow,
    private readonly changed: Set<string>,
  ) {
    this.study = store.studies.ofJob(job.id)!;
    this.spec = parseStudy(job.spec);
  }

  advance(): void {
    const { store, study, job } = this;
    const ended = store.db.transaction(() => {
      // What was asked of it meanwhile counts.
      const { state } = store.jobs.get(job.id);
      if (state !== "queued" && state !== "running") return undefined;
      for (const cell of store.studies.cells(study.id, openCells)) this.follow(cell);
      if (store.jobs.get(job.id).state === "paused") return undefined;
      if (state === "queued") this.start();
      const until = performance.now() + TURN_MS;
      for (const cell of store.studies.cells(study.id, ["waiting"])) {
        if (!this.hasRoom() || performance.now() > until) break;
        this.begin(cell);
      }
      const cells = store.studies.cells(study.id);
      const rest = cells.filter((cell) => openCells.includes(cell.state)).length;
      const progress = { done: cells.length - rest, total: cells.length, unit: "cells" };
      if (progress.done !== job.progress.done) {
        store.jobs.update(job.id, { progress, estimated_finish: this.finish(cells) });
        this.changed.add(job.id);
      }
      return { rest, news: progress.done !== job.progress.done, cells };
    });
    if (!ended) return;
    // Resampling takes a while: the database is not held meanwhile.
    if (ended.news || ended.rest === 0) this.tabulate(ended.cells);
    if (ended.rest === 0) this.conclude(ended.cells);
  }

  private start(): void {
    const { store, job } = this;
    const again = job.started_at !== null;
    store.jobs.update(job.id, { state: "running", started_at: job.started_at ?? now() });
    store.events.append(job.id, "state", { state: "running" });
    if (!again) {
      store.events.append(job.id, "log", { message: `${job.progress.total} cells are to be done` });
    }
    this.changed.add(job.id);
  }

  /** Looks at the job that the cell waits for. */
  private follow(cell: CellRow): CellRow {
    if (cell.state === "waiting") return cell;
    const { store, study } = this;
    const pretraining = cell.state === "pretraining";
    const id = pretraining ? cell.pretrain_job : cell.finetune_job;
    const job = store.jobs.find(id!);
    const own = job?.study === study.id;
    // Deleted by hand, or another person's job that was stopped: it is done anew.
    if (!job || (!own && (job.state === "cancelled" || job.state === "paused"))) {
      return store.studies.updateCell(cell, {
        ...{ state: "waiting", pretrain_job: null, pretrained: null, finetune_job: null },
      });
    }
    if (job.state === "failed") return this.close(cell, "failed", `${job.kind}: ${job.error}`);
    if (job.state === "cancelled") return this.close(cell, "cancelled", null);
    if (job.state === "paused" && job.error !== null) this.hold(job.error);
    if (job.state !== "succeeded") return cell;
    if (pretraining) return this.fineTune(cell, job.result!.model as string);
    const { model, evaluation } = job.result as { model: string; evaluation: string };
    return this.close(store.studies.updateCell(cell, { model, evaluation }), "done", null);
  }

  /** Pauses the whole study for the reason that paused one of its jobs: a full disk. */
  private hold(error: string): void {
    const { store, job } = this;
    store.jobs.update(job.id, { state: "queued", error });
    control(store, job.id, "pause");
    this.changed.add(job.id);
  }

  private close(cell: CellRow, state: CellRow["state"], error: string | null): CellRow {
    const { row, backbone, run } = cell;
    const type = state === "failed" ? "warning" : "log";
    const name = gridRows(this.spec).find(({ key }) => key === row)!.name;
    const figures = cell.evaluation && this.store.evaluations.get(cell.evaluation).metrics;
    this.store.events.append(this.job.id, type, {
      message: `${name}, ${backbone}, run ${run}: ${error ?? state}`,
      ...{ row, backbone, run },
      ...(figures
        ? { m_auc: figures.m_auc, auc: figures.auc_macro_one_vs_rest, accuracy: figures.accuracy }
        : {}),
    });
    this.changed.add(this.job.id);
    return this.store.studies.updateCell(cell, { state, error });
  }

  private begin(cell: CellRow): CellRow {
    const request = pretrainRequest(this.spec, cell);
    if (!request) return this.fineTune(cell);
    return this.queue(cell, request, (job) => ({
      state: "pretraining",
      pretrain_job: job.id,
    }));
  }

  private fineTune(cell: CellRow, pretrained?: string): CellRow {
    if (pretrained !== undefined && !this.store.models.find(pretrained)) {
      return this.close(cell, "failed", `Cannot fine-tune: model "${pretrained}" was deleted`);
    }
    return this.queue(cell, finetuneRequest(this.spec, cell, pretrained), (job) => ({
      state: "finetuning",
      finetune_job: job.id,
      pretrained: pretrained ?? null,
    }));
  }

  /** A job for the cell, which then stands as `then` says; the cell fails when there can be none. */
  private queue(
    cell: CellRow,
    request: Record<string, unknown>,
    then: (job: JobRow) => Partial<CellRow>,
  ): CellRow {
    let job: JobRow | undefined;
    try {
      job = this.jobFor(request);
    } catch (error) {
      const known = [NotFound, Conflict, InvalidInput].some((kind) => error instanceof kind);
      if (!known) throw error;
      return this.close(cell, "failed", (error as Error).message);
    }
    if (!job) return cell;
    const begun = this.store.studies.updateCell(cell, then(job));
    return job.state === "succeeded" ? this.follow(begun) : begun;
  }

  /** The same job, done or on its way, whoever queued it; else a new one, when the queue has room. */
  private jobFor(request: Record<string, unknown>): JobRow | undefined {
    const { store, job: { spec }, study } = this;
    const resolved = resolveJob(
      store,
      { ...request, dataset_digest: spec.dataset_digest },
      spec.code_version as string,
    );
    const same = sameJob(store, resolved);
    if (same) return same;
    if (queueLength(store) >= limits.queuedJobs) return undefined;
    const queued = enqueue(store, resolved, { study: study.id });
    this.changed.add(queued.id);
    return queued;
  }

  private hasRoom(): boolean {
    const { store, study } = this;
    return queueLength(store) < limits.queuedJobs &&
      store.jobs.count([["study = ?", study.id], ["state = ?", "queued"]]) < WAITING;
  }

  /** By the time that the cells took which this study had computed itself. */
  private finish(cells: CellRow[]): string | null {
    const { store, study, job } = this;
    const own =
      cells.filter(({ state, finetune_job }) =>
        state === "done" && store.jobs.find(finetune_job!)?.study === study.id
      ).length;
    const rest = cells.filter(({ state }) => openCells.includes(state)).length;
    if (own === 0 || rest === 0 || job.started_at === null) return null;
    const each = (Date.now() - Date.parse(job.started_at)) / own;
    return new Date(Date.now() + each * rest).toISOString();
  }

  private tabulate(cells: CellRow[]): void {
    const { store, study, spec } = this;
    const dataset = store.datasets.find(study.dataset_id)!;
    const table = studyTable({
      spec,
      cells,
      positive_label: dataset.positive_label,
      patients: () =>
        new Map(store.images.all(dataset.id).map(({ name, patient }) => [name, patient])),
      evaluation: (id) => store.evaluations.get(id),
    }, study.summary as unknown as StudyTable ?? undefined);
    store.studies.update(study.id, { summary: { ...table } });
  }

  private conclude(cells: CellRow[]): void {
    const { store, job, study, changed } = this;
    const count = (state: CellRow["state"]) => cells.filter((cell) => cell.state === state).length;
    const [done, failed] = [count("done"), count("failed")];
    const result = { study: study.id, done, failed, cancelled: count("cancelled") };
    const error = done > 0
      ? null
      : `No cell could be computed: ${
        cells.find((cell) => cell.error !== null)?.error ?? "all were cancelled"
      }`;
    end(store, job, changed, { result, error });
  }
}

/** Ends the study's job, unless it was paused or cancelled meanwhile. */
function end(
  store: Store,
  job: JobRow,
  changed: Set<string>,
  { result = null, error }: { result?: JobRow["result"]; error: string | null },
): void {
  store.db.transaction(() => {
    const { state } = store.jobs.get(job.id);
    if (state !== "queued" && state !== "running") return;
    for (const cell of store.studies.cells(store.studies.ofJob(job.id)!.id, openCells)) {
      store.studies.updateCell(cell, { state: "cancelled", error });
    }
    const final = error === null ? "succeeded" : "failed";
    store.jobs.update(job.id, {
      ...{ state: final, result, error, finished_at: now(), estimated_finish: null },
    });
    store.events.append(job.id, "state", { state: final, ...(error ? { reason: error } : {}) });
    changed.add(job.id);
  });
}

/** A job with this result whose result is still there, or one that will have it. */
export function sameJob(store: Store, job: ResolvedJob): JobRow | undefined {
  return store.jobs.sameAs(fingerprint(store, job)!).find(({ state, result }) => {
    if (state !== "succeeded") return true;
    const { model, evaluation } = result as { model: string; evaluation?: string };
    return store.models.find(model) !== undefined &&
      (evaluation === undefined || store.evaluations.find(evaluation) !== undefined);
  });
}

function queueLength(store: Store): number {
  return store.jobs.count([["state = ?", "queued"]]);
}
