/** The report of a data set, kept with it. */
import { z } from "zod";
import { datasetReport, datasetReportSchema } from "@/lib/datasets/report.ts";
import { pageQuery } from "./pages.ts";
import { type Route, route } from "./route.ts";

export const reports: Route[] = [
  route({
    method: "GET",
    path: "/v1/datasets/{name}/report",
    operationId: "getDatasetReport",
    summary: "What was said when the data set came, and what was assumed for each recording",
    scope: "read",
    query: z.strictObject({
      limit: pageQuery.limit.describe("Most images whose recordings are told"),
      after: pageQuery.after.describe("Name of an image"),
    }),
    answers: { 200: datasetReportSchema },
    handle: async ({ services: { store }, params: { name }, query }) =>
      await datasetReport(store, await store.datasets.byName(name), query),
  }),
];
