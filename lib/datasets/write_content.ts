/** A data set on its way into the database. */
import type { Problem } from "@/lib/errors.ts";
import { type Description, descriptionSchema } from "./description.ts";
import { findingsOf } from "./multi_label.ts";
import { storedDigest } from "@/lib/store/digest.ts";
import type { Recording } from "./recording.ts";
import type { HeatmapRow } from "@/lib/store/heatmaps.ts";
import { type Decision, readingKey } from "./matched_readings.ts";
import type { ImageRow } from "@/lib/store/images.ts";
import { type DatasetRow, type NameMode, newId, now, type Store } from "@/lib/store/mod.ts";

export interface Content {
  description: Description;
  names: NameMode;
  images: Omit<ImageRow, "id" | "dataset_id">[];
  /** Here and below `image` is an image's name. */
  gaze: Recording[];
  heatmaps: (Omit<HeatmapRow, "id" | "image_id"> & { image: string })[];
  readings: (Decision & { image: string })[];
  /** What labels say of images that are there already. */
  relabelled: {
    image: string;
    changes: Partial<Pick<ImageRow, "label" | "findings" | "patient" | "split">>;
  }[];
  warnings: Problem[];
  /** After `writeContent`: the files that the replaced data set referred to. */
  replaced: string[];
}

/** Hashes of all files that a data set refers to. */
export async function filesOf(store: Store, dataset_id: string): Promise<string[]> {
  return (await store.db.all<{ file: string }>(
    `WITH own AS (SELECT id, file FROM images WHERE dataset_id = ?)
     SELECT file FROM own
     UNION SELECT samples_file FROM gaze JOIN own ON image_id = own.id
       WHERE samples_file IS NOT NULL
     UNION SELECT heatmaps.file FROM heatmaps JOIN own ON image_id = own.id`,
    dataset_id,
  )).map(({ file }) => file);
}

/** The same of some images. */
export async function filesOfImages(store: Store, ids: string[]): Promise<string[]> {
  const list = `(${ids.map(() => "?").join(", ")})`;
  return (await store.db.all<{ file: string }>(
    `SELECT file FROM images WHERE id IN ${list}
     UNION SELECT samples_file FROM gaze WHERE image_id IN ${list} AND samples_file IS NOT NULL
     UNION SELECT file FROM heatmaps WHERE image_id IN ${list}`,
    ...[ids, ids, ids].flat(),
  )).map(({ file }) => file);
}

/** The same of one image. */
export async function filesOfImage(
  store: Store,
  { id, file }: Pick<ImageRow, "id" | "file">,
): Promise<string[]> {
  return [
    file,
    ...(await store.gaze.ofImage(id)).flatMap(({ samples_file }) => samples_file ?? []),
    ...(await store.heatmaps.ofImage(id)).map(({ file }) => file),
  ];
}

/** An empty data set without a description. */
export async function beginDataset(
  store: Store,
  name: string,
  names: NameMode,
): Promise<DatasetRow> {
  const { structured, positive_label, names: _, ...meta } = descriptionSchema.parse({});
  return await store.datasets.insert({
    id: newId("ds"),
    name,
    known_digest: "",
    structured,
    positive_label,
    meta,
    names,
    created_at: now(),
  });
}

/** Creates the data set, or replaces all that is in it; to be called in a transaction. */
export async function writeContent(
  store: Store,
  name: string,
  content: Content,
  digest: string,
): Promise<void> {
  const { structured, positive_label, names: _, ...meta } = content.description;
  const { names } = content;
  const known = await store.datasets.findByName(name);
  const dataset_id = known?.id ?? newId("ds");
  if (known) {
    content.replaced = await filesOf(store, dataset_id);
    await store.db.run("DELETE FROM images WHERE dataset_id = ?", dataset_id);
    await store.datasets.changed(dataset_id);
    await store.datasets.update(dataset_id, {
      known_digest: digest,
      structured,
      positive_label,
      meta,
      names,
    });
  } else {
    await store.datasets.insert({
      id: dataset_id,
      name,
      known_digest: digest,
      structured,
      positive_label,
      meta,
      names,
      created_at: now(),
    });
  }
  await insertContent(store, dataset_id, content, new Map());
}

/**
 * Adds to a data set that exists, or replaces what has the same name; to be called in a transaction.
 * @returns the digest of all that is in it now
 */
export async function addContent(
  store: Store,
  dataset: DatasetRow,
  content: Content,
): Promise<string> {
  const ids = new Map((await store.images.all(dataset.id)).map(({ id, name }) => [name, id]));
  const before = await filesOf(store, dataset.id);
  for (const { image, changes } of content.relabelled) {
    await store.images.update(ids.get(image)!, changes);
  }
  for (const { name } of content.images) {
    const known = ids.get(name);
    if (known !== undefined) await store.images.remove(known);
  }
  const fresh = new Set(content.images.map(({ name }) => name));
  for (const { image, reader } of content.gaze) {
    if (fresh.has(image)) continue;
    for (const { id } of await store.gaze.ofImage(ids.get(image)!, reader)) {
      await store.gaze.remove(id);
    }
  }
  for (const { image, reader } of content.heatmaps) {
    if (fresh.has(image)) continue;
    for (const row of await store.heatmaps.ofImage(ids.get(image)!)) {
      if (row.reader === reader) await store.heatmaps.remove(row.id);
    }
  }
  const keys = new Set(content.readings.map((reading) => readingKey(reading.image, reading)));
  if (keys.size > 0) {
    for (const reading of await store.readings.ofDataset(dataset.id)) {
      if (keys.has(readingKey(reading.image, reading))) await store.readings.remove(reading.id);
    }
  }
  await insertContent(store, dataset.id, content, ids);
  const { classes } = content.description;
  if (classes && findingsOf(dataset) === null) {
    dataset = { ...dataset, meta: { ...dataset.meta, classes } };
    await store.datasets.update(dataset.id, { meta: dataset.meta });
  }
  // What still is referred to is kept.
  content.replaced = before;
  const digest = await storedDigest(store, dataset);
  await store.datasets.changed(dataset.id);
  await store.datasets.update(dataset.id, { known_digest: digest });
  return digest;
}

const RECORDINGS_AT_ONCE = 1000;

/** @param ids of the images that are there, by name; those of the new ones come to it */
async function insertContent(
  store: Store,
  dataset_id: string,
  content: Content,
  ids: Map<string, string>,
): Promise<void> {
  const images = content.images.map((image) => ({ id: newId("im"), dataset_id, ...image }));
  for (const { id, name } of images) ids.set(name, id);
  await store.images.insertAll(images);
  // Their fixations are packed until then.
  for (let from = 0; from < content.gaze.length; from += RECORDINGS_AT_ONCE) {
    const part = content.gaze.slice(from, from + RECORDINGS_AT_ONCE);
    await store.gaze.insertAll(part.map(({ image, source: _, ...recording }) => ({
      id: newId("gz"),
      image_id: ids.get(image)!,
      ...recording,
    })));
  }
  await store.readings.insertAll(content.readings.map(({ image, ...decision }) => ({
    id: newId("rd"),
    image_id: ids.get(image)!,
    ...decision,
  })));
  await store.heatmaps.insertAll(content.heatmaps.map(({ image, ...heatmap }) => ({
    id: newId("hm"),
    image_id: ids.get(image)!,
    ...heatmap,
  })));
}
