/** Similarity matrices: what is known of one, its numbers, its nearest pairs, its audit. */
import { comparedLabels } from "@/lib/datasets/compared_labels.ts";
import { z } from "zod";
import { similarityAuditSchema, toAuditView } from "@/lib/similarities/audit.ts";
import { auditSimilarity } from "@/lib/similarities/audit_thread.ts";
import { compareSimilarities } from "@/lib/similarities/comparison.ts";
import { MOST_READERS, readerAudits } from "@/lib/similarities/reader_audits.ts";
import { matrixSchema, matrixStream, matrixTypes } from "@/lib/similarities/export.ts";
import {
  type Neighbour,
  neighbourSchema,
  neighboursOf,
  type Pair,
  pairSchema,
  topPairs,
} from "@/lib/similarities/nearest.ts";
import { type SplitSpec, withoutPatientsOf, withoutTest } from "@/lib/datasets/job_split.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { problemsOf } from "@/lib/problems.ts";
import { isStale } from "@/lib/similarities/binding.ts";
import { leftOut } from "@/lib/specs/pretrain.ts";
import type { ImageRow, SimilarityRow, Store } from "@/lib/store/mod.ts";
import { matrixPng } from "@/lib/similarities/picture.ts";
import {
  similarityOfImagesSchema,
  similaritySchema,
  toSimilarityView,
} from "@/lib/similarities/similarity.ts";
import { nameOf } from "@/lib/similarities/stored_similarity.ts";
import { pngHeaders } from "./kept_picture.ts";
import { fieldsOf, mapPage, pageOf, pageQuery, wholePage, withFields } from "./pages.ts";
import { HttpError } from "./problem.ts";
import { reply } from "./reply.ts";
import { type Route, route } from "./route.ts";

/** Of more images an audit takes too long to make several for one answer. */
const COMPARED = 2000;

const component = z.string().max(100).optional().describe("The first without it");

/** Names with commas go as a JSON array. */
function namesOf(text: string | undefined, field = "images"): string[] | undefined {
  if (text === undefined) return undefined;
  if (!text.startsWith("[")) return text.split(",");
  try {
    return z.array(z.string()).parse(JSON.parse(text));
  } catch {
    throw new HttpError(
      400,
      `Cannot read \`${field}\`: names with commas, or a JSON array of names`,
    );
  }
}

/** Labels by name; none where they would be those of other images than were compared. */
async function labelsOf(store: Store, row: SimilarityRow): Promise<Map<string, string | null>> {
  return await isStale(store, row) ? new Map() : await comparedLabels(store, row.dataset_id);
}

/** The images that an audit looks at, as its query says; undefined for all. Throws InvalidInput. */
async function auditedImages(
  store: Store,
  row: SimilarityRow,
  { split, leave_out, if_possible }: {
    split?: "train" | "all";
    leave_out?: string;
    if_possible?: boolean;
  },
): Promise<{ by: "all" | "train" | "leave_out"; images?: string[] }> {
  const all = await store.images.all(row.dataset_id);
  const kept = (images: ImageRow[]) => {
    const names = new Set(images.map(({ name }) => name));
    return row.images.filter((name) => names.has(name));
  };
  if (leave_out !== undefined && leave_out !== "none" && leave_out !== "null") {
    if (split !== undefined) throw new InvalidInput("Cannot take split and leave_out: give one");
    const parts = leftOutOf(leave_out);
    try {
      return { by: "leave_out", images: kept(withoutTest(all, parts)) };
    } catch (error) {
      if (!if_possible || !(error instanceof InvalidInput)) throw error;
    }
  }
  const marked = all.filter((image) => image.split === "test");
  if (split === "all" || (marked.length === 0 && split === undefined)) return { by: "all" };
  if (marked.length === 0) {
    throw new InvalidInput(
      "Cannot look at the training part: no image is marked as test; leave_out names a split to be drawn",
    );
  }
  return { by: "train", images: kept(withoutPatientsOf(all, marked)) };
}

const LEAVE_OUT = 'JSON is needed, as {"seed": 0}, or none';

function leftOutOf(text: string): SplitSpec {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HttpError(400, `Cannot read \`leave_out\`: ${LEAVE_OUT}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidInput(`Cannot leave this out: ${LEAVE_OUT}`);
  }
  const parsed = leftOut.unwrap().safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidInput("Cannot leave this out", problemsOf(parsed.error));
}

export const similarities: Route[] = [
  route({
    method: "GET",
    path: "/v1/similarities",
    operationId: "listSimilarities",
    summary: "Lists similarities, the newest first",
    scope: "read",
    query: z.strictObject({ ...pageQuery, fields: fieldsOf(similaritySchema) }),
    answers: { 200: pageOf(similaritySchema) },
    handle: async ({ services: { store }, query: { fields, ...query } }) => {
      const rows = await store.similarities.list(query);
      return withFields(await mapPage(rows, (row) => toSimilarityView(store, row)), fields);
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}",
    operationId: "getSimilarity",
    summary: "Measure, images in the order of rows, invalid images, histogram",
    scope: "read",
    answers: { 200: similarityOfImagesSchema },
    async handle({ services: { store }, params: { id } }) {
      const row = await store.similarities.get(id);
      return { ...await toSimilarityView(store, row), images: row.images };
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/images",
    operationId: "listSimilarityImages",
    summary: "Names of the images in the order of rows and columns",
    scope: "read",
    answers: { 200: pageOf(z.string()) },
    async handle({ services: { store }, params: { id } }) {
      return wholePage((await store.similarities.get(id)).images);
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/matrix",
    operationId: "getSimilarityMatrix",
    headers: ["Content-Disposition"],
    errors: [422, 500],
    summary: "The matrix as JSON, CSV or NPY (f32, NaN where invalid), by `format` or Accept",
    scope: "read",
    query: z.strictObject({
      component,
      images: z.string().max(100_000).optional().describe("Names of a part, with commas"),
    }),
    answers: { 200: [matrixSchema, "text/csv", "application/octet-stream"] },
    formats: { ...matrixTypes, npy: [matrixTypes.npy, "application/x-npy", "application/x-numpy"] },
    async handle({ services: { store }, params: { id }, query, format }) {
      const row = await store.similarities.get(id);
      const images = namesOf(query.images);
      const part = { format, component: query.component, images };
      // Once a stream has begun it can only break off.
      const stream = matrixStream(store.files, row, part);
      await store.files.verify(row.file, nameOf(row));
      return new Response(stream, {
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
    errors: [422, 500],
    summary: "The matrix as a picture, rows and columns ordered by label",
    scope: "read",
    query: z.strictObject({
      component,
      size: z.coerce.number().int().min(16).max(1024).default(512)
        .describe("Side of the picture, pixels; of more images evenly spaced ones are shown"),
    }),
    answers: { 200: ["image/png"] },
    async handle({ services: { store }, params: { id }, query }) {
      const row = await store.similarities.get(id);
      const options = {
        labels: await labelsOf(store, row),
        component: query.component,
        side: query.size,
      };
      return new Response(await matrixPng(store.files, row, options), { headers: pngHeaders });
    },
  }),
  route({
    method: "GET",
    path: "/v1/similarities/{id}/pairs",
    operationId: "listSimilarityPairs",
    errors: [422, 500],
    summary: "The most similar images of one, or the most similar pairs of all",
    scope: "read",
    query: z.strictObject({
      image: z.string().max(512).optional(),
      top: z.coerce.number().int().min(1).max(1000).default(10),
      component,
    }),
    answers: { 200: pageOf(z.union([pairSchema, neighbourSchema])) },
    async handle({ services: { store }, params: { id }, query }) {
      const row = await store.similarities.get(id);
      const { image, ...given } = query;
      const rest = { ...given, labels: await labelsOf(store, row) };
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
    errors: [409, 422, 429, 500],
    summary: "What pairs by this similarity would be worth: coverage, hubs, precision by label",
    scope: "read",
    query: z.strictObject({
      compare: z.stringbool().optional().describe(
        `Looks at the data set's other similarities too; by itself up to ${COMPARED} images`,
      ),
      split: z.enum(["train", "all"]).optional().describe(
        "Without the images that the data set marks as test and their patients, or with them; without them " +
          "where there are any and nothing is said",
      ),
      leave_out: z.string().max(1000).optional().describe(
        "JSON as `leave_out` of a pretrain job: without what a fine-tuning with this split tests on; none (or " +
          "null): as without it",
      ),
      readers: z.string().max(10_000).optional().describe(
        "Audits each reader's own gaze too, from similarities of one reader each by the same measure: names with " +
          `commas or a JSON array, up to ${MOST_READERS}, or all. One that is not computed yet comes with the job that does`,
      ),
      if_possible: z.stringbool().optional().describe(
        "Where the labels allow no such split, as trainings with the same seed have none then: as without " +
          "`leave_out`; `looked_at.by` tells",
      ),
    }),
    answers: { 200: similarityAuditSchema },
    async handle({ services: { store }, params: { id }, query, request }) {
      const row = await store.similarities.get(id);
      const { by, images } = await auditedImages(store, row, query);
      const found = await auditSimilarity(store, row, request.signal, images);
      const comparison = query.compare ?? row.images.length <= COMPARED
        ? await compareSimilarities(store, row, request.signal, images)
        : null;
      const asked = query.readers === "all" ? null : namesOf(query.readers, "readers");
      const by_reader = asked === undefined
        ? null
        : await readerAudits(store, row, { asked, images, signal: request.signal });
      return toAuditView(row, found, { comparison, by_reader, by, images });
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/similarities/{id}",
    operationId: "deleteSimilarity",
    summary: "Deletes a similarity",
    scope: "write",
    answers: { 204: null },
    async handle({ services: { store }, params: { id } }) {
      const { file } = await store.similarities.get(id);
      await store.similarities.remove(id);
      await store.collectGarbage([file]);
      return reply(204, null);
    },
  }),
];
