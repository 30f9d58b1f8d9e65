/**
 * What was added to the study's protocol, as data: `bench/STUDY_PROTOCOL.md` says it in words, and both stood before the
 * first of these runs. `deno task study --only NAME` runs one of them.
 */
import { BUDGETS, INITIAL, MAIN, PANELS, PROBE, SET, SIMILARITY } from "./protocol.ts";

export const ADDITIONS = ["attention", "vit"] as const;
export type AdditionName = typeof ADDITIONS[number];

/** Supervised attention: fine-tuning of all weights, told by gaze where to look, by another image's gaze, or not. */
export const ATTENTION = {
  seeds: [0, 1, 2, 3, 4, 5],
  /** The images of the main study, read by its main panel alone. */
  set: { ...SET, informative: PANELS[MAIN].informative },
  start: INITIAL,
  training: {
    ...{ kind: "finetune", mode: "full", image_size: 112, normalization: "dataset" },
    split: PROBE.split,
    optimizer: { name: "adamw", learning_rate: 5e-4, weight_decay: 1e-4 },
    ...{ schedule: { warmup_epochs: 1 }, early_stop: 10_000 },
    ...{ augmentation: "medical", tuning: "off" },
  },
  budgets: {
    205: { epochs: 15, batch_size: 32 },
    32: { labels: 32, epochs: 30, batch_size: 16 },
  },
  /** Without weight the divergence is measured and changes nothing. */
  rows: {
    "no supervision": { weight: 0 },
    "own gaze": { weight: 1 },
    "shuffled gaze": { weight: 1, gaze: "shuffled" },
  },
  compared: [["own gaze", "no supervision"], ["own gaze", "shuffled gaze"]],
} as const;

/** A small vision transformer pre-trained by MoCo v3, without pairs, with pairs by gaze and by shuffled gaze. */
export const VIT = {
  seeds: [0, 1, 2, 3],
  set: { ...SET, informative: PANELS[MAIN].informative },
  similarity: SIMILARITY,
  start: {
    name: "made-up shapes, ViT-Ti",
    set: INITIAL.set,
    training: {
      ...{ ...INITIAL.training, backbone: "vit_tiny_patch16", width: 24, image_size: 64 },
      epochs: 10,
      optimizer: { name: "adamw", learning_rate: 1e-3, weight_decay: 0.05 },
    },
  },
  study: {
    ...{ methods: ["moco_v3"], arms: ["none", "gaze", "shuffled"], cut: { quantile: 0.1 } },
    pretrain: {
      ...{ width: 24, channels: 1, image_size: 64, normalization: "dataset" },
      ...{ epochs: 10, batch_size: 32, schedule: { warmup_epochs: 2 } },
      optimizer: { name: "adamw", learning_rate: 5e-4 },
      config: { hidden: 256, output: 64, momentum: 0.97 },
      ...{ augmentation: "medical", tuning: "off" },
    },
  },
  probe: PROBE,
  budgets: BUDGETS,
  compared: [["McGIP + MoCo v3", "MoCo v3"], ["McGIP + MoCo v3", "MoCo v3, shuffled gaze"]],
} as const;

export const additions = { attention: ATTENTION, vit: VIT } satisfies Record<AdditionName, object>;
