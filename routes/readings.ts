/** Readers' decisions: put in, listed, removed, analysed. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import {
  deleteReadings,
  readingSchema,
  readingsReportSchema,
  toReadingView,
} from "@/lib/datasets/reading_edit.ts";
import { readingStudy, readingStudySchema } from "@/lib/datasets/reading_study.ts";
import { readingsBody } from "@/lib/datasets/readings.ts";
import { putSentReadings } from "@/lib/datasets/readings_thread.ts";
import { readerName } from "@/lib/datasets/pseudonym.ts";
import { columnsOf } from "@/lib/table_file.ts";
import { digestOf } from "./auth.ts";
import { bodyOf } from "./images.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { refused } from "./problem.ts";
import { reply } from "./reply.ts";
import { type Call, type Route, route } from "./route.ts";
import { batchesOf, listFormats, needWhole, tableAnswer, tableMediaTypes } from "./tables.ts";

const path = "/v1/datasets/{name}/readings";

const FORM = "As CSV: the columns `image`, `reader`, and `label` (what was decided) or `rating` " +
  "(suspicion of the positive class, on whatever scale, as it stands); optionally `confidence` (how sure of the " +
  "label, 0 to 1; `confidence_percent`: 0 to 100) and `condition` or `modality`. Images are found by the names that " +
  "they were sent with, and readers are called as in gaze, so that gaze and decisions of one person belong " +
  "together. Refused are images that are not there, labels that are no class of the data set, and a second reading " +
  "of an image by a reader under a condition. Readings are no part of the digest, as no job reads them.";

const sent = {
  described: readingsBody,
  accepts: ["application/json", "text/csv", "text/plain", "application/octet-stream"],
  errors: [404, 422, 429],
  description: FORM,
};

const JSON_BYTES = 8 * 2 ** 20;

const listed = (text: string) =>
  z.string().max(10_000).transform((names) => names.split(",").map((name) => name.trim()))
    .optional().describe(text);

async function put(
  call: Call,
  mode: "replace" | "add",
  same: "refuse" | "replace" = "refuse",
) {
  const { services: { store }, params: { name: dataset }, request } = call;
  await store.datasets.byName(dataset);
  const form = /\bjson\b/i.test(request.headers.get("content-type") ?? "") ? "json" : "csv";
  const bytes = await bodyOf(call, form === "json" ? JSON_BYTES : limits.textBytes);
  const work = async () => {
    const outcome = await putSentReadings(store, { dataset, bytes, form, mode, same });
    if ("refusal" in outcome) throw refused(outcome.refusal);
    return outcome.report;
  };
  return mode === "add" ? await call.once(() => digestOf(bytes), work) : await work();
}

export const readings: Route[] = [
  route({
    ...sent,
    method: "PUT",
    path,
    operationId: "putReadings",
    stores: true,
    summary: "Sets the readers' decisions of a data set, in the place of all that are there",
    scope: "write",
    answers: { 200: readingsReportSchema },
    handle: async (call) => await put(call, "replace"),
  }),
  route({
    ...sent,
    method: "POST",
    path,
    operationId: "addReadings",
    stores: true,
    summary: "Adds readers' decisions to those that are there",
    scope: "write",
    query: z.strictObject({
      same: z.enum(["refuse", "replace"]).default("refuse").describe(
        "What becomes of readings of the same image by the same reader under the same condition",
      ),
    }),
    answers: { 200: readingsReportSchema },
    handle: async (call) => await put(call, "add", call.query.same),
  }),
  route({
    method: "GET",
    path,
    operationId: "listReadings",
    summary: "The readers' decisions of a data set: pages of JSON, or whole as CSV or Parquet",
    scope: "read",
    query: z.strictObject({
      ...pageQuery,
      reader: z.string().max(512).optional().describe("Only this reader's"),
    }),
    answers: { 200: [pageOf(readingSchema), ...tableMediaTypes] },
    headers: ["Content-Disposition"],
    formats: listFormats,
    async handle({ services: { store }, params: { name }, query, request, format }) {
      const { id, name: dataset } = await store.datasets.byName(name);
      const { limit, after } = query;
      const reader = query.reader === undefined ? undefined : readerName(store, query.reader);
      if (format === "json") {
        return await mapPage(
          await store.readings.listOf(id, { limit, after, reader }),
          toReadingView,
        );
      }
      needWhole(request, format);
      const batches = batchesOf(async (after) =>
        await mapPage(
          await store.readings.listOf(id, { limit: 1000, after, reader }),
          toReadingView,
        )
      );
      return tableAnswer(
        { format, name: `${dataset}_readings` },
        columnsOf(readingSchema),
        batches,
      );
    },
  }),
  route({
    method: "DELETE",
    path,
    operationId: "deleteReadings",
    summary: "Removes all readers' decisions of a data set",
    scope: "write",
    answers: { 204: null },
    async handle({ services: { store }, params: { name } }) {
      await deleteReadings(store, name);
      return reply(204, null);
    },
  }),
  route({
    method: "GET",
    path: `${path}/analysis`,
    operationId: "analyseReadings",
    errors: [409, 422, 429],
    summary:
      "Each reader's AUC, sensitivity and specificity, agreement, and the analysis of readers and cases",
    description:
      "On the images that have a class and that every reader has read under every condition; what is left out is " +
      "told in `warnings`. Intervals are of 95 % and take the images of one patient together. With `evaluation`, its " +
      "model beside each reader, by DeLong's test on the same images.",
    scope: "read",
    query: z.strictObject({
      evaluation: z.string().min(1).max(200).optional()
        .describe("Id of an evaluation of this data set, whose model is put beside the readers"),
      positive: z.string().min(1).max(512).optional()
        .describe("The class that is looked for; the data set's positive label without it"),
      readers: listed("Only these, with commas between"),
      conditions: listed(
        "Only these, with commas between; an empty one means the readings without a condition",
      ),
    }),
    answers: { 200: readingStudySchema },
    handle: async ({ services: { store }, params: { name }, query }) =>
      await readingStudy(store, await store.datasets.byName(name), query),
  }),
];
