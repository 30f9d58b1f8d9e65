/**
 * The digest of a data set: equal content, in whatever order and whenever it came, gives an equal one. Readers'
 * decisions are no part of it: no result of a job depends on them.
 */
import { createHash } from "node:crypto";
import type { Fixation } from "@/lib/gaze/gaze.ts";
import { sortInTurns, Turns } from "@/lib/turns.ts";
import type { GazeTable } from "./gaze.ts";
import type { Heatmaps } from "./heatmaps.ts";
import type { ImageRow, Images } from "./images.ts";

/** What counts of a data set's own row. */
export interface DatasetContent {
  structured: boolean;
  positive_label: string | null;
  meta: Record<string, unknown>;
}

export interface DigestContent {
  dataset: DatasetContent;
  images: Pick<ImageRow, "name" | "file" | "label" | "findings" | "patient" | "split">[];
  /** `image` is the image's name. */
  gaze: { image: string; reader: string; fixations: Fixation[]; samples_file: string | null }[];
  heatmaps: { image: string; reader: string; file: string }[];
}

/** SHA-256, hexadecimal, over one sorted line per thing. */
export function digestOf(content: DigestContent): string {
  return hashOf([
    datasetLine(content.dataset),
    ...content.images.map(imageLine),
    ...gazeLines(content),
  ]);
}

const datasetLine = ({ structured, positive_label, meta }: DatasetContent): string =>
  JSON.stringify(["dataset", structured, positive_label, sorted(meta)]);

const imageLine = (
  { name, file, label, findings, patient, split }: DigestContent["images"][number],
): string =>
  JSON.stringify([
    ...["image", name, file, label, patient, split],
    // A set of one label an image keeps the digest that it had.
    ...(findings ? [sorted(findings)] : []),
  ]);

function gazeLines({ gaze, heatmaps }: Pick<DigestContent, "gaze" | "heatmaps">): string[] {
  return [
    ...gaze.map(({ image, reader, fixations, samples_file }) => {
      const numbers = fixations.map(({ x, y, start, duration }) => [x, y, start, duration]);
      return JSON.stringify(["gaze", image, reader, numbers, samples_file]);
    }),
    ...heatmaps.map(({ image, reader, file }) => JSON.stringify(["heatmap", image, reader, file])),
  ];
}

function hashOf(lines: string[]): string {
  const hash = createHash("sha256");
  for (const line of lines.sort()) hash.update(line).update("\n");
  return hash.digest("hex");
}

/** A JSON value with its keys in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1).map(([k, v]) => [k, sorted(v)]),
  );
}

/** Where the content of data sets is, some images at a time. */
export interface PagedTables {
  images: Pick<Images, "listOf">;
  gaze: Pick<GazeTable, "ofImages">;
  heatmaps: Pick<Heatmaps, "ofImages">;
}

/** Images whose gaze is read at a time. */
const AT_ONCE = 5;

/**
 * The digest of what the store holds now, made part by part, so that others get their turn; to be called in a
 * transaction, so that nothing changes between two parts.
 */
export async function storedDigest(
  store: PagedTables,
  dataset: DatasetContent & { id: string },
): Promise<string> {
  return await hashInTurns(store, dataset.id, datasetLine(dataset), imageLine);
}

/** The same of what gaze is compared by: labels, patients and splits may change without it. */
export async function storedGazeDigest(
  store: PagedTables,
  { id, structured, meta: { classes: _, ...meta } }: DatasetContent & { id: string },
): Promise<string> {
  const line = JSON.stringify(["dataset", structured, sorted(meta)]);
  return await hashInTurns(
    store,
    id,
    line,
    ({ name, file }) => JSON.stringify(["image", name, file]),
  );
}

async function hashInTurns(
  store: PagedTables,
  dataset_id: string,
  datasetLine: string,
  imageLine: (image: ImageRow) => string,
): Promise<string> {
  const turns = new Turns();
  const lines = [datasetLine];
  let after: string | undefined;
  do {
    const { data, next } = await store.images.listOf(dataset_id, { after, limit: AT_ONCE });
    const ids = data.map(({ id }) => id);
    const [gaze, heatmaps] = [await store.gaze.ofImages(ids), await store.heatmaps.ofImages(ids)];
    for (const image of data) {
      const own = <Row>(rows: Map<string, Row[]>) =>
        (rows.get(image.id) ?? []).map((row) => ({ ...row, image: image.name }));
      lines.push(imageLine(image), ...gazeLines({ gaze: own(gaze), heatmaps: own(heatmaps) }));
    }
    await turns.give();
    after = next ?? undefined;
  } while (after !== undefined);
  const hash = createHash("sha256");
  for (const line of await sortInTurns(lines, turns)) {
    hash.update(line).update("\n");
    await turns.give();
  }
  return hash.digest("hex");
}
