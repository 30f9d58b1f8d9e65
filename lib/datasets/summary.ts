/** What a data set holds, in numbers. */
import { z } from "zod";
import { declared } from "@/lib/declared.ts";
import { type DatasetRow, nameModes, type Store } from "@/lib/store/mod.ts";
import { Turns } from "@/lib/turns.ts";
import { descriptionSchema } from "./description.ts";
import { splitSchema } from "./image.ts";
import { findingsOf } from "./multi_label.ts";

const range = z.tuple([z.number(), z.number()]);
const counts = z.record(z.string(), z.number());

export const datasetSchema = z.object({
  id: z.string(),
  name: z.string(),
  digest: z.string().describe("SHA-256 over the content"),
  structured: z.boolean().describe("Whether the pictures are anatomically aligned"),
  positive_label: z.string().nullable(),
  names: z.enum(nameModes)
    .describe("Whether names of DICOM files and of patients are keyed hashes or as they were sent"),
  created_at: z.iso.datetime(),
  images: z.number(),
  labels: counts.describe("Images by label; empty in a multi-label set"),
  findings: z.record(
    z.string(),
    z.object({ present: z.number(), absent: z.number(), unknown: z.number() }),
  ).optional().describe("Images by finding, in a multi-label set alone"),
  unlabelled: z.number().describe("Images without a label, or of which no finding is known"),
  patients: z.number(),
  splits: z.partialRecord(splitSchema, z.number()),
  gaze: z.object({
    recordings: z.number(),
    readers: z.array(z.string()).describe("Names of all readers"),
    images: z.number().describe("Images with gaze or a ready-made map"),
    coverage: z.number().describe("Share of all images, 0 to 1"),
    fixations: z.number(),
  }),
  heatmaps: z.number(),
  readings: z.object({
    decisions: z.number().describe("One per image, reader and condition"),
    readers: z.array(z.string()).describe("Names of all readers"),
  }),
  bytes: z.number().describe("Of the pictures"),
  sizes: z.object({ width: range, height: range }).nullable()
    .describe("Smallest and largest, pixels; null without images"),
  kinds: counts.describe('By "channels x bits", as in "1 x 8"'),
  description: descriptionSchema.omit({ structured: true, positive_label: true, names: true })
    .describe("What else dataset.json says"),
}).meta({ id: "Dataset" });
export type Dataset = z.output<typeof datasetSchema>;

/** Summaries kept; the oldest goes first. */
const MOST_KEPT = 256;
const kept = new Map<string, Dataset>();
/** Those that are being counted: who asks for the same waits for it. */
const underWay = new Map<string, Promise<Dataset>>();

/** What the set holds; counted once for each change of it. */
export async function summary(store: Store, dataset: DatasetRow): Promise<Dataset> {
  const key = `${dataset.id} ${dataset.version}`;
  const known = kept.get(key);
  if (known) return known;
  const making = underWay.get(key) ?? count(store, dataset);
  underWay.set(key, making);
  try {
    const made = await making;
    kept.set(key, made);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
    return made;
  } finally {
    underWay.delete(key);
  }
}

async function count(store: Store, dataset: DatasetRow): Promise<Dataset> {
  const { db } = store;
  const { meta, known_digest: _, version: _v, ...row } = dataset;
  const counts = async (column: string) =>
    await db.all<{ value: string | null; n: number }>(
      `SELECT ${column} AS value, count(*) AS n FROM images WHERE dataset_id = ?
       GROUP BY 1 ORDER BY 1`,
      dataset.id,
    );
  const totals = (await db.get<Record<string, number | null>>(
    `SELECT count(*) AS images, count(DISTINCT patient) AS patients, sum(bytes) AS bytes,
       min(width) AS min_width, max(width) AS max_width,
       min(height) AS min_height, max(height) AS max_height
     FROM images WHERE dataset_id = ?`,
    dataset.id,
  ))!;
  const { readings, ...gaze } = await countOfImages(store, dataset.id);
  const images = totals.images ?? 0;
  const named = (rows: { value: string | null; n: number }[]) =>
    Object.fromEntries(rows.flatMap(({ value, n }) => value === null ? [] : [[value, n]]));
  const labels = await counts("label");
  const classes = findingsOf(dataset);
  const findings = classes && await store.images.findingCounts(dataset.id);
  const withFindings = classes && await store.images.withFindings(dataset.id);
  return {
    ...declared(datasetSchema, row),
    digest: await store.datasets.digestOf(dataset),
    images,
    labels: named(labels),
    ...(classes && findings && {
      findings: Object.fromEntries(classes.map((name) => {
        const { present = 0, absent = 0 } = findings.get(name) ?? {};
        return [name, { present, absent, unknown: images - present - absent }];
      })),
    }),
    unlabelled: withFindings !== null
      ? images - withFindings
      : labels.find(({ value }) => value === null)?.n ?? 0,
    patients: totals.patients ?? 0,
    splits: named(await counts("split")),
    gaze: {
      recordings: gaze.recordings,
      readers: [...gaze.readers].sort(),
      images: gaze.images,
      coverage: images === 0 ? 0 : gaze.images / images,
      fixations: gaze.fixations,
    },
    heatmaps: gaze.heatmaps,
    readings: { decisions: readings.decisions, readers: [...readings.readers].sort() },
    bytes: totals.bytes ?? 0,
    sizes: images === 0 ? null : {
      width: [totals.min_width!, totals.max_width!],
      height: [totals.min_height!, totals.max_height!],
    },
    kinds: named(await counts("channels || ' x ' || bits")),
    description: meta as Dataset["description"],
  };
}

/** Images whose gaze and readings are counted at a time. */
const AT_ONCE = 20;

/** Counts part by part: fixations and readings are as many as they are. */
async function countOfImages(store: Store, dataset_id: string) {
  const sums = {
    ...{ recordings: 0, fixations: 0, heatmaps: 0, images: 0, readers: new Set<string>() },
    readings: { decisions: 0, readers: new Set<string>() },
  };
  const turns = new Turns();
  let after: string | undefined;
  do {
    const page = await store.images.listOf(dataset_id, { after, limit: AT_ONCE });
    const ids = page.data.map(({ id }) => id);
    const counts = await store.gaze.countsOf(ids);
    const maps = await store.heatmaps.ofImages(ids);
    for (const { reader, fixations } of counts) {
      sums.recordings++;
      sums.fixations += fixations;
      sums.readers.add(reader);
    }
    for (const rows of maps.values()) sums.heatmaps += rows.length;
    sums.images += new Set([...counts.map(({ image_id }) => image_id), ...maps.keys()]).size;
    for (const { reader, n } of await store.readings.countsOf(ids)) {
      sums.readings.decisions += Number(n);
      sums.readings.readers.add(reader);
    }
    await turns.give();
    after = page.next ?? undefined;
  } while (after !== undefined);
  return sums;
}
