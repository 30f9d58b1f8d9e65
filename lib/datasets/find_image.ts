/** Images by what people call them: their names, their files' names, and what they were called before that was hashed. */
import { NotFound } from "@/lib/errors.ts";
import type { ImageRow, Store } from "@/lib/store/mod.ts";
import { withoutExtension } from "./image_names.ts";
import { dicomName } from "./pseudonym.ts";

/** The names under which an image may be kept as it is called, the most likely first. */
function plainNamesOf(name: string): string[] {
  const kept = name.normalize("NFC");
  return [...new Set([kept, withoutExtension(kept)])];
}

/** And then those that its names become where they are hashed. */
function namesOf(store: Store, name: string): string[] {
  const plain = plainNamesOf(name);
  return [...plain, ...plain.map((one) => dicomName(store, one))];
}

export async function findImage(
  store: Store,
  dataset_id: string,
  name: string,
): Promise<ImageRow | undefined> {
  const first = async (names: string[]) => {
    const images = await store.images.named(dataset_id, names);
    return names.map((one) => images.find((image) => image.name === one)).find((image) => image);
  };
  const plain = plainNamesOf(name);
  return await first(plain) ?? await first(plain.map((one) => dicomName(store, one)));
}

/** @throws {NotFound} */
export async function imageByName(
  store: Store,
  dataset_id: string,
  name: string,
): Promise<ImageRow> {
  const image = await findImage(store, dataset_id, name);
  if (!image) throw new NotFound(`Cannot find image "${name}"`);
  return image;
}

/**
 * Images in the order of their names here, which may repeat.
 * @throws {NotFound} naming the first that is not there
 */
export async function imagesByName(
  store: Store,
  dataset_id: string,
  names: string[],
): Promise<ImageRow[]> {
  const wanted = names.map((name) => namesOf(store, name));
  const found = await store.images.named(dataset_id, wanted.flat());
  const rows = new Map(found.map((row) => [row.name, row]));
  return wanted.map((called, i) => {
    const row = called.map((name) => rows.get(name)).find((row) => row);
    if (!row) throw new NotFound(`Cannot find image "${names[i]}"`);
    return row;
  });
}
