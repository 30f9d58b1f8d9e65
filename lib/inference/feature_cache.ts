/** Feature vectors of a data set's pictures, remembered for the next request. */
import type { DatasetRow, ImageRow } from "@/lib/store/mod.ts";
import { embedAll, encodedPicture, type InferenceContext } from "./predict_client.ts";

/** Pictures looked at before the signal is asked again. */
const PART = 64;
const MOST_BYTES = 64 * 2 ** 20;
/** By model and content of the picture; the least recently used goes first. */
const kept = new Map<string, Float32Array<ArrayBuffer>>();
let bytes = 0;

function keep(key: string, features: Float32Array<ArrayBuffer>): void {
  bytes += features.byteLength - (kept.get(key)?.byteLength ?? 0);
  kept.delete(key);
  kept.set(key, features);
  for (const [old, { byteLength }] of kept) {
    if (bytes <= MOST_BYTES) break;
    kept.delete(old);
    bytes -= byteLength;
  }
}

/**
 * Feature vectors of pictures in their order, [F] each. Throws InvalidInput, Overloaded, Unavailable.
 * @param signal ends the work when nobody waits any more
 */
export async function featuresOf(
  context: InferenceContext,
  images: Pick<ImageRow, "file" | "name">[],
  signal: AbortSignal,
): Promise<Float32Array<ArrayBuffer>[]> {
  const { store, model } = context;
  const keyOf = ({ file }: Pick<ImageRow, "file">) => `${model.id} ${file}`;
  const features = images.map((image) => kept.get(keyOf(image)));
  const missing = images.map((_, i) => i).filter((i) => !features[i]);
  for (let from = 0; from < missing.length; from += PART) {
    signal.throwIfAborted();
    const part = missing.slice(from, from + PART);
    const vectors = await embedAll(
      context,
      part.map((i) => ({
        image: images[i].name,
        ...encodedPicture(() => store.files.read(images[i].file, `image "${images[i].name}"`)),
      })),
    );
    part.forEach((i, at) => features[i] = vectors[at]);
  }
  images.forEach((image, i) => keep(keyOf(image), features[i]!));
  return features as Float32Array<ArrayBuffer>[];
}

export interface Neighbour {
  image: ImageRow;
  /** Cosine, -1 to 1. */
  similarity: number;
}

/** The pictures of a data set whose features are most similar to a vector, the nearest first. */
export async function nearest(
  context: InferenceContext,
  features: Float32Array,
  { dataset, top, signal }: { dataset: DatasetRow; top: number; signal: AbortSignal },
): Promise<Neighbour[]> {
  const images = await context.store.images.all(dataset.id);
  const all = await featuresOf(context, images, signal);
  const scored = images.map((image, i) => ({ image, similarity: cosine(features, all[i]) }));
  return scored.sort((a, b) => b.similarity - a.similarity).slice(0, top);
}

/** 0 where a vector is zero. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}
