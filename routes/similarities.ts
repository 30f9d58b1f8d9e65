/** Similarity matrices: what is known of one, its numbers, its nearest pairs, its audit. */
import { z } from "zod";
import { similarityAuditSchema, toAuditView } from "@/lib/similarities/audit.ts";
import { auditSimilarity } from "@/lib/similarities/audit_thread.ts";
import { compareSimilarities } from "@/lib/similarities/comparison.ts";
import { matrixSchema, matrixStream, matrixTypes } from "@/lib/similarities/export.ts";
import {
  type Neighbour,
  neighbourSchema,
  neighboursOf,
  type Pair,
  pairSchema,
  topPairs,
} from "@/lib/similarities/nearest.ts";
import { matrixPng } from "@/lib/similarities/picture.ts";
import {
  similarityOfImagesSchema,
  similaritySchema,
  toSimilarityView,
} from "@/lib/similarities/similarity.ts";
import { pngHeaders } from "./images.ts";
import { mapPage, pageOf, pageQuery, wholePage } from "./pages.ts";
import { HttpError } from "./problem.ts";
import { reply } from "./reply.ts";
import { type Route, route } from "./route.ts";

/** Of more images an audit takes too long to make several for one answer. */
const COMPARED = 2000;

const component = z.string().max(100).optional().describe("The first without it");

/** Names with commas go as a JSON array. */
function namesOf(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  if (!text.startsWith("[")) return text.split(",");
  try {
    return z.array(z.string()).parse(JSON.parse(text));
  } catch {
    throw new HttpError(400, "Cannot read `images`: names with commas, or a JSON array of names");
  }
}

export const similarities: Route[] = [
  route({
    method: "GET",
    path: "/v1/similarities",
    operationId: "listSimilarities",
    summary: "Lists similarities, the newest first",
    scope: "read",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(similaritySchema) },
    handle: ({ services: { store }, query }) =>
      mapPage(store.similarities.list(query), (row) => toSimilarityView(store, row)),
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}",
    operationId: "getSimilarity",
    summary: "Measure, images in the order of rows, invalid images, histogram",
    scope: "read",
    answers: { 200: similarityOfImagesSchema },
    handle({ services: { store }, params: { id } }) {
      const row = store.similarities.get(id);
      return { ...toSimilarityView(store, row), images: row.images };
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/images",
    operationId: "listSimilarityImages",
    summary: "Names of the images in the order of rows and columns",
    scope: "read",
    answers: { 200: pageOf(z.string()) },
    handle({ services: { store }, params: { id } }) {
      return wholePage(store.similarities.get(id).images);
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/matrix",
    operationId: "getSimilarityMatrix",
    headers: ["Content-Disposition"],
    errors: [422],
    summary: "The matrix as JSON, CSV or NPY (f32, NaN where invalid), by `format` or Accept",
    scope: "read",
    query: z.strictObject({
      component,
      images: z.string().max(100_000).optional().describe("Names of a part, with commas"),
    }),
    answers: { 200: [matrixSchema, "text/csv", "application/octet-stream"] },
    formats: { ...matrixTypes, npy: [matrixTypes.npy, "application/x-npy", "application/x-numpy"] },
    handle({ services: { store }, params: { id }, query, format }) {
      const row = store.similarities.get(id);
      const images = namesOf(query.images);
      const part = { format, component: query.component, images };
      return new Response(matrixStream(store.files, row, part), {
        headers: {
          "content-type": matrixTypes[format],
          "content-disposition": `attachment; filename="${row.id}.${format}"`,
        },
      });
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/matrix.png",
    operationId: "getSimilarityPicture",
    errors: [422],
    summary: "The matrix as a picture, rows and columns ordered by label",
    scope: "read",
    query: z.strictObject({
      component,
      size: z.coerce.number().int().min(16).max(1024).default(512)
        .describe("Side of the picture, pixels; of more images evenly spaced ones are shown"),
    }),
    answers: { 200: ["image/png"] },
    async handle({ services: { store }, params: { id }, query }) {
      const row = store.similarities.get(id);
      const labels = store.images.labelsByName(row.dataset_id);
      const options = { labels, component: query.component, side: query.size };
      return new Response(await matrixPng(store.files, row, options), { headers: pngHeaders });
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/pairs",
    operationId: "listSimilarityPairs",
    errors: [422],
    summary: "The most similar images of one, or the most similar pairs of all",
    scope: "read",
    query: z.strictObject({
      image: z.string().max(512).optional(),
      top: z.coerce.number().int().min(1).max(1000).default(10),
      component,
    }),
    answers: { 200: pageOf(z.union([pairSchema, neighbourSchema])) },
    async handle({ services: { store }, params: { id }, query }) {
      const row = store.similarities.get(id);
      const { image, ...rest } = query;
      return wholePage<Pair | Neighbour>(
        image === undefined
          ? await topPairs(store.files, row, rest)
          : await neighboursOf(store.files, row, { ...rest, image }),
      );
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/audit",
    operationId: "auditSimilarity",
    errors: [422, 429],
    summary: "What pairs by this similarity would be worth: coverage, hubs, precision by label",
    scope: "read",
    query: z.strictObject({
      compare: z.stringbool().optional().describe(
        `Looks at the data set's other similarities too; by itself up to ${COMPARED} images`,
      ),
    }),
    answers: { 200: similarityAuditSchema },
    async handle({ services: { store }, params: { id }, query, request }) {
      const row = store.similarities.get(id);
      const found = await auditSimilarity(store, row, request.signal);
      const comparison = query.compare ?? row.images.length <= COMPARED
        ? await compareSimilarities(store, row, request.signal)
        : null;
      return toAuditView(row, found, comparison);
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/similarities/{id}",
    operationId: "deleteSimilarity",
    summary: "Deletes a similarity",
    scope: "write",
    answers: { 204: null },
    handle({ services: { store }, params: { id } }) {
      const { file } = store.similarities.get(id);
      store.similarities.remove(id);
      store.collectGarbage([file]);
      return reply(204, null);
    },
  }),
];
