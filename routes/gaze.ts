/** Gaze: what readers did on an image, in numbers and measures; files of gaze put in or tried out. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { putGaze } from "@/lib/datasets/gaze_file.ts";
import { columnsSchema, gazeOptions, screenSchema } from "@/lib/datasets/gaze_options.ts";
import { measuresCsv, type MeasureTable, measureTables } from "@/lib/datasets/gaze_measures.ts";
import { readerName } from "@/lib/datasets/reader_name.ts";
import { agreements, MOST_READERS } from "@/lib/gaze/agreement.ts";
import { filterSpec } from "@/lib/gaze/filters/mod.ts";
import { formats } from "@/lib/gaze/formats/mod.ts";
import { scanpathMeasures } from "@/lib/gaze/measures.ts";
import { json } from "./pipeline.ts";
import { digestOf } from "./auth.ts";
import { once } from "./idempotency.ts";
import { bodyOf, imageOf, imagePath, readerQuery } from "./images.ts";
import { pageOf, pageQuery } from "./pages.ts";
import { HttpError } from "./problem.ts";
import { type Route, route } from "./route.ts";
import { fromText } from "./query_fields.ts";

const number = z.number().nullable();
const measures = z.object({
  fixation_count: z.number(),
  duration_mean_s: number,
  duration_total_s: z.number(),
  path_length_px: z.number(),
  saccade_amplitude_px: number.describe("mean"),
  coverage: z.number().describe("share of the image near any fixation"),
  stationary_entropy_bits: number,
  transition_entropy_bits: number,
  bcea_px2: number.describe("area of the ellipse that holds 68.2 % of the fixations"),
  data_loss: z.number().describe("share of the recording without gaze"),
}).meta({ id: "ScanpathMeasures" });
const agreement = z.object({
  reader_1: z.string(),
  reader_2: z.string(),
  cc: number.describe("correlation of the two heatmaps"),
  sim: number.describe("their histogram intersection"),
  kl_1_2: number.describe("divergence of the second's map from the first's, nats"),
  kl_2_1: number,
  nss_1_2: number.describe("saliency of the first's map at the second's fixations"),
  nss_2_1: number,
}).meta({ id: "Agreement" });
const fixation = z.object({
  x: z.number().describe("image px"),
  y: z.number().describe("image px"),
  start: z.number().describe("s"),
  duration: z.number().describe("s"),
});
const gaze = z.object({
  image: z.string(),
  width: z.number(),
  height: z.number(),
  data: z.array(z.object({
    reader: z.string(),
    format: z.string(),
    fixations: z.array(fixation),
    measures,
    assumptions: z.array(z.string()),
    dropped: z.number(),
    data_loss: z.number(),
  })),
  agreement: z.array(agreement).describe(`Of all pairs of the first ${MOST_READERS} readers`),
});
const row = z.looseObject({
  image: z.string(),
  label: z.string().nullable(),
  patient: z.string().nullable(),
}).describe("The measures of one recording, or of one pair of readers");

const problem = z.object({
  file: z.string().optional(),
  line: z.number().optional(),
  column: z.number().optional(),
  message: z.string(),
});
const facts = z.object({
  format: z.string(),
  positions: z.string().describe("`px of the screen`, `share of the image`, ..."),
  time: z.string().describe("The file's unit of time"),
  eye: z.string(),
  filter: z.string().nullable().describe("null: the file's own fixations"),
  filter_parameters: z.record(z.string(), z.unknown()).nullable(),
  px_per_degree: number,
  origin_s: z.number().describe("Time on the file's clock at which the recording's time 0 lies"),
  mapping: z.object({ ax: z.number(), bx: z.number(), ay: z.number(), by: z.number() }),
  share_in_fixations: number.describe("of the samples with gaze"),
  share_off_image: number,
}).meta({ id: "RecordingFacts" }).describe("What was assumed of the recording");
const preview = z.object({
  image: z.string(),
  reader: z.string(),
  width: z.number(),
  height: z.number(),
  mapping: z.object({ ax: z.number(), bx: z.number(), ay: z.number(), by: z.number() })
    .describe("From the file's positions to image px: x -> x ax + bx, y -> y ay + by"),
  fixations: z.number(),
  samples: z.number(),
  first: z.array(fixation).describe("The first ten"),
  off_image: z.number(),
  dropped: z.number(),
  data_loss: z.number(),
  facts,
});
const report = z.object({
  gaze: z.number().describe("recordings"),
  replaced: z.number(),
  images: z.number(),
  readers: z.number(),
  fixations: z.number(),
  samples: z.number(),
  dropped: z.number(),
  format: z.string(),
  columns: z.record(z.string(), z.string()).describe("Role to header, for tables"),
  assumptions: z.array(z.string()),
  warnings: z.array(problem),
  preview: z.array(preview).optional().describe("Of a dry run: the first twenty recordings"),
}).meta({ id: "GazeReport" });

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
  format: z.enum(["json", "csv"]).optional().describe("CSV holds the whole set"),
  table: z.enum(Object.keys(measureTables) as [MeasureTable, ...MeasureTable[]])
    .default("scanpaths").describe("A row for every recording, or for every pair of readers"),
  reader: z.string().max(512).optional(),
});

export const gazeRoutes: Route[] = [
  route({
    method: "GET",
    path: `${imagePath}/gaze`,
    summary: "Fixations on an image with measures of each scanpath, and how far readers agree",
    scope: "read",
    query: readerQuery,
    answers: { 200: gaze },
    handle(call) {
      const { image } = imageOf(call);
      const { store } = call.services;
      const wanted = call.query.reader === undefined
        ? undefined
        : readerName(store, call.query.reader);
      const all = store.gaze.ofImage(image.id);
      const rows = all.filter(({ reader }) => wanted === undefined || reader === wanted);
      return json({
        image: image.name,
        width: image.width,
        height: image.height,
        data: rows.map(({ reader, format, fixations, assumptions, dropped, data_loss }) => ({
          reader,
          format,
          fixations,
          measures: scanpathMeasures(fixations, image, data_loss),
          assumptions,
          dropped,
          data_loss,
        })),
        agreement: [...agreements(all, image)].filter(({ reader_1, reader_2 }) =>
          wanted === undefined || reader_1 === wanted || reader_2 === wanted
        ),
      });
    },
  }),
  route({
    method: "GET",
    path: "/v1/datasets/{name}/gaze",
    summary: "Measures of all gaze of a data set, as pages or, by `format` or Accept, whole as CSV",
    scope: "read",
    query: measuresQuery,
    answers: { 200: pageOf(row) },
    handle({ services: { store }, params: { name }, query, request }) {
      const dataset = store.datasets.byName(name);
      const { table, limit, after } = query;
      const reader = query.reader === undefined ? undefined : readerName(store, query.reader);
      const format = query.format ??
        (/text\/csv/i.test(request.headers.get("accept") ?? "") ? "csv" : "json");
      if (format === "csv") {
        const file = encodeURIComponent(`${dataset.name}_${table}.csv`);
        return new Response(measuresCsv(store, dataset, table, reader), {
          headers: {
            "content-type": "text/csv; charset=utf-8",
            "content-disposition": `attachment; filename*=UTF-8''${file}`,
          },
        });
      }
      const { data, ...page } = store.images.listOf(dataset.id, { limit, after });
      const rows = data.flatMap((image) => [...measureTables[table](store, image, reader)]);
      return json({ data: rows, ...page });
    },
  }),
  route({
    method: "POST",
    path: "/v1/datasets/{name}/gaze",
    summary: "Adds the gaze of one file; recordings of the same image and reader are replaced",
    scope: "write",
    query: putQuery,
    accepts: [
      "text/*",
      "application/octet-stream",
      "application/gzip",
      "application/json",
      "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ],
    answers: { 200: report },
    async handle(call) {
      const { services: { store }, params: { name }, query } = call;
      store.datasets.byName(name);
      const bytes = await bodyOf(call, limits.textBytes).catch((error) => {
        throw error instanceof HttpError && error.status === 413
          ? new HttpError(
            413,
            `${error.message}: send the gaze as gzip (gzip FILE, content type application/gzip), or in several files`,
            { connection: "close" },
          )
          : error;
      });
      const { dry_run: dryRun, ...options } = query;
      return once(
        call,
        digestOf(bytes),
        async () => json(await putGaze(store, name, bytes, { ...options, dryRun })),
      );
    },
  }),
];
