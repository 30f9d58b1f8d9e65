/** What the API asks of the GPU worker about pictures, and what it is answered. */
import { InvalidInput } from "@/lib/errors.ts";
import type { Raster } from "@/lib/images/raster.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { ModelRow } from "@/lib/store/mod.ts";

/** A decoded picture, squashed to the model's square, as it goes over the wire. */
export interface Picture extends Omit<Raster, "data"> {
  /** Base64 of the pixels, [height, width, channels]; 16-bit ones little endian. */
  data: string;
}

export interface PredictRequest {
  /** Id of a classifier. */
  model: string;
  pictures: Picture[];
}

export interface PredictAnswer {
  /** [pictures, classes], classes as in the model's spec; each row adds up to 1, but for a multi-label model; null where an output was not finite. */
  probabilities: (number[] | null)[];
}

export interface EmbedRequest {
  /** Id of any model. */
  model: string;
  pictures: Picture[];
}

export interface EmbedAnswer {
  /** Base64 of f32 [F] for each picture, little endian; null where one was not finite. */
  features: (string | null)[];
}

export interface SimilarityMapRequest {
  model: string;
  picture: Picture;
  /** What messages call the picture. */
  name?: string;
  /** x and y, 0 to 1 over the picture. */
  point: [number, number];
}

/**
 * What shows where a network looks: Grad-CAM for a class, or, of a network with a class token, that token's attention in
 * the last block or through all of them (rollout).
 */
export const SALIENCY_METHODS = ["grad_cam", "attention", "rollout"] as const;
export type SaliencyMethod = typeof SALIENCY_METHODS[number];

export interface SaliencyMapRequest {
  /** Id of a model; of a classifier for Grad-CAM. */
  model: string;
  /** Default: Grad-CAM. */
  method?: SaliencyMethod;
  /** Number of the head whose attention is shown; without it the mean. */
  head?: number;
  picture: Picture;
  /** What messages call the picture. */
  name?: string;
  /** Place of a class in the model's spec; null for the most probable. */
  class: number | null;
}

/** Numbers on the grid of the last convolutional map. */
export interface MapAnswer {
  columns: number;
  rows: number;
  /** [rows, columns] */
  values: number[];
}

export interface SaliencyMapAnswer extends MapAnswer {
  /** The class that is explained, or of attention that is predicted; null, as its probabilities, without classes. */
  class: number | null;
  probabilities: number[] | null;
}

/** Looks at pictures on the GPU; requests that wait together share a batch. */
export interface Predictor {
  /**
   * Answers once `serve` has run the pictures. All of these throw NotFound, InvalidInput (a classifier is
   * needed, a picture has another size, of a map: an output is not finite), Overloaded when too many wait.
   */
  predict(request: PredictRequest): Promise<PredictAnswer>;
  embed(request: EmbedRequest): Promise<EmbedAnswer>;
  similarityMap(request: SimilarityMapRequest): Promise<MapAnswer>;
  saliencyMap(request: SaliencyMapRequest): Promise<SaliencyMapAnswer>;
  /** Runs what waits; not to be called while it runs. */
  serve(): Promise<void>;
}

/** @throws {InvalidInput} when the model is no classifier */
export function needClasses({ id, spec }: Pick<ModelRow, "id" | "spec">): void {
  if (spec.classes.length > 0) return;
  throw new InvalidInput(`Cannot predict with model "${id}": it has no classes`);
}

/** @throws {InvalidInput} when the model's network has no map over the image */
export function needMap({ id, spec }: Pick<ModelRow, "id" | "spec">): void {
  const { map, title } = backboneSpec(spec.backbone);
  if (map) return;
  throw new InvalidInput(`Cannot draw a map with model "${id}": ${title} has no map of the image`);
}

/** @throws {InvalidInput} when the model's network cannot be shown so */
export function needSaliency(
  model: Pick<ModelRow, "id" | "spec">,
  { method = "grad_cam", head }: Pick<SaliencyMapRequest, "method" | "head">,
): void {
  needMap(model);
  const { heads, title } = backboneSpec(model.spec.backbone);
  if (method === "grad_cam") needClasses(model);
  else if (heads === undefined) {
    throw new InvalidInput(
      `Cannot draw the ${method} of model "${model.id}": ${title} has no class token that attends to places; ` +
        "grad_cam and the similarity map of a point can be drawn",
    );
  }
  if (head === undefined) return;
  if (method !== "attention") {
    throw new InvalidInput(`Cannot draw one head by ${method}: method attention has heads`);
  }
  if (head >= heads!) {
    throw new InvalidInput(
      `Cannot draw head ${head}: ${title} has heads 0 to ${
        heads! - 1
      }; without one their mean is drawn`,
    );
  }
}

/**
 * What is said of outputs that are not finite: they are no answer.
 * @param picture what the picture is called, in quotes where that is its name
 */
export function notFinite({ id }: Pick<ModelRow, "id">, picture: string): InvalidInput {
  return new InvalidInput(
    `Cannot use model "${id}" on ${picture}: it gives numbers that are not finite; its weights have overflowed, ` +
      "or do not fit its mean and std",
  );
}

export function encodePicture({ data, ...rest }: Raster): Picture {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { ...rest, data: bytes.toBase64() };
}

export function decodePicture({ data, ...rest }: Picture): Raster {
  const bytes = Uint8Array.fromBase64(data);
  return { ...rest, data: rest.bits === 8 ? bytes : new Uint16Array(bytes.buffer) };
}
