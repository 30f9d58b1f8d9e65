/** What the API asks about pictures: they are decoded here, run by the GPU worker, and predictions stored. */
import { THRESHOLD } from "@/lib/evaluation/binary_figures.ts";
import { InvalidInput, Overloaded } from "@/lib/errors.ts";
import { decodePool } from "@/lib/images/decode_pool.ts";
import type { Raster } from "@/lib/images/raster.ts";
import type { ViewOptions } from "@/lib/images/view.ts";
import {
  type EmbedAnswer,
  encodePicture,
  needClasses,
  notFinite,
  type Picture,
  type PredictAnswer,
} from "./protocol.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import {
  type ImageRow,
  type ModelRow,
  newId,
  now,
  type PredictionRow,
  type Store,
} from "@/lib/store/mod.ts";

/** Pictures sent to the worker at once by one request. */
const CHUNK = 16;
/** Pictures of all requests that may be under way. */
const MOST_UNDER_WAY = 256;
let underWay = 0;

export interface PictureInput {
  /** Names; undefined for a picture that came with the request. */
  dataset?: string;
  image?: string;
  /** The row and the content of that image. */
  stored?: Pick<ImageRow, "id" | "file">;
  /** Name of the file that it came in; told in messages, stored nowhere. */
  filename?: string;
  /** The picture squashed to a size: [width, height]. */
  raster(size: [number, number]): Promise<Raster>;
  /** A small PNG of it, to be kept with its prediction. */
  thumbnail?(): Promise<Uint8Array<ArrayBuffer>>;
}

/** A picture in a file, read when its turn comes, and shown as `view` says. */
export function encodedPicture(
  read: () => Promise<Uint8Array<ArrayBuffer>>,
  view?: ViewOptions,
): Pick<PictureInput, "raster"> {
  return { raster: async (size) => await decodePool.decode(await read(), { size, view }) };
}

export interface InferenceContext {
  store: Store;
  model: ModelRow;
  /** The worker: throws what it throws, and Unavailable without one. */
  worker: { call<T>(method: string, params: unknown): Promise<T> };
}

/**
 * Predicts pictures and stores the predictions, all or none. Throws InvalidInput, Overloaded,
 * Unavailable.
 */
export async function predictAll(
  context: InferenceContext,
  inputs: PictureInput[],
): Promise<PredictionRow[]> {
  const { store, model, worker } = context;
  needClasses(model);
  const probabilities = await inChunks(model, inputs, async (pictures) => {
    const answer = await worker.call<PredictAnswer>("predict", { model: model.id, pictures });
    return answer.probabilities;
  });
  const { classes, multi_label } = model.spec;
  const rows = inputs.map(({ dataset, image, stored }, i) => {
    const row = probabilities[i];
    const best = row.indexOf(Math.max(...row));
    return {
      id: newId("pr"),
      model_id: model.id,
      dataset: dataset ?? null,
      image: image ?? null,
      image_id: stored?.id ?? null,
      image_file: stored?.file ?? null,
      label: multi_label ? "" : classes[best],
      ...(multi_label && { labels: classes.filter((_, c) => row[c] > THRESHOLD) }),
      probability: row[best],
      probabilities: Object.fromEntries(classes.map((name, c) => [name, row[c]])),
      created_at: now(),
    };
  });
  const thumbnails = await Promise.all(inputs.map((input) => input.thumbnail?.()));
  await store.predictions.insertWith(rows, thumbnails);
  return rows.map((row, i) => ({ ...row, thumbnail: thumbnails[i] !== undefined }));
}

/** Feature vectors of pictures, [F] each. Throws InvalidInput, Overloaded, Unavailable. */
export async function embedAll(
  { model, worker }: Pick<InferenceContext, "model" | "worker">,
  inputs: PictureInput[],
): Promise<Float32Array<ArrayBuffer>[]> {
  return await inChunks(model, inputs, async (pictures) => {
    const { features } = await worker.call<EmbedAnswer>("embed", { model: model.id, pictures });
    return features.map((text) => text && new Float32Array(Uint8Array.fromBase64(text).buffer));
  });
}

async function inChunks<Result>(
  model: ModelRow,
  inputs: PictureInput[],
  send: (pictures: Picture[]) => Promise<(Result | null | "")[]>,
): Promise<Result[]> {
  const { height, width } = sizeOf(model.spec.image_size);
  return await withRoom(Math.min(inputs.length, CHUNK), async () => {
    const results: Result[] = [];
    for (let from = 0; from < inputs.length; from += CHUNK) {
      const part = inputs.slice(from, from + CHUNK);
      const pictures = part.map((input, i) =>
        named(input, from + i, async () => encodePicture(await input.raster([width, height])))
      );
      const answers = await send(await Promise.all(pictures));
      answers.forEach((answer, i) => {
        if (answer === null || answer === "") throw notFinite(model, nameOf(part[i], from + i));
        results.push(answer);
      });
    }
    return results;
  });
}

/** What messages call a picture: its name in the data set, its file in the form, or its place. */
export function nameOf({ image, filename }: Omit<PictureInput, "raster">, place: number): string {
  const name = image ?? filename;
  return name === undefined ? `picture ${place + 1}` : JSON.stringify(name);
}

/** Lets a picture that cannot be used be known by its name. */
async function named<T>(input: PictureInput, place: number, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    const name = nameOf(input, place);
    throw new InvalidInput(`Cannot use ${name}: ${error.message}`, [
      ...error.problems,
      ...(input.filename ? [{ file: input.filename, message: error.message }] : []),
    ]);
  }
}

/** Runs `work` while `places` pictures count as under way. Throws Overloaded when too many are. */
export async function withRoom<Result>(
  places: number,
  work: () => Promise<Result>,
): Promise<Result> {
  if (underWay + places > MOST_UNDER_WAY) {
    throw new Overloaded("Cannot look at pictures now: too many are under way", 2);
  }
  underWay += places;
  try {
    return await work();
  } finally {
    underWay -= places;
  }
}
