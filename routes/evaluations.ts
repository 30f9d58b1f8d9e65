/** Evaluations: every metric, and the scores of the images behind them. */
import { z } from "zod";
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import { differenceSchema, toDifferenceView } from "@/lib/evaluation/difference.ts";
import { differenceOf } from "@/lib/evaluation/difference_thread.ts";
import {
  evaluationSchema,
  scoredEvaluationSchema,
  toEvaluationView,
  toScoredEvaluationView,
} from "@/lib/jobs/evaluation_view.ts";
import { type ImageScore, imageScoreSchema } from "@/lib/evaluation/evaluation.ts";
import {
  isMultiLabelMetrics,
  type MultiLabelImageScore,
  multiLabelImageScoreSchema,
} from "@/lib/evaluation/multi_label_evaluation.ts";
import { finishedStates } from "@/lib/store/mod.ts";
import { columnsOf } from "@/lib/table_file.ts";
import { fieldsOf, mapPage, pageOf, pageQuery, wholePage, withFields } from "./pages.ts";
import { reply } from "./reply.ts";
import { type Route, route } from "./route.ts";
import { listFormats, tableAnswer, tableMediaTypes } from "./tables.ts";

export const evaluations: Route[] = [
  route({
    method: "GET",
    path: "/v1/evaluations",
    operationId: "listEvaluations",
    summary: "Lists evaluations, the newest first",
    scope: "read",
    query: z.strictObject({ ...pageQuery, fields: fieldsOf(evaluationSchema) }),
    answers: { 200: pageOf(evaluationSchema) },
    handle: async ({ services: { store }, query: { fields, ...query } }) => {
      const rows = await store.evaluations.list(query);
      return withFields(await mapPage(rows, (row) => toEvaluationView(store, row)), fields);
    },
  }),
  route({
    method: "GET",
    path: "/v1/evaluations/{id}",
    operationId: "getEvaluation",
    summary:
      "Metrics with intervals and warnings, per fold where there are folds, with confusion, curves and scores",
    scope: "read",
    answers: { 200: scoredEvaluationSchema },
    handle: async ({ services: { store }, params: { id } }) =>
      await toScoredEvaluationView(store, await store.evaluations.get(id)),
  }),
  route({
    method: "GET",
    path: "/v1/evaluations/{id}/scores",
    operationId: "listScores",
    headers: ["Content-Disposition"],
    summary: "What the classifier said of each image, as JSON, CSV or Parquet",
    description: "Tables have a column `probability_<class>` for every class.",
    scope: "read",
    answers: {
      200: [pageOf(z.union([multiLabelImageScoreSchema, imageScoreSchema])), ...tableMediaTypes],
    },
    formats: listFormats,
    async handle({ services: { store }, params: { id }, format }) {
      const { scores, metrics } = await store.evaluations.get(id);
      if (format === "json") {
        return wholePage<ImageScore | MultiLabelImageScore>(scores);
      }
      const schema = isMultiLabelMetrics(metrics) ? multiLabelImageScoreSchema : imageScoreSchema;
      const columns = columnsOf(schema, {
        probabilities: { prefix: "probability", keys: metrics.classes },
      });
      return tableAnswer({ format, name: `${id}_scores` }, columns, [
        scores as (ImageScore | MultiLabelImageScore)[],
      ]);
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/evaluations/{id}",
    operationId: "deleteEvaluation",
    errors: [409],
    summary: "Deletes an evaluation that no study's table needs; its model stays",
    scope: "write",
    answers: { 204: null },
    async handle({ services: { store }, params: { id } }) {
      await store.db.transaction(async () => {
        const { job_id } = await store.evaluations.get(id);
        const state = (await store.jobs.find(job_id))?.state;
        if (state !== undefined && !finishedStates.includes(state)) {
          throw new Conflict(
            `Cannot delete evaluation "${id}": job "${job_id}", which made it, is ${state}`,
          );
        }
        const study = await store.studies.withEvaluation(id);
        if (study !== undefined) {
          throw new Conflict(
            `Cannot delete evaluation "${id}": study "${study}" needs it; delete that first`,
          );
        }
        await store.evaluations.remove(id);
      });
      return reply(204, null);
    },
  }),
  route({
    method: "GET",
    path: "/v1/evaluations/{id}/difference",
    operationId: "compareEvaluations",
    errors: [409, 422, 429],
    summary:
      "The difference to another evaluation of the same images: paired bootstrap intervals, DeLong's test",
    scope: "read",
    query: z.strictObject({
      to: z.string().min(1).max(200).describe("Id of the other evaluation"),
    }),
    answers: { 200: differenceSchema },
    async handle({ services: { store }, params: { id }, query: { to } }) {
      const [row, other] = [await store.evaluations.get(id), await store.evaluations.get(to)];
      const { dataset_id } = row;
      if (dataset_id === null || dataset_id !== other.dataset_id) {
        throw new InvalidInput("Cannot compare evaluations that are not of one data set", [
          { pointer: "/to", message: "of another data set, or of one that was deleted" },
        ]);
      }
      const dataset = await store.datasets.find(dataset_id);
      const digest = dataset && await store.datasets.digestOf(dataset);
      const changed = [row, other].find(({ dataset_digest }) =>
        dataset_digest && dataset_digest !== digest
      );
      if (digest !== undefined && changed) {
        throw new Conflict(
          `Cannot compare: the data set has changed since evaluation "${changed.id}"; evaluate both models anew`,
        );
      }
      const found = await differenceOf({
        ...{ a: row.scores, b: other.scores },
        positive_label: dataset?.positive_label ?? null,
        patients: new Map(
          (await store.images.all(dataset_id)).map(({ name, patient }) => [name, patient]),
        ),
      });
      return toDifferenceView(found, [row, other]);
    },
  }),
];
