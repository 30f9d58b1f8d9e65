/**
 * The digest of a data set: equal content, in whatever order and whenever it came, gives an equal one. Readers'
 * decisions are no part of it: no result of a job depends on them.
 */
import { createHash } from "node:crypto";
import type { Fixation } from "@/lib/gaze/gaze.ts";
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
  const { structured, positive_label, meta } = content.dataset;
  return hashOf([
    JSON.stringify(["dataset", structured, positive_label, sorted(meta)]),
    ...content.images.map((image) =>
      JSON.stringify([
        ...["image", image.name, image.file, image.label, image.patient, image.split],
        // A set of one label an image keeps the digest that it had.
        ...(image.findings ? [sorted(image.findings)] : []),
      ])
    ),
    ...gazeLines(content),
  ]);
}

/** The same of what gaze is compared by: labels, patients and splits may change without it. */
export function gazeDigestOf(content: DigestContent): string {
  const { structured, meta } = content.dataset;
  return hashOf([
    JSON.stringify(["dataset", structured, sorted(meta)]),
    ...content.images.map(({ name, file }) => JSON.stringify(["image", name, file])),
    ...gazeLines(content),
  ]);
}

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

/** Where the content of data sets is. */
export interface ContentTables {
  images: Pick<Images, "all">;
  gaze: Pick<GazeTable, "ofDataset">;
  heatmaps: Pick<Heatmaps, "ofDataset">;
}

/** The digest of what the store holds now. */
export async function storedDigest(
  store: ContentTables,
  dataset: DatasetContent & { id: string },
): Promise<string> {
  return digestOf(await storedContent(store, dataset));
}

const MOST_KEPT = 32;
/** Digests of gaze by data set and its digest; the oldest goes first. */
const kept = new Map<string, string>();

/** The digest of the pictures and gaze that the store holds now. */
export async function storedGazeDigest(
  store: ContentTables,
  dataset: DatasetContent & { id: string; digest: string },
): Promise<string> {
  const key = `${dataset.id} ${dataset.digest}`;
  const known = kept.get(key);
  if (known) return known;
  const made = gazeDigestOf(await storedContent(store, dataset));
  kept.set(key, made);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
  return made;
}

async function storedContent(
  store: ContentTables,
  dataset: DatasetContent & { id: string },
): Promise<DigestContent> {
  const images = await store.images.all(dataset.id);
  const names = new Map(images.map(({ id, name }) => [id, name]));
  return {
    dataset,
    images,
    gaze: [...(await store.gaze.ofDataset(dataset.id)).values()].flat().map((row) => ({
      ...row,
      image: names.get(row.image_id)!,
    })),
    heatmaps: [...(await store.heatmaps.ofDataset(dataset.id)).values()].flat().map((row) => ({
      ...row,
      image: names.get(row.image_id)!,
    })),
  };
}
