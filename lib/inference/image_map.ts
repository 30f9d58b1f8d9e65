/** Maps over an image as the API makes them: decoded here, made by the GPU worker, enlarged here. */
import { quoted } from "@/lib/quoted.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { decodePool, type ImageHeader } from "@/lib/images/decode_pool.ts";
import { enlarged, type ValueGrid } from "@/lib/images/picture.ts";
import type { ViewOptions } from "@/lib/images/view.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { type InferenceContext, withRoom } from "./predict_client.ts";
import {
  encodePicture,
  type MapAnswer,
  needMap,
  needSaliency,
  type SaliencyMapAnswer,
  type SaliencyMapRequest,
  type SimilarityMapRequest,
} from "./protocol.ts";

/** A map on the grid of the last convolutional map, and the size of its image in pixels. */
export interface ImageMap {
  grid: ValueGrid;
  image: Pick<ImageHeader, "width" | "height">;
}

export interface SaliencyMap extends ImageMap {
  /** The class that is explained, or of attention that is predicted; null, as its probabilities, without classes. */
  label: string | null;
  probabilities: Record<string, number> | null;
}

/** A picture in a file, and how it is shown. */
export interface MapSource {
  bytes: Uint8Array<ArrayBuffer>;
  view?: ViewOptions;
}

type MapContext = Pick<InferenceContext, "model" | "worker"> & {
  /** What messages call the picture. */
  name?: string;
};

/**
 * Cosine similarity of the features at a point, image pixels, to those everywhere. Throws InvalidInput for
 * a point outside, and as `predictAll` does.
 */
export async function imageSimilarityMap(
  { model, worker, name }: MapContext,
  source: MapSource,
  { x, y }: { x: number; y: number },
): Promise<ImageMap> {
  needMap(model);
  return await withRoom(1, async () => {
    const { picture, image } = await open({ model }, source);
    if (x > image.width || y > image.height) {
      throw new InvalidInput(
        `Cannot sense at (${x}, ${y}): the image has ${image.width} x ${image.height} pixels`,
      );
    }
    const point: [number, number] = [x / image.width, y / image.height];
    const request: SimilarityMapRequest = { model: model.id, picture, name, point };
    return { grid: await worker.call<MapAnswer>("similarityMap", request), image };
  });
}

/**
 * Grad-CAM of a class, of the most probable one without a name, or where the class token looks. Throws InvalidInput when
 * there is no such class, or the network cannot be shown so, and as `predictAll` does.
 */
export async function imageSaliencyMap(
  { model, worker, name }: MapContext,
  source: MapSource,
  { label, method, head }: { label?: string } & Pick<SaliencyMapRequest, "method" | "head">,
): Promise<SaliencyMap> {
  needSaliency(model, { method, head });
  const { classes } = model.spec;
  const place = label === undefined ? null : classes.indexOf(label);
  if (place === -1) {
    throw new InvalidInput(
      classes.length === 0
        ? `Cannot explain "${label}": model "${model.id}" has no classes`
        : `Cannot explain "${label}": the classes are ${quoted(classes)}`,
    );
  }
  return await withRoom(1, async () => {
    const { picture, image } = await open({ model }, source);
    const request: SaliencyMapRequest = {
      ...{ model: model.id, picture, name, class: place },
      ...{ method, head },
    };
    const { probabilities, ...answer } = await worker.call<SaliencyMapAnswer>(
      "saliencyMap",
      request,
    );
    return {
      grid: answer,
      image,
      label: answer.class === null ? null : classes[answer.class],
      probabilities: probabilities &&
        Object.fromEntries(classes.map((name, c) => [name, probabilities[c]])),
    };
  });
}

async function open({ model }: Pick<InferenceContext, "model">, { bytes, view }: MapSource) {
  const { height, width } = sizeOf(model.spec.image_size);
  const { raster, header } = await decodePool.open(bytes, { size: [width, height], view });
  return { picture: encodePicture(raster), image: header };
}

/** The map over the image, the longer side of `most` pixels at most; values to five digits. */
export function overImage({ grid, image }: ImageMap, most: number) {
  const scale = Math.min(1, most / Math.max(image.width, image.height));
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const values = Array.from(
    enlarged(grid, { width, height }),
    (value) => Number(value.toPrecision(5)),
  );
  return { height, width, values, image_height: image.height, image_width: image.width };
}

/** The map from its least value, 0, to its greatest, 1: what is drawn. A flat one is all zeros. */
export function stretched({ columns, rows, values }: ValueGrid): ValueGrid {
  const all = Array.from(values);
  const least = Math.min(...all);
  const range = Math.max(...all) - least;
  return { columns, rows, values: all.map((value) => range > 0 ? (value - least) / range : 0) };
}
