/**
 * Advances studies. A study holds no worker: the API looks at what has become of its cells, queues their next jobs,
 * and brings its table up to date. All of it stands in the database, so that a study survives whatever its cells
 * survive.
 */
import { isMultiLabelMetrics } from "@/lib/evaluation/multi_label_evaluation.ts";
import { finetuneRequest, gridRows, pretrainRequest } from "@/lib/specs/study_grid.ts";
import { Conflict, InvalidInput, isDiskFull, NotFound } from "@/lib/errors.ts";
import { withoutNames } from "@/lib/log.ts";
import { seenByCut } from "./cut_seen.ts";
import { neededEvaluations } from "./study_table.ts";
import type { StudyTable } from "./table_schema.ts";
import { studyTableOf } from "./table_thread.ts";
import { fingerprint } from "@/lib/jobs/fingerprint.ts";
import {
  control,
  enqueue,
  mostQueued,
  queueLength,
  type ResolvedJob,
  resolveJob,
  workerCount,
} from "@/lib/jobs/queue.ts";
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

/**
 * Jobs of one study that wait in the queue at a time, so that other people's jobs come in between; where there are
 * more workers, one for each.
 */
const WAITING = 2;
/** Cells that need no job of their own are looked up this long at a time; requests come in between. */
const TURN_MS = 20;

/** Does what can be done for every study that is on its way; ids of the jobs that changed. */
export async function advanceStudies(store: Store): Promise<string[]> {
  const changed = new Set<string>();
  for (const job of await store.jobs.studies()) {
    try {
      const study = (await store.studies.ofJob(job.id))!;
      await new Study(store, job, study, changed).advance();
    } catch (error) {
      // Once there is room again the study goes on.
      if (isDiskFull(error)) continue;
      console.error(`study ${job.id}: ${withoutNames(error)}`);
      const message = error instanceof Error ? error.message : String(error);
      await end(store, job, changed, { error: message });
    }
  }
  return [...changed];
}

class Study {
  private readonly spec: StudySpec;

  constructor(
    private readonly store: Store,
    private readonly job: JobRow,
    private readonly study: StudyRow,
    private readonly changed: Set<string>,
  ) {
    this.spec = parseStudy(job.spec);
  }

  async advance(): Promise<void> {
    const { store, study, job } = this;
    const ended = await store.db.transaction(async () => {
      // What was asked of it meanwhile counts.
      const { state } = await store.jobs.get(job.id);
      if (state !== "queued" && state !== "running") return undefined;
      for (const cell of await store.studies.cells(study.id, openCells)) await this.follow(cell);
      if ((await store.jobs.get(job.id)).state === "paused") return undefined;
      if (state === "queued") await this.start();
      const waiting = await store.studies.cells(study.id, ["waiting"]);
      const until = performance.now() + TURN_MS;
      for (const cell of waiting) {
        if (!await this.hasRoom()) break;
        await this.begin(cell);
        if (performance.now() > until) break;
      }
      const cells = await store.studies.cells(study.id);
      const rest = cells.filter((cell) => openCells.includes(cell.state)).length;
      const progress = { done: cells.length - rest, total: cells.length, unit: "cells" };
      if (progress.done !== job.progress.done) {
        await store.jobs.update(job.id, { progress, estimated_finish: await this.finish(cells) });
        this.changed.add(job.id);
      }
      return { rest, news: progress.done !== job.progress.done, cells };
    });
    if (!ended) return;
    // Resampling takes a while: the database is not held meanwhile.
    if (ended.news || ended.rest === 0) await this.tabulate(ended.cells);
    if (ended.rest === 0) await this.conclude(ended.cells);
  }

  private async start(): Promise<void> {
    const { store, job } = this;
    const again = job.started_at !== null;
    await store.jobs.update(job.id, { state: "running", started_at: job.started_at ?? now() });
    await store.events.append(job.id, "state", { state: "running" });
    if (!again) {
      await store.events.append(job.id, "log", {
        message: `${job.progress.total} cells are to be done`,
      });
    }
    this.changed.add(job.id);
  }

  /** Looks at the job that the cell waits for. */
  private async follow(cell: CellRow): Promise<CellRow> {
    if (cell.state === "waiting") return cell;
    const { store, study } = this;
    const pretraining = cell.state === "pretraining";
    const id = pretraining ? cell.pretrain_job : cell.finetune_job;
    const job = await store.jobs.find(id!);
    const own = job?.study === study.id;
    // Deleted by hand, or another person's job that was stopped: it is done anew.
    if (!job || (!own && (job.state === "cancelled" || job.state === "paused"))) {
      return await store.studies.updateCell(cell, {
        ...{ state: "waiting", pretrain_job: null, pretrained: null, finetune_job: null },
      });
    }
    if (job.state === "failed") {
      return await this.close(cell, "failed", `${job.kind}: ${job.error}`);
    }
    if (job.state === "cancelled") return await this.close(cell, "cancelled", null);
    if (job.state === "paused" && job.error !== null) await this.hold(job.error);
    if (job.state !== "succeeded") return cell;
    if (pretraining) return await this.fineTune(cell, job.result!.model as string);
    const { model, evaluation } = job.result as { model: string; evaluation: string };
    return await this.close(
      await store.studies.updateCell(cell, { model, evaluation }),
      "done",
      null,
    );
  }

  /** Pauses the whole study for the reason that paused one of its jobs: a full disk. */
  private async hold(error: string): Promise<void> {
    const { store, job } = this;
    await store.jobs.update(job.id, { state: "queued", error });
    await control(store, job.id, "pause");
    this.changed.add(job.id);
  }

  private async close(
    cell: CellRow,
    state: CellRow["state"],
    error: string | null,
  ): Promise<CellRow> {
    const { row, backbone, run } = cell;
    const type = state === "failed" ? "warning" : "log";
    const name = gridRows(this.spec).find(({ key }) => key === row)!.name;
    const figures = cell.evaluation && (await this.store.evaluations.get(cell.evaluation)).metrics;
    await this.store.events.append(this.job.id, type, {
      message: `${name}, ${backbone}, run ${run}: ${error ?? state}`,
      ...{ row, backbone, run },
      ...(figures
        ? isMultiLabelMetrics(figures)
          ? { m_auc: figures.m_auc, auc: figures.macro.auc, accuracy: figures.macro.accuracy }
          : { m_auc: figures.m_auc, auc: figures.auc_macro_one_vs_rest, accuracy: figures.accuracy }
        : {}),
    });
    this.changed.add(this.job.id);
    return await this.store.studies.updateCell(cell, { state, error });
  }

  private async begin(cell: CellRow): Promise<CellRow> {
    const request = pretrainRequest(this.spec, cell);
    if (!request) return await this.fineTune(cell);
    return await this.queue(cell, request, (job) => ({
      state: "pretraining",
      pretrain_job: job.id,
    }));
  }

  private async fineTune(cell: CellRow, pretrained?: string): Promise<CellRow> {
    if (pretrained !== undefined && !await this.store.models.find(pretrained)) {
      return await this.close(
        cell,
        "failed",
        `Cannot fine-tune: model "${pretrained}" was deleted`,
      );
    }
    return await this.queue(cell, finetuneRequest(this.spec, cell, pretrained), (job) => ({
      state: "finetuning",
      finetune_job: job.id,
      pretrained: pretrained ?? null,
    }));
  }

  /** A job for the cell, which then stands as `then` says; the cell fails when there can be none. */
  private async queue(
    cell: CellRow,
    request: Record<string, unknown>,
    then: (job: JobRow) => Partial<CellRow>,
  ): Promise<CellRow> {
    let job: JobRow | undefined;
    try {
      job = await this.jobFor(request);
    } catch (error) {
      const known = [NotFound, Conflict, InvalidInput].some((kind) => error instanceof kind);
      if (!known) throw error;
      return await this.close(cell, "failed", (error as Error).message);
    }
    if (!job) return cell;
    const begun = await this.store.studies.updateCell(cell, then(job));
    return job.state === "succeeded" ? await this.follow(begun) : begun;
  }

  /** The same job, done or on its way, whoever queued it; else a new one, when the queue has room. */
  private async jobFor(request: Record<string, unknown>): Promise<JobRow | undefined> {
    const { store, job: { spec }, study } = this;
    const resolved = await resolveJob(
      store,
      { ...request, dataset_digest: spec.dataset_digest },
      spec.code_version as string,
    );
    const same = await sameJob(store, resolved);
    if (same) return same;
    if (await queueLength(store) >= await mostQueued(store)) return undefined;
    const queued = await enqueue(store, resolved, { study: study.id });
    this.changed.add(queued.id);
    return queued;
  }

  private async hasRoom(): Promise<boolean> {
    const { store, study } = this;
    return await queueLength(store) < await mostQueued(store) &&
      await store.jobs.count([["study = ?", study.id], ["state = ?", "queued"]]) <
        Math.max(WAITING, await workerCount(store));
  }

  /** By the time that the cells took which this study had computed itself. */
  private async finish(cells: CellRow[]): Promise<string | null> {
    const { store, study, job } = this;
    const jobs = new Set(await store.jobs.idsOfStudy(study.id));
    const own =
      cells.filter(({ state, finetune_job }) => state === "done" && jobs.has(finetune_job!)).length;
    const rest = cells.filter(({ state }) => openCells.includes(state)).length;
    if (own === 0 || rest === 0 || job.started_at === null) return null;
    const each = (Date.now() - Date.parse(job.started_at)) / own;
    // The clock was set back.
    if (each <= 0) return null;
    return new Date(Date.now() + each * rest).toISOString();
  }

  private async tabulate(cells: CellRow[]): Promise<void> {
    const { store, study, spec } = this;
    const dataset = (await store.datasets.find(study.dataset_id))!;
    const before = study.summary as unknown as StudyTable ?? undefined;
    const evaluations = neededEvaluations({ spec, cells }, before);
    const images = await store.images.all(dataset.id);
    const table = await studyTableOf({
      source: {
        ...{ spec, cells, positive_label: dataset.positive_label },
        patients: new Map(images.map(({ name, patient }) => [name, patient])),
        seen_by_cut: new Set(seenByCut(spec, images)),
        evaluations: new Map(
          (await store.evaluations.getAll(evaluations)).map((row) => [row.id, row]),
        ),
      },
      before,
    });
    await store.studies.update(study.id, { summary: { ...table } });
  }

  private async conclude(cells: CellRow[]): Promise<void> {
    const { store, job, study, changed } = this;
    const count = (state: CellRow["state"]) => cells.filter((cell) => cell.state === state).length;
    const [done, failed] = [count("done"), count("failed")];
    const result = { study: study.id, done, failed, cancelled: count("cancelled") };
    const error = done > 0
      ? null
      : `No cell could be computed: ${
        cells.find((cell) => cell.error !== null)?.error ?? "all were cancelled"
      }`;
    await end(store, job, changed, { result, error });
  }
}

/** Ends the study's job, unless it was paused or cancelled meanwhile. */
async function end(
  store: Store,
  job: JobRow,
  changed: Set<string>,
  { result = null, error }: { result?: JobRow["result"]; error: string | null },
): Promise<void> {
  await store.db.transaction(async () => {
    const { state } = await store.jobs.get(job.id);
    if (state !== "queued" && state !== "running") return;
    for (
      const cell of await store.studies.cells((await store.studies.ofJob(job.id))!.id, openCells)
    ) {
      await store.studies.updateCell(cell, { state: "cancelled", error });
    }
    const final = error === null ? "succeeded" : "failed";
    await store.jobs.update(job.id, {
      ...{ state: final, result, error, finished_at: now(), estimated_finish: null },
    });
    await store.events.append(job.id, "state", {
      state: final,
      ...(error ? { reason: error } : {}),
    });
    changed.add(job.id);
  });
}

/** A job with this result whose result is still there, or one that will have it. */
export async function sameJob(store: Store, job: ResolvedJob): Promise<JobRow | undefined> {
  const digest = (await fingerprint(store, job))!;
  for (const same of await store.jobs.sameAs(digest)) {
    if (same.state !== "succeeded") return same;
    const { model, evaluation } = same.result as { model: string; evaluation?: string };
    const models = await store.models.count([["id = ?", model]]);
    const evaluations = await store.evaluations.count([["id = ?", evaluation]]);
    if (models > 0 && (evaluation === undefined || evaluations > 0)) return same;
  }
  return undefined;
}
