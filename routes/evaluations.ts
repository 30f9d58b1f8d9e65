/** Evaluations: every metric, and the scores of the images behind them. */
import { z } from "zod";
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import { differenceSchema, toDifferenceView } from "@/lib/evaluation/difference.ts";
import { differenceOf } from "@/lib/evaluation/difference_thread.ts";
import {
  evaluationSchema,
  scoredEvaluationSchema,
  toEvaluationView,
} from "@/lib/jobs/evaluation_view.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { type Route, route } from "./route.ts";

export const evaluations: Route[] = [
  route({
    method: "GET",
    path: "/v1/evaluations",
    operationId: "listEvaluations",
    summary: "Lists evaluations, the newest first",
    scope: "read",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(evaluationSchema) },
    handle: ({ services: { store }, query }) =>
      mapPage(store.evaluations.list(query), (row) => toEvaluationView(store, row)),
  }),
  route({
    method: "GET",
    path: "/v1/evaluations/{id}",
    operationId: "getEvaluation",
    summary: "Metrics, per fold where there are folds, with confusion, curves and scores",
    scope: "read",
    answers: { 200: scoredEvaluationSchema },
    handle({ services: { store }, params: { id } }) {
      const row = store.evaluations.get(id);
      return { ...toEvaluationView(store, row), scores: row.scores };
    },
  }),
  route({
    method: "GET",
    path: "/v1/evaluations/{id}/difference",
    operationId: "compareEvaluations",
    errors: [409, 422, 429],
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
      const { digest } = store.datasets.find(dataset_id) ?? {};
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
        positive_label: store.datasets.find(dataset_id)?.positive_label ?? null,
        patients: new Map(store.images.all(dataset_id).map(({ name, patient }) => [name, patient])),
      });
      return toDifferenceView(found, { evaluation: row.id, to: other.id });
    },
  }),
];
