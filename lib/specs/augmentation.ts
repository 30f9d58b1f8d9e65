/** What a view of an image may look like: the settings of augmentation and their presets. */
import { z } from "zod";

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

/** All settings, none of them open. */
export const augmentationSettings = z.strictObject(settings).meta({ id: "Augmentation" });

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
