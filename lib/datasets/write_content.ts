/** A data set on its way into the database. */
import type { Problem } from "@/lib/errors.ts";
import type { Description } from "./description.ts";
import type { Recording } from "./recording.ts";
import type { HeatmapRow } from "@/lib/store/heatmaps.ts";
import type { ImageRow } from "@/lib/store/images.ts";
import { newId, now, type Store } from "@/lib/store/mod.ts";

export interface Content {
  description: Description;
  images: Omit<ImageRow, "id" | "dataset_id">[];
  /** Here and below `image` is an image's name. */
  gaze: Recording[];
  heatmaps: (Omit<HeatmapRow, "id" | "image_id"> & { image: string })[];
  warnings: Problem[];
  /** After `writeContent`: the files that the replaced data set referred to. */
  replaced: string[];
}

/** Hashes of all files that a data set refers to. */
export function filesOf(store: Store, dataset_id: string): string[] {
  return store.db.all<{ file: string }>(
    `WITH own AS (SELECT id, file FROM images WHERE dataset_id = ?)
     SELECT file FROM own
     UNION SELECT samples_file FROM gaze JOIN own ON image_id = own.id
       WHERE samples_file IS NOT NULL
     UNION SELECT heatmaps.file FROM heatmaps JOIN own ON image_id = own.id`,
    dataset_id,
  ).map(({ file }) => file);
}

/** Creates the data set, or replaces all that is in it; to be called in a transaction. */
export function writeContent(store: Store, name: string, content: Content, digest: string): void {
  const { structured, positive_label, ...meta } = content.description;
  const known = store.datasets.findByName(name);
  const dataset_id = known?.id ?? newId("ds");
  if (known) {
    content.replaced = filesOf(store, dataset_id);
    store.db.run("DELETE FROM images WHERE dataset_id = ?", dataset_id);
    store.datasets.update(dataset_id, { digest, structured, positive_label, meta });
  } else {
    store.datasets.insert({
      id: dataset_id,
      name,
      digest,
      structured,
      positive_label,
      meta,
      created_at: now(),
    });
  }
  const ids = new Map<string, string>();
  for (const image of content.images) {
    const id = newId("im");
    ids.set(image.name, id);
    store.images.insert({ id, dataset_id, ...image });
  }
  for (const { image, source: _, ...recording } of content.gaze) {
    store.gaze.insert({ id: newId("gz"), image_id: ids.get(image)!, ...recording });
  }
  for (const { image, ...heatmap } of content.heatmaps) {
    store.heatmaps.insert({ id: newId("hm"), image_id: ids.get(image)!, ...heatmap });
  }
}
