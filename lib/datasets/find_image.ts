/** An image by what people call it: its name, its file's name, and what it was called before its name was hashed. */
import { NotFound } from "@/lib/errors.ts";
import type { ImageRow, Store } from "@/lib/store/mod.ts";
import { withoutExtension } from "./image_names.ts";
import { dicomName } from "./pseudonym.ts";

export function findImage(store: Store, dataset_id: string, name: string): ImageRow | undefined {
  const kept = name.normalize("NFC");
  const bare = withoutExtension(kept);
  for (const called of new Set([kept, bare, dicomName(store, kept), dicomName(store, bare)])) {
    const image = store.images.findByName(dataset_id, called);
    if (image) return image;
  }
}

/** @throws {NotFound} */
export function imageByName(store: Store, dataset_id: string, name: string): ImageRow {
  const image = findImage(store, dataset_id, name);
  if (!image) throw new NotFound(`Cannot find image "${name}"`);
  return image;
}
