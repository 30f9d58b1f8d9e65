/** Draws a view of an image from counter-based random numbers. */
import type { View } from "@/gpu/augment.ts";
import type { Size } from "@/lib/images/image_size.ts";
import { stream, uniform } from "@/lib/random.ts";
import type { Augmentation } from "@/lib/specs/augmentation.ts";
import { type Crop, type Draw, drawCrop, shareSeen } from "./crop.ts";
import type { GazeMass } from "./gaze_mass.ts";

/** Where a draw stands: the same place, the same view. */
export interface ViewPlace {
  seed: number;
  epoch: number;
  /** Index of the image in its dataset, not in the batch. */
  image: number;
  /** 0 or 1: the two views of contrastive training. */
  view: number;
}

const VIEW = stream("view");

/**
 * Draws one view.
 * @param size of the view in pixels; the image is stored on the GPU in the same proportion
 * @param mean mean grey value of the image, 0 to 1: contrast turns about it
 * @param gaze where readers looked, for crops that keep a share of it
 */
export function drawView(
  augmentation: Augmentation,
  { seed, epoch, image, view }: ViewPlace,
  { size, mean, gaze }: {
    size: Size;
    mean: number;
    gaze?: GazeMass;
  },
): Omit<View, "image"> {
  const draw = (parameter: string) => uniform(seed, VIEW, epoch, image, view, stream(parameter));
  const between = (parameter: string, [low, high]: [number, number]) =>
    low + (high - low) * draw(parameter);
  const happens = (parameter: string, probability: number) => draw(parameter) < probability;
  const around = (parameter: string, by: number) => between(parameter, [1 - by, 1 + by]);

  const turn = between("rotation", [-1, 1]) * augmentation.rotation_deg * Math.PI / 180;
  const flipX = happens("flip horizontal", augmentation.flip_horizontal) ? -1 : 1;
  const flipY = happens("flip vertical", augmentation.flip_vertical) ? -1 : 1;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  // A turn in pixels, between coordinates that count sides as 1.
  const aspect = size.width / size.height;
  const placed = ({ width, height, x, y }: Crop): Pick<View, "matrix" | "centre"> => ({
    matrix: [
      ...[width * cos * flipX, -width * sin * flipY / aspect],
      ...[height * sin * flipX * aspect, height * cos * flipY],
    ] as View["matrix"],
    centre: [x, y],
  });
  const crop = drawCrop(
    augmentation.crop,
    draw,
    gaze && ((crop) => shareSeen(gaze, placed(crop))),
  );

  const shorter = Math.min(size.height, size.width);
  const window = drawWindow(augmentation, draw);
  const jittered = happens("jitter", augmentation.jitter);
  const brightness = jittered ? around("brightness", augmentation.brightness) : 1;
  const windowed = Math.min(1, Math.max(0, (mean - window[0]) / (window[1] - window[0])));
  const blurred = augmentation.blur && happens("blur", augmentation.blur.probability);
  return {
    ...placed(crop),
    window,
    brightness,
    contrast: jittered ? around("contrast", augmentation.contrast) : 1,
    pivot: Math.min(1, windowed * brightness),
    saturation: jittered ? around("saturation", augmentation.saturation) : 1,
    hue: jittered ? between("hue", [-1, 1]) * augmentation.hue * 2 * Math.PI : 0,
    sigma: blurred ? between("sigma", augmentation.blur!.sigma) * shorter / 224 : 0,
    solarise: happens("solarise", augmentation.solarise) ? 0.5 : 2,
  };
}

function drawWindow({ window }: Augmentation, draw: Draw): [number, number] {
  if (!window || draw("window") >= window.probability) return [0, 1];
  return [window.most * draw("window low"), 1 - window.most * draw("window high")];
}
