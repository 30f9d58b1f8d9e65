/** Studies: the table of methods, arms and backbones, while it fills and when it is done. */
import { z } from "zod";
import { Conflict } from "@/lib/errors.ts";
import { type StudyTable, studyTable } from "@/lib/studies/study_table.ts";
import { renderTable, tableTypes } from "@/lib/studies/render_table.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import { finishedStates, type Store, type StudyRow } from "@/lib/store/mod.ts";
import { json } from "./pipeline.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { type Route, route } from "./route.ts";

const study = z.object({
  id: z.string(),
  name: z.string().nullable(),
  job: z.string(),
  dataset: z.string().nullable().describe("null once it is deleted"),
  state: z.string().nullable().describe("Of its job; null once that is deleted"),
  progress: z.object({ done: z.number(), total: z.number(), unit: z.string() }),
  created_at: z.iso.datetime(),
}).meta({ id: "Study" });

const figure = z.object({
  mean: z.number(),
  std: z.number().describe("Population standard deviation over the runs"),
  n: z.number(),
  interval: z.array(z.number()),
  values: z.array(z.number()),
}).nullable();
const difference = z.object({
  value: z.number(),
  n: z.number(),
  interval: z.array(z.number()),
  against: z.string(),
}).nullable();
const cell = z.object({
  row: z.string(),
  backbone: z.string(),
  planned: z.number(),
  done: z.number(),
  failed: z.number(),
  cancelled: z.number(),
  runs: z.array(z.number()),
  evaluations: z.array(z.string()),
  figures: z.record(z.string(), figure),
  differences: z.record(z.string(), difference)
    .describe("To the same method without gaze, on the same images and runs"),
  controls: z.record(z.string(), difference)
    .describe("Of gaze, to the same method with shuffled gaze, on the same images and runs"),
});
const run = z.object({
  row: z.string(),
  backbone: z.string(),
  run: z.number().describe("Seed, or number of the fold"),
  state: z.enum(["waiting", "pretraining", "finetuning", "done", "failed", "cancelled"]),
  pretrain_job: z.string().nullable(),
  finetune_job: z.string().nullable(),
  model: z.string().nullable(),
  evaluation: z.string().nullable(),
  error: z.string().nullable(),
});
const whole = study.extend({
  spec: z.record(z.string(), z.unknown()),
  rows: z.array(z.object({ key: z.string(), name: z.string() })),
  cells: z.array(cell),
  runs: z.array(run).describe("The single trainings; learning curves are metrics of their jobs"),
});

function view(store: Store, row: StudyRow) {
  const job = store.jobs.find(row.job_id);
  const cells = store.studies.cells(row.id);
  const done = cells.filter(({ state }) => ["done", "failed", "cancelled"].includes(state)).length;
  return {
    id: row.id,
    name: row.name,
    job: row.job_id,
    dataset: store.datasets.find(row.dataset_id)?.name ?? null,
    state: job?.state ?? null,
    progress: { done, total: cells.length, unit: "cells" },
    created_at: row.created_at,
  };
}

/** The table with figures as they were last computed, and what has become of each cell by now. */
function tableOf(store: Store, row: StudyRow): StudyTable {
  const spec = parseStudy(row.spec);
  const known = row.summary as unknown as StudyTable | null;
  const cells = store.studies.cells(row.id);
  // Figures are computed by the worker: here only their places and the states of cells.
  const empty = studyTable({
    spec,
    cells: cells.map((cell) => ({
      ...cell,
      state: cell.state === "done" ? "waiting" : cell.state,
    })),
    positive_label: store.datasets.find(row.dataset_id)?.positive_label ??
      known?.positive_label ?? null,
    patients: () => new Map(),
    evaluation: (id) => store.evaluations.get(id),
  });
  return {
    ...empty,
    cells: empty.cells.map((cell) => {
      const { failed, cancelled } = cell;
      const found = known?.cells.find(({ row, backbone }) =>
        row === cell.row && backbone === cell.backbone
      );
      // What an earlier version did not compute stays empty.
      return { ...cell, ...found, failed, cancelled };
    }),
  };
}

export const studies: Route[] = [
  route({
    method: "GET",
    path: "/v1/studies",
    operationId: "listStudies",
    summary: "Lists studies, the newest first",
    scope: "read",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(study) },
    handle: ({ services: { store }, query }) =>
      json(mapPage(store.studies.list(query), (row) => view(store, row))),
  }),
  route({
    method: "GET",
    path: "/v1/studies/{id}",
    operationId: "getStudy",
    summary: "Cells with mean, deviation, n, interval and difference; the trainings behind them",
    scope: "read",
    answers: { 200: whole },
    handle({ services: { store }, params: { id } }) {
      const row = store.studies.get(id);
      const { rows, cells } = tableOf(store, row);
      const runs = store.studies.cells(id).map((
        { study_id: _, position: __, pretrained: ___, ...run },
      ) => run);
      return json({ ...view(store, row), spec: row.spec, rows, cells, runs });
    },
  }),
  route({
    method: "GET",
    path: "/v1/studies/{id}/table",
    operationId: "getStudyTable",
    headers: ["Content-Disposition"],
    summary: "The table in the published form: JSON, CSV, Markdown or LaTeX",
    scope: "read",
    answers: { 200: Object.values(tableTypes).map((type) => type.split(";")[0]) },
    formats: tableTypes,
    handle({ services: { store }, params: { id }, format }) {
      const row = store.studies.get(id);
      const title = row.name ?? `Study of ${store.datasets.find(row.dataset_id)?.name ?? id}`;
      return new Response(renderTable(format, tableOf(store, row), { title }), {
        headers: {
          "content-type": tableTypes[format],
          ...(format === "json" ? {} : {
            "content-disposition": `attachment; filename="${row.id}.${ENDINGS[format]}"`,
          }),
        },
      });
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/studies/{id}",
    operationId: "deleteStudy",
    errors: [409],
    summary: "Deletes an ended study; its models and evaluations stay",
    scope: "write",
    answers: { 204: null },
    handle({ services: { store }, params: { id } }) {
      const { job_id } = store.studies.get(id);
      const state = store.jobs.find(job_id)?.state;
      if (state !== undefined && !finishedStates.includes(state)) {
        throw new Conflict(`Cannot delete study "${id}": it is ${state}`);
      }
      store.studies.remove(id);
      return new Response(null, { status: 204 });
    },
  }),
];

const ENDINGS = { csv: "csv", markdown: "md", latex: "tex" } as const;
