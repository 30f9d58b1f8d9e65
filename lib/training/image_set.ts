/** The pictures of a job, decoded, squashed to one size and measured. */
import type { Gpu } from "@/gpu/device.ts";
import { type Images, images } from "@/gpu/images.ts";
import { loadPixels, type Pixels } from "@/lib/datasets/pixel_cache.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { machineMemory } from "@/lib/machine_memory.ts";
import type { NetworkSpec } from "@/lib/specs/network.ts";
import { type ImageSize, type Size, sizeOf } from "@/lib/images/image_size.ts";
import type { ImageRow, ModelSpec } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";
import type { Augmentation } from "@/lib/specs/augmentation.ts";
import { type GazeMass, loadGazeMass } from "./gaze_mass.ts";

export interface ImageSet {
  rows: ImageRow[];
  pixels: Pixels;
  /** Mean grey value of each image, 0 to 1: [N]. */
  means: Float32Array;
  /** Where readers looked on each image, if that was asked for: [N]. */
  gaze?: (GazeMass | undefined)[];
}

/** Training pictures are kept larger than the views, so that a crop has pixels to show. */
const MARGIN = 1.25;

/** Size at which training pictures are kept: larger than a view when views are crops. */
export function trainingSize(image_size: ImageSize, crops: boolean): Size {
  const { height, width } = sizeOf(image_size);
  if (!crops) return { height, width };
  return { height: Math.ceil(height * MARGIN), width: Math.ceil(width * MARGIN) };
}

/**
 * Loads pictures as [N, H, W, C]; grey ones keep one channel, which the GPU repeats where the network
 * looks at three.
 * @param onProgress called now and then; may throw to stop
 */
export async function loadImages(
  store: WorkerStore,
  rows: ImageRow[],
  options: {
    size: Size;
    channels: 1 | 3;
    /** What views will be drawn by; crops by gaze need it loaded. */
    augmentation?: Augmentation;
    /** Loads the gaze whatever the views need. */
    gaze?: boolean;
    onProgress?(done: number, total: number): Promise<void>;
  },
): Promise<ImageSet> {
  const colour = options.channels === 3 && hasColour(rows);
  assertMemory(rows.length, options.size, colour ? 3 : 1);
  const pixels = await loadPixels(store, rows, { ...options, channels: colour ? 3 : 1 });
  const byGaze = options.gaze || (options.augmentation?.crop?.gaze_share ?? 0) > 0;
  const gaze = byGaze ? await loadGazeMass(store, rows) : undefined;
  return { rows, pixels, means: imageMeans(pixels), gaze };
}

/**
 * @param memory of the machine, bytes
 * @throws {InvalidInput} when the pictures alone are more than the machine has: the process would be ended
 */
export function assertMemory(
  images: number,
  { height, width }: Size,
  channels: 1 | 3,
  memory = machineMemory(),
): void {
  const bytes = images * height * width * channels * 2;
  if (bytes <= memory) return;
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new InvalidInput(
    `Cannot load ${images} pictures of ${width} x ${height}: they take ${mebibytes(bytes)} of ` +
      `memory, and the machine has ${mebibytes(memory)}`,
  );
}

/** Whether any picture has colours: else all are kept with one channel. */
export function hasColour(rows: Pick<ImageRow, "channels">[]): boolean {
  return rows.some(({ channels }) => channels === 3);
}

/** Puts the pictures on the GPU. */
export function placeImages(gpu: Gpu, { pixels }: ImageSet, batch: number): Images {
  return images(gpu, pixels, { batch });
}

export function imageMeans({ data, count }: Pick<Pixels, "data" | "count">): Float32Array {
  const length = data.length / count;
  return Float32Array.from({ length: count }, (_, image) => {
    let sum = 0;
    for (let i = image * length; i < (image + 1) * length; i++) sum += data[i];
    return sum / length / 65535;
  });
}

/** Mean and deviation that pixels are normalised by, one number per channel of the network. */
export function normalizationOf(
  { normalization, channels }: Pick<NetworkSpec, "normalization" | "channels">,
  { pixels }: ImageSet,
  model: ModelSpec | undefined,
): ModelSpec["normalization"] {
  if (normalization === "model" && model) return model.normalization;
  if (normalization === "imagenet") {
    return channels === 3
      ? { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
      : { mean: [0.449], std: [0.226] };
  }
  const perChannel = (values: number[]) =>
    Array.from({ length: channels }, (_, c) => values[c % values.length]);
  // A set of empty pictures has no deviation; 1 leaves them as they are.
  return { mean: perChannel(pixels.mean), std: perChannel(pixels.std).map((std) => std || 1) };
}
