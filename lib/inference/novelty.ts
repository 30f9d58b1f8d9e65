/**
 * How far a picture lies from a data set, against how far that set's own pictures lie from each other: a classifier's
 * answer about a picture unlike all that it was trained on is worth nothing, however certain it is.
 */
import type { DatasetRow } from "@/lib/store/mod.ts";
import { cosine, featuresOf } from "./feature_cache.ts";
import type { InferenceContext } from "./predict_client.ts";

/** Pictures of the set whose nearest neighbour is looked for, evenly spaced. */
const SAMPLE = 100;
/** Models and states of sets that are remembered. */
const MOST = 50;
const known = new Map<string, number[]>();

/**
 * Similarity (cosine of features) of pictures of the set to their nearest neighbour of another patient, rising; empty
 * where there are fewer than two such pictures.
 */
async function nearestAmong(
  context: InferenceContext,
  dataset: DatasetRow,
  signal: AbortSignal,
): Promise<number[]> {
  const digest = await context.store.datasets.digestOf(dataset);
  const key = `${context.model.id} ${dataset.id} ${digest}`;
  const found = known.get(key);
  if (found) return found;
  const images = await context.store.images.all(dataset.id);
  const features = await featuresOf(context, images, signal);
  const step = Math.max(1, Math.floor(images.length / SAMPLE));
  const best: number[] = [];
  for (let i = 0; i < images.length; i += step) {
    let most = -Infinity;
    for (let j = 0; j < images.length; j++) {
      const samePatient = images[i].patient !== null && images[i].patient === images[j].patient;
      if (j !== i && !samePatient) most = Math.max(most, cosine(features[i], features[j]));
    }
    if (most > -Infinity) best.push(most);
  }
  best.sort((a, b) => a - b);
  known.set(key, best);
  for (const old of known.keys()) {
    if (known.size <= MOST) break;
    known.delete(old);
  }
  return best;
}

/**
 * @param similarity of the picture to the nearest of the set
 * @returns share of the set's pictures that lie as far from the others or further, and the usual similarity; null where
 *   the set has too few
 */
export async function noveltyOf(
  context: InferenceContext,
  similarity: number,
  { dataset, signal }: { dataset: DatasetRow; signal: AbortSignal },
): Promise<{ usual: number; further: number } | null> {
  const among = await nearestAmong(context, dataset, signal);
  if (among.length === 0) return null;
  const further = among.filter((one) => one <= similarity).length / among.length;
  return { usual: Number(among[among.length >> 1].toPrecision(5)), further };
}
