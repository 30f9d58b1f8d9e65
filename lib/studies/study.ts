/** A study as it is told: its table while it fills, and the trainings behind it. */
import { z } from "zod";
import { declared } from "@/lib/declared.ts";
import { jobStateSchema, progressSchema } from "@/lib/jobs/job.ts";
import { type KeptSpec, specs } from "@/lib/specs/mod.ts";
import {
  type PretrainedLineage,
  pretrainedLineageSchema,
  warningsOf,
} from "@/lib/training/lineage.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import { cellStates, type Store, type StudyRow } from "@/lib/store/mod.ts";
import { completedCell, finished } from "./finished_table.ts";
import { studyTable } from "./study_table.ts";
import { type StudyTable, studyTableSchema } from "./table_schema.ts";
import { verdictOf, verdictSchema } from "./verdict.ts";

export const studySchema = z.object({
  id: z.string(),
  name: z.string().nullable(),
  job: z.string(),
  dataset: z.string().nullable().describe("null once it is deleted"),
  stale: z.boolean().describe("Whether the data set is gone or has changed since"),
  state: jobStateSchema.nullable().describe("Of its job; null once that is deleted"),
  progress: progressSchema,
  estimated_finish: z.iso.datetime().nullable().describe("While its job is on its way"),
  created_at: z.iso.datetime(),
}).meta({ id: "Study" });
export type Study = z.output<typeof studySchema>;

const trainingSchema = z.object({
  row: z.string(),
  backbone: z.string(),
  run: z.number().describe("Seed, or number of the fold"),
  state: z.enum(cellStates),
  pretrain_job: z.string().nullable(),
  finetune_job: z.string().nullable(),
  positives: pretrainedLineageSchema.shape.positives.nullable()
    .describe("Pairs of its pre-training, audited on its own training part; null without any"),
  warnings: z.array(z.string()).describe("Of its pre-training and its evaluation"),
  model: z.string().nullable(),
  evaluation: z.string().nullable(),
  error: z.string().nullable(),
}).meta({ id: "StudyTraining" });

export const filledStudySchema = studySchema.extend({
  spec: specs.study.kept,
  rows: studyTableSchema.shape.rows,
  cells: studyTableSchema.shape.cells,
  warnings: studyTableSchema.shape.warnings,
  run_kind: studyTableSchema.shape.run_kind,
  backbones: studyTableSchema.shape.backbones,
  positive_label: studyTableSchema.shape.positive_label,
  verdict: verdictSchema,
  runs: z.array(trainingSchema)
    .describe("The single trainings; learning curves are metrics of their jobs"),
}).meta({ id: "FilledStudy" });

export async function toStudyView(store: Store, row: StudyRow): Promise<Study> {
  const dataset = await store.datasets.find(row.dataset_id);
  const { total, open } = await store.studies.progress(row.id);
  const job = await store.jobs.find(row.job_id);
  return {
    id: row.id,
    name: row.name,
    job: row.job_id,
    dataset: dataset?.name ?? null,
    stale: (dataset && await store.datasets.digestOf(dataset)) !== row.spec.dataset_digest,
    state: job?.state ?? null,
    progress: { done: total - open, total, unit: "cells" },
    estimated_finish: job?.estimated_finish ?? null,
    created_at: row.created_at,
  };
}

export async function toFilledStudyView(
  store: Store,
  row: StudyRow,
): Promise<z.output<typeof filledStudySchema>> {
  const table = await tableOf(store, row);
  const { rows, cells, warnings, run_kind, backbones, positive_label } = table;
  const tested = cells.find(({ evaluations }) => evaluations.length > 0)?.evaluations[0];
  const first = tested === undefined ? undefined : await store.evaluations.find(tested);
  const runs = [];
  for (const cell of await store.studies.cells(row.id)) {
    const { study_id: _, position: __, pretrained, ...run } = cell;
    const model = pretrained === null ? undefined : await store.models.find(pretrained);
    const lineage = model?.lineage as Partial<PretrainedLineage> | undefined;
    const evaluation = run.evaluation === null
      ? undefined
      : await store.evaluations.find(run.evaluation);
    runs.push({
      ...declared(trainingSchema, run),
      // The pairs that a pre-training was made with; null once the model is deleted.
      positives: lineage?.positives ?? null,
      warnings: run.evaluation === null ? warningsOf(model) : evaluation?.warnings ?? [],
    });
  }
  const spec = row.spec as KeptSpec<"study">;
  return {
    ...await toStudyView(store, row),
    ...{ spec, rows, cells, warnings, run_kind, backbones, positive_label },
    verdict: verdictOf(table, first?.metrics.images ?? null),
    runs,
  };
}

/** The table with figures as they were last computed, and what has become of each cell by now. */
export async function tableOf(store: Store, row: StudyRow): Promise<StudyTable> {
  const spec = parseStudy(row.spec);
  const known = row.summary as unknown as StudyTable | null;
  const cells = await store.studies.cells(row.id);
  // Figures are computed by the worker: here only their places and the states of cells.
  const empty = studyTable({
    spec,
    cells: cells.map((cell) => ({
      ...cell,
      state: cell.state === "done" ? "waiting" : cell.state,
    })),
    // As the figures were made: the data set may be another one by now.
    positive_label: known
      ? known.positive_label
      : (await store.datasets.find(row.dataset_id))?.positive_label ?? null,
    patients: new Map(),
    seen_by_cut: new Set(),
    evaluations: new Map(),
  });
  return finished({
    ...empty,
    ...(known?.multi_label && { multi_label: true as const }),
    cells: empty.cells.map((cell) => {
      const { failed, cancelled } = cell;
      const found = known?.cells.find(({ row, backbone }) =>
        row === cell.row && backbone === cell.backbone
      );
      // What an earlier version did not compute stays empty.
      return completedCell({ ...cell, ...found, failed, cancelled });
    }),
  });
}
