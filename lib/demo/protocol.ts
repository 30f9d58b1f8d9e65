/**
 * The study's protocol, as data: `bench/STUDY_PROTOCOL.md` says it in words, and both stood before the first run.
 * Nothing here follows from a run of this study; where its numbers come from, the protocol tells.
 */

export const METHODS = ["moco", "byol", "simsiam"] as const;
export const SEEDS = [0, 1, 2, 3, 4, 5, 6, 7];

/** The made-up set: the label shows half in the picture, so that there is something to gain. */
export const SET = { images: 512, size: 48, readers: 2, malignant: 0.5, visibility: 0.5, seed: 11 };

/** Panels of readers who look at the same images, by what share of their readings follows the label. */
export const PANELS = {
  independent: { informative: 0, control: true },
  "0.3": { informative: 0.3, control: false },
  "0.5": { informative: 0.5, control: false },
  "0.85": { informative: 0.85, control: false },
} as const;
export type Panel = keyof typeof PANELS;
/** The panel of the primary comparisons, and that of the control. */
export const MAIN: Panel = "0.85";
export const CONTROL: Panel = "independent";

/** The published weights: mostly durations. */
export const SIMILARITY = {
  measure: "multimatch",
  params: { weights: [0.1, 0.1, 0.1, 0.1, 0.6] },
} as const;

/** The initial network, where no file is given: learnt from shapes on texture. */
export const INITIAL = {
  name: "made-up shapes",
  set: { images: 3000, size: 60, seed: 1 },
  training: {
    ...{ kind: "finetune", init: "scratch", mode: "full" },
    ...{ backbone: "resnet18", width: 8, image_size: 48, channels: 1 },
    ...{ epochs: 15, batch_size: 48, schedule: { warmup_epochs: 1 } },
    optimizer: { name: "adamw", learning_rate: 3e-3, weight_decay: 1e-4 },
    ...{ augmentation: "medical", tuning: "off", seed: 0 },
  },
} as const;

/** Kernels are the defaults, so that anybody with the same adapter gets the same bits. */
export const PRETRAIN = {
  ...{ image_size: 48, normalization: "dataset", epochs: 17, batch_size: 32 },
  optimizer: { name: "adamw", learning_rate: 5e-4 },
  schedule: { warmup_epochs: 2 },
  ...{ augmentation: "medical", tuning: "off" },
} as const;

export const BY_METHOD = {
  byol: { config: { hidden: 256, output: 64, momentum: 0.97 } },
  moco: { config: { output: 64, queue: 128, momentum: 0.97 } },
  simsiam: { config: { projector: 256, predictor_hidden: 64 } },
} as const;

/** The backbone stays as it was pre-trained: the table shows what pre-training itself has learnt. */
export const PROBE = {
  ...{ mode: "logistic", c: 1, normalization: "dataset" },
  split: { validation: 0.2, test: 0.4 },
} as const;

/** Labels of the probe: all 205 of the training part, or 16 of them, the mean of five drawings. */
export const BUDGETS = {
  205: {},
  16: { labels: 16, repeats: 5 },
} as const;
export type Budget = keyof typeof BUDGETS;

/** One study on the server. */
export interface Part {
  panel: Panel;
  arms: readonly string[];
  /** The rows without pre-training. */
  plain: boolean;
}

/** In the order in which they are run: what is primary first. Trainings that two have in common are run once. */
export const PARTS: Part[] = [
  { panel: MAIN, arms: ["none", "gaze", "shuffled"], plain: true },
  { panel: CONTROL, arms: ["none", "gaze", "shuffled"], plain: false },
  { panel: "0.5", arms: ["none", "gaze"], plain: false },
  { panel: "0.3", arms: ["none", "gaze"], plain: false },
  { panel: MAIN, arms: ["none", "gaze", "shuffled", "patient", "labels"], plain: true },
];

/** The comparisons that Holm's adjustment is over: of each method, gaze to each of these. */
export const PRIMARY = ["none", "shuffled"] as const;
