/** Similarity matrices: what is known of one, its numbers, its nearest pairs, its audit. */
import { z } from "zod";
import { auditSimilarity } from "@/lib/similarities/audit_thread.ts";
import { compareSimilarities } from "@/lib/similarities/comparison.ts";
import { type MatrixFormat, matrixStream, matrixTypes } from "@/lib/similarities/export.ts";
import { neighboursOf, topPairs } from "@/lib/similarities/nearest.ts";
import { matrixPng } from "@/lib/similarities/picture.ts";
import type { SimilarityRow, Store } from "@/lib/store/mod.ts";
import { json } from "./pipeline.ts";
import { pngHeaders } from "./images.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { HttpError } from "./problem.ts";
import { type Route, route } from "./route.ts";

const similarity = z.object({
  id: z.string(),
  measure: z.string(),
  dataset: z.string().nullable().describe("null once it is deleted"),
  dataset_digest: z.string(),
  job: z.string(),
  params: z.record(z.string(), z.unknown()),
  size: z.number(),
  components: z.array(z.string()),
  invalid: z.array(z.string()).describe("Images without gaze that can be compared"),
  histogram: z.record(z.string(), z.unknown()),
  created_at: z.iso.datetime(),
}).meta({ id: "Similarity" });
const withImages = similarity.extend({ images: z.array(z.string()) });
const matrix = z.object({
  measure: z.string(),
  component: z.string(),
  images: z.array(z.string()),
  values: z.array(z.array(z.number().nullable())),
});

const cutSuggestion = z.object({
  quantile: z.number().nullable(),
  top_k: z.number().nullable(),
  reasons: z.array(z.string()),
});
const audit = z.looseObject({
  similarity: z.string(),
  measure: z.string(),
  images: z.number(),
  valid_images: z.number(),
  coverage: z.number(),
  valid_pairs: z.number(),
  cuts: z.array(z.looseObject({
    quantile: z.number().nullable(),
    top_k: z.number().nullable(),
    cut: z.number(),
    pairs: z.number(),
  })),
  labels: z.looseObject({ base_rate: z.number(), auc: z.number().nullable() }).nullable(),
  suggestion: cutSuggestion.describe("The cut of this similarity; nulls where none is worth it"),
  warnings: z.array(z.string()),
  comparison: z.object({
    suggestion: cutSuggestion.extend({ similarity: z.string(), measure: z.string() }).nullable()
      .describe("The similarity to take, and its cut; null where none is better than chance"),
    compared: z.array(z.looseObject({
      similarity: z.string(),
      measure: z.string(),
      auc: z.number().nullable(),
      p: z.number().nullable(),
    })),
    warnings: z.array(z.string()),
  }).nullable().describe("With the other similarities of the same images; null without labels"),
}).meta({ id: "Audit" });

function view(store: Store, row: SimilarityRow) {
  const { kind: layout, ...rest } = row.layout;
  return {
    id: row.id,
    measure: row.measure,
    dataset: store.datasets.find(row.dataset_id)?.name ?? null,
    dataset_digest: row.dataset_digest,
    job: row.job_id,
    params: row.params,
    size: row.images.length,
    components: row.components,
    invalid: row.invalid,
    histogram: { ...row.histogram, kept: { layout, ...rest } },
    created_at: row.created_at,
  };
}

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

function formatOf(request: Request, asked: MatrixFormat | undefined): MatrixFormat {
  if (asked) return asked;
  const accept = request.headers.get("accept") ?? "";
  if (/text\/csv/i.test(accept)) return "csv";
  return /octet-stream|x-npy|numpy/i.test(accept) ? "npy" : "json";
}

export const similarities: Route[] = [
  route({
    method: "GET",
    path: "/v1/similarities",
    summary: "Lists similarities, the newest first",
    scope: "read",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(similarity) },
    handle: ({ services: { store }, query }) =>
      json(mapPage(store.similarities.list(query), (row) => view(store, row))),
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}",
    summary: "Measure, images in the order of rows, invalid images, histogram",
    scope: "read",
    answers: { 200: withImages },
    handle({ services: { store }, params: { id } }) {
      const row = store.similarities.get(id);
      return json({ ...view(store, row), images: row.images });
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/images",
    summary: "Names of the images in the order of rows and columns",
    scope: "read",
    answers: { 200: pageOf(z.string()) },
    handle({ services: { store }, params: { id } }) {
      return json({ data: store.similarities.get(id).images, has_more: false, next: null });
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/matrix",
    summary: "The matrix as JSON, CSV or NPY (f32, NaN where invalid), by `format` or Accept",
    scope: "read",
    query: z.strictObject({
      format: z.enum(Object.keys(matrixTypes) as [MatrixFormat, ...MatrixFormat[]]).optional(),
      component,
      images: z.string().max(100_000).optional().describe("Names of a part, with commas"),
    }),
    answers: { 200: matrix },
    handle({ services: { store }, params: { id }, query, request }) {
      const row = store.similarities.get(id);
      const format = formatOf(request, query.format);
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
      const images = store.images.all(row.dataset_id);
      const labels = new Map(images.map(({ name, label }) => [name, label]));
      const options = { labels, component: query.component, side: query.size };
      return new Response(await matrixPng(store.files, row, options), { headers: pngHeaders });
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/pairs",
    summary: "The most similar images of one, or the most similar pairs of all",
    scope: "read",
    query: z.strictObject({
      image: z.string().max(512).optional(),
      top: z.coerce.number().int().min(1).max(1000).default(10),
      component,
    }),
    answers: { 200: pageOf(z.looseObject({ similarity: z.number() })) },
    async handle({ services: { store }, params: { id }, query }) {
      const row = store.similarities.get(id);
      const { image, ...rest } = query;
      const data = image === undefined
        ? await topPairs(store.files, row, rest)
        : await neighboursOf(store.files, row, { ...rest, image });
      return json({ data, has_more: false, next: null });
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/audit",
    summary: "What pairs by this similarity would be worth: coverage, hubs, precision by label",
    scope: "read",
    query: z.strictObject({
      compare: z.stringbool().optional().describe(
        `Looks at the data set's other similarities too; by itself up to ${COMPARED} images`,
      ),
    }),
    answers: { 200: audit },
    async handle({ services: { store }, params: { id }, query, request }) {
      const row = store.similarities.get(id);
      const found = await auditSimilarity(store, row, request.signal);
      const comparison = query.compare ?? row.images.length <= COMPARED
        ? await compareSimilarities(store, row, request.signal)
        : null;
      // Rows of the matrix are named here, as everywhere outside.
      const cuts = found.cuts.map((cut) => ({
        ...cut,
        hubs: cut.hubs.map(({ image, positives }) => ({ image: row.images[image], positives })),
      }));
      return json({ similarity: row.id, measure: row.measure, ...found, cuts, comparison });
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/similarities/{id}",
    summary: "Deletes a similarity",
    scope: "write",
    answers: { 204: null },
    handle({ services: { store }, params: { id } }) {
      const { file } = store.similarities.get(id);
      store.similarities.remove(id);
      store.collectGarbage([file]);
      return new Response(null, { status: 204 });
    },
  }),
];
