/** The images that a small file speaks of, without reading all those of their set. */
import type { ImageRow, Store } from "@/lib/store/mod.ts";
import { exactNames } from "./image_names.ts";

/** Where a file names more, the whole set is read at once. */
const MOST = 1000;

/**
 * The images that are wholly named, where all of the references are: an exact name goes before all others that a
 * reference may mean. Undefined where one is not, or where there are many.
 */
export async function imagesNamed(
  store: Store,
  dataset_id: string,
  references: Iterable<string>,
): Promise<ImageRow[] | undefined> {
  const wanted = Array.from(references, (reference) => exactNames(store, reference));
  if (wanted.length > MOST) return undefined;
  const images = await store.images.named(dataset_id, wanted.flat());
  const there = new Set(images.map(({ name }) => name));
  return wanted.every((names) => names.some((name) => there.has(name))) ? images : undefined;
}
