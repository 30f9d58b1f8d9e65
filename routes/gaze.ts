/** Gaze: what readers did on an image, in numbers and measures; files of gaze put in or tried out. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { gazeReportSchema, putGaze } from "@/lib/datasets/gaze_file.ts";
import { columnsSchema, gazeOptions, screenSchema } from "@/lib/datasets/gaze_options.ts";
import {
  measureBatches,
  measureColumns,
  measureRows,
  measureRowsOf,
  type MeasureTable,
  measureTables,
} from "@/lib/datasets/gaze_measures.ts";
import { imageGaze, imageGazeSchema } from "@/lib/datasets/image_gaze.ts";
import { readerName } from "@/lib/datasets/pseudonym.ts";
import { filterSpec } from "@/lib/gaze/filters/mod.ts";
import { formats } from "@/lib/gaze/formats/mod.ts";
import { type GazeSource, SMALL_GAZE } from "@/lib/datasets/gaze_thread.ts";
import { digestOf } from "./auth.ts";
import { chunks } from "./body.ts";
import { bodyOf, emptyBody, imageOf, imagePath, readerQuery } from "./images.ts";
import { pageOf, pageQuery } from "./pages.ts";
import { HttpError } from "./problem.ts";
import { type Call, type Route, route } from "./route.ts";
import { fromText } from "./query_fields.ts";
import { listFormats, needWhole, tableAnswer, tableMediaTypes } from "./tables.ts";

const putQuery = z.strictObject({
  dry_run: z.stringbool().default(false).describe("Only reports, with a preview; nothing is kept"),
  format: z.enum(["auto", ...Object.keys(formats)]).default("auto"),
  file: z.string().min(1).max(512).default("gaze").describe("Name of the file, for messages"),
  image: z.string().min(1).max(512).optional().describe("The image, where the file names none"),
  reader: z.string().max(512).optional().describe("The reader, where the file names none"),
  columns: fromText(columnsSchema, "pairs").optional()
    .describe("Role to header: `x:FixX,duration_ms:Dur`, or JSON"),
  filter: fromText(filterSpec, "kind").optional()
    .describe("`ivt`, `idt`, `fixed_distance`, or JSON with its parameters"),
  off_image: gazeOptions.off_image.describe("What becomes of fixations off the image"),
  eye: gazeOptions.eye,
  coordinates: gazeOptions.coordinates
    .describe(
      "Plain tables: positions of the image, or of the screen (default where `screen` is given)",
    ),
  shown_height_px: z.coerce.number().positive().max(100_000).optional()
    .describe("MicEye 1: height at which pictures were shown (`image height` in its config.json)"),
  image_pattern: gazeOptions.image_pattern
    .describe("EyeLink, SMI: the message that names the image, `SHOW * {image}`"),
  screen: fromText(screenSchema, "size").optional()
    .describe("`1920x1080` in pixels, or JSON as in dataset.json"),
  viewing_distance_mm: z.coerce.number().positive().max(100_000).optional(),
});

const measuresQuery = z.strictObject({
  ...pageQuery,
  limit: pageQuery.limit.describe("Most images of the answer"),
  table: z.enum(Object.keys(measureTables) as [MeasureTable, ...MeasureTable[]])
    .default("scanpaths").describe("A row for every recording, or for every pair of readers"),
  reader: z.string().max(512).optional(),
});

/** The file in the body: in memory where it is small, else in the store until `use` is done with it. */
async function withFile<T>(
  call: Call,
  use: (source: GazeSource, digest: () => Promise<string>) => Promise<T>,
): Promise<T> {
  const { request, services: { store } } = call;
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) <= SMALL_GAZE) {
    const bytes = await bodyOf(call, limits.textBytes);
    return await use(bytes, () => digestOf(bytes));
  }
  const { sha256, bytes } = await store.files.put(chunks(request, limits.textBytes))
    .catch(adviseOnSize);
  try {
    if (bytes === 0) throw emptyBody();
    return await use({ path: store.files.path(sha256) }, () => Promise.resolve(sha256));
  } finally {
    await store.discard([sha256]);
  }
}

function adviseOnSize(error: unknown): never {
  throw error instanceof HttpError && error.status === 413
    ? new HttpError(
      413,
      `${error.message}: send the gaze as gzip (gzip FILE, content type application/gzip), or in several files`,
      { connection: "close" },
    )
    : error;
}

export const gazeRoutes: Route[] = [
  route({
    method: "GET",
    path: `${imagePath}/gaze`,
    operationId: "getImageGaze",
    summary: "Fixations on an image with measures of each scanpath, and how far readers agree",
    scope: "read",
    query: readerQuery,
    answers: { 200: imageGazeSchema },
    async handle(call) {
      const { image } = await imageOf(call);
      const { services: { store }, query: { reader } } = call;
      return await imageGaze(
        store,
        image,
        reader === undefined ? undefined : readerName(store, reader),
      );
    },
  }),
  route({
    method: "GET",
    path: "/v1/datasets/{name}/gaze",
    operationId: "listGazeMeasures",
    summary: "Measures of all gaze of a data set: pages of JSON, or whole as CSV or Parquet",
    scope: "read",
    query: measuresQuery,
    answers: { 200: [pageOf(z.union(Object.values(measureRows))), ...tableMediaTypes] },
    headers: ["Content-Disposition"],
    formats: listFormats,
    async handle({ services: { store }, params: { name }, query, request, format }) {
      const dataset = await store.datasets.byName(name);
      const { table, limit, after } = query;
      const reader = query.reader === undefined ? undefined : readerName(store, query.reader);
      if (format !== "json") {
        needWhole(request, format);
        const name = `${dataset.name}_${table}`;
        const batches = measureBatches(store, dataset, table, reader);
        return tableAnswer({ format, name }, measureColumns(table), batches);
      }
      const { data, ...page } = await store.images.listOf(dataset.id, { limit, after });
      const rows = await measureRowsOf(store, dataset, data, { table, reader });
      return { data: rows, ...page };
    },
  }),
  route({
    method: "POST",
    path: "/v1/datasets/{name}/gaze",
    operationId: "addGaze",
    stores: true,
    errors: [429],
    summary: "Adds the gaze of one file; recordings of the same image and reader are replaced",
    scope: "write",
    query: putQuery,
    accepts: [
      "text/csv",
      "text/plain",
      "text/tab-separated-values",
      "application/json",
      "application/gzip",
      "application/octet-stream",
      "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ],
    answers: { 200: gazeReportSchema },
    async handle(call) {
      const { services: { store }, params: { name }, query } = call;
      await store.datasets.byName(name);
      const { dry_run: dryRun, ...options } = query;
      return await withFile(
        call,
        (source, digest) =>
          call.once(digest, () => putGaze(store, name, source, { ...options, dryRun })),
      );
    },
  }),
];
