/** What a view may look like, and the drawing of one: section 7 of the method in numbers. */
import { z } from "zod";
import type { View } from "@/gpu/augment.ts";
import type { Size } from "@/lib/images/image_size.ts";
import { type Crop, type Draw, drawCrop, shareSeen } from "./crop.ts";
import type { GazeMass } from "./gaze_mass.ts";
import { stream, uniform } from "@/lib/random.ts";

const share = z.number().min(0).max(1);
const range = (low: number, high: number) =>
  z.tuple([z.number().min(low).max(high), z.number().min(low).max(high)])
    .refine(([from, to]) => from <= to, "the lower end must not be above the upper");

/** Everything is off by default; probabilities are per view. */
const settings = {
  /** Random resized crop: share of the image's area, and width over height in proportion to the view's. */
  crop: z.strictObject({
    scale: range(0.01, 1).default([0.2, 1]),
    ratio: range(0.1, 10).default([3 / 4, 4 / 3]),
    /** Least share of the gaze on an image that a crop of it keeps; images without gaze are cropped freely. */
    gaze_share: share.default(0),
  }).nullable().default(null),
  flip_horizontal: share.default(0),
  flip_vertical: share.default(0),
  /** Largest turn to either side, degrees. */
  rotation_deg: z.number().min(0).max(180).default(0),
  /** Factors are drawn from 1 - value to 1 + value. */
  brightness: share.default(0),
  contrast: share.default(0),
  saturation: share.default(0),
  /** Largest turn to either side, in turns. */
  hue: z.number().min(0).max(0.5).default(0),
  /** Probability of the four above together. */
  jitter: share.default(0),
  /** Standard deviation in pixels of a view of 224; scaled with the view's shorter side. */
  blur: z.strictObject({
    sigma: range(0.01, 10).default([0.1, 2]),
    probability: share.default(0.5),
  })
    .nullable().default(null),
  /** Probability of inverting values above one half. */
  solarise: share.default(0),
  /** Intensity windowing: black and white points move inwards by up to `most`. */
  window: z.strictObject({ most: z.number().min(0).max(0.45), probability: share.default(0.5) })
    .nullable().default(null),
};

const augmentationSettings = z.strictObject(settings);

/** A resolved augmentation. */
export type Augmentation = z.output<typeof augmentationSettings>;

const jitter = (strength: number) => ({ brightness: strength, contrast: strength, jitter: 0.8 });
const blur = { sigma: [0.1, 2] as [number, number], probability: 0.5 };

/** Presets by name; `none` resizes only and is what evaluation sees. */
export const augmentations: Record<string, Augmentation> = {
  none: augmentationSettings.parse({}),
  medical: augmentationSettings.parse({
    crop: { scale: [0.6, 1] },
    flip_horizontal: 0.5,
    rotation_deg: 10,
    ...jitter(0.4),
  }),
  mammo: augmentationSettings.parse({ flip_horizontal: 0.5, ...jitter(0.8), blur }),
  dental: augmentationSettings.parse({ blur }),
  knee: augmentationSettings.parse({ crop: {}, flip_horizontal: 0.5, blur, solarise: 0.2 }),
};

export const augmentationPreset = z.enum(["medical", "mammo", "dental", "knee", "none"]);

/** A preset with some settings changed; resolves to all settings. */
export const changedAugmentation = z.strictObject({
  preset: augmentationPreset.default("none"),
  ...partial(),
}).transform(({ preset, ...changes }) =>
  augmentationSettings.parse({ ...augmentations[preset], ...changes })
);

/** The same, or a preset's name alone. */
export const augmentationSchema = z.union([
  augmentationPreset.transform((name) => augmentations[name]),
  changedAugmentation,
]);

/** The settings without their defaults, so that what is not given stays the preset's. */
function partial() {
  return Object.fromEntries(
    Object.entries(settings).map(([name, schema]) => [name, schema.unwrap().optional()]),
  ) as { [K in keyof typeof settings]: z.ZodOptional<ReturnType<(typeof settings)[K]["unwrap"]>> };
}

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
