/** Evaluations: every metric, and the scores of the images behind them. */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { differenceOf } from "@/lib/evaluation/difference_thread.ts";
import type { ImageScore } from "@/lib/evaluation/evaluation.ts";
import { LEVEL } from "@/lib/evaluation/interval.ts";
import type { EvaluationRow, Store } from "@/lib/store/mod.ts";
import { json } from "./pipeline.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { type Route, route } from "./route.ts";

const evaluation = z.object({
  id: z.string(),
  model: z.string().nullable(),
  dataset: z.string().nullable(),
  job: z.string(),
  split: z.unknown().describe("As the job's spec has it"),
  metrics: z.record(z.string(), z.unknown()),
  created_at: z.iso.datetime(),
}).meta({ id: "Evaluation" });
const withScores = evaluation.extend({ scores: z.array(z.record(z.string(), z.unknown())) });

const differenceSchema = z.object({
  evaluation: z.string(),
  to: z.string(),
  images: z.number(),
  level: z.number(),
  figures: z.record(
    z.string(),
    z.object({
      value: z.number().describe("Of the evaluation less that of the other; of folds, their mean"),
      n: z.number().describe("Folds; 1 without"),
      interval: z.array(z.number()),
    }).nullable().describe("null where it is not defined"),
  ),
});

function view(store: Store, row: EvaluationRow) {
  const spec = store.jobs.find(row.job_id)?.spec;
  return {
    id: row.id,
    model: row.model_id,
    dataset: row.dataset_id === null ? null : store.datasets.find(row.dataset_id)?.name ?? null,
    job: row.job_id,
    split: spec?.split ?? null,
    metrics: row.metrics,
    created_at: row.created_at,
  };
}

export const evaluations: Route[] = [
  route({
    method: "GET",
    path: "/v1/evaluations",
    operationId: "listEvaluations",
    summary: "Lists evaluations, the newest first",
    scope: "read",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(evaluation) },
    handle: ({ services: { store }, query }) =>
      json(mapPage(store.evaluations.list(query), (row) => view(store, row))),
  }),
  route({
    method: "GET",
    path: "/v1/evaluations/{id}",
    operationId: "getEvaluation",
    summary: "Metrics, per fold where there are folds, with confusion, curves and scores",
    scope: "read",
    answers: { 200: withScores },
    handle({ services: { store }, params: { id } }) {
      const row = store.evaluations.get(id);
      return json({ ...view(store, row), scores: row.scores });
    },
  }),
  route({
    method: "GET",
    path: "/v1/evaluations/{id}/difference",
    operationId: "compareEvaluations",
    errors: [422, 429],
    summary:
      "The difference to another evaluation of the same images, with paired bootstrap intervals",
    scope: "read",
    query: z.strictObject({
      to: z.string().min(1).max(200).describe("Id of the other evaluation"),
    }),
    answers: { 200: differenceSchema },
    async handle({ services: { store }, params: { id }, query: { to } }) {
      const [row, other] = [store.evaluations.get(id), store.evaluations.get(to)];
      const { dataset_id } = row;
      if (dataset_id === null || dataset_id !== other.dataset_id) {
        throw new InvalidInput("Cannot compare evaluations that are not of one data set", [
          { pointer: "/to", message: "of another data set, or of one that was deleted" },
        ]);
      }
      const scores = ({ scores }: EvaluationRow) => scores as unknown as ImageScore[];
      const { images, figures } = await differenceOf({
        ...{ a: scores(row), b: scores(other) },
        positive_label: store.datasets.find(dataset_id)?.positive_label ?? null,
        patients: new Map(store.images.all(dataset_id).map(({ name, patient }) => [name, patient])),
      });
      const told = Object.entries(figures).map(([name, found]) => {
        if (!found) return [name, null];
        const { value, n, low, high } = found;
        return [name, { value, n, interval: [low, high] }];
      });
      const [evaluation, level] = [row.id, LEVEL];
      return json({ evaluation, to: other.id, images, level, figures: Object.fromEntries(told) });
    },
  }),
];
