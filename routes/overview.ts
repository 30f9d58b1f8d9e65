/** How far the work on a data set has come. */
import { z } from "zod";
import { jobStateSchema } from "@/lib/jobs/job.ts";
import { overviewCounts } from "@/lib/store/overview.ts";
import { type Route, route } from "./route.ts";

const count = z.number().int();

const overviewSchema = z.object({
  jobs: z.record(jobStateSchema, count).describe("Jobs of the data set by their state"),
  similarities: z.object({
    count,
    newest: z.object({ id: z.string(), measure: z.string() }).nullable(),
  }),
  models: z.object({ pretrained: count, classifiers: count }).describe("Trained on it"),
  evaluations: count,
  studies: z.object({
    count,
    newest: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
  }),
  predictions: count.describe(
    "Stored ones of its images, and of pictures that were sent to its models",
  ),
}).meta({ id: "DatasetOverview" });

export const overview: Route[] = [
  route({
    method: "GET",
    path: "/v1/datasets/{name}/overview",
    operationId: "getDatasetOverview",
    summary: "What has been made from a data set, counted",
    scope: "read",
    answers: { 200: overviewSchema },
    handle: async ({ services: { store }, params: { name } }) =>
      await overviewCounts(store.db, await store.datasets.byName(name)),
  }),
];
