/** The spec of a `pretrain` job: contrastive pre-training with positive pairs from outside the method. */
import { z } from "zod";
import { addedFields, type JobSpec, laterFields, sumOf, warningsSchema } from "./spec.ts";
import { choice, partOf, settingsBy } from "@/lib/choice.ts";
import { filled } from "@/lib/filled_schema.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { plainName } from "@/lib/plain_name.ts";
import { splitsOf } from "@/lib/datasets/job_split.ts";
import { labelCounts } from "@/lib/datasets/label_counts.ts";
import { isLabelled } from "@/lib/datasets/splits.ts";
import { isCut } from "@/lib/gaze/arms/arm.ts";
import { arms } from "@/lib/gaze/arms/mod.ts";
import type { DatasetRow, Store } from "@/lib/store/mod.ts";
import type { MethodSpec } from "@/lib/ssl/method_spec.ts";
import {
  type MethodConfig,
  methodConfigSchema,
  type MethodName,
  methodSpec,
  methodSpecs,
} from "@/lib/ssl/specs.ts";
import { type Augmentation, augmentationSchema, augmentationSettings } from "./augmentation.ts";
import {
  decidedNetwork,
  initSchema,
  networkFields,
  precisionSchema,
  resolveNetwork,
  seedSchema,
} from "./network.ts";
import { optimizerSchema, scheduleSchema } from "./optimizer.ts";
import { parseSpec } from "./parse.ts";
import { reference } from "./reference.ts";
import { foldProblem, splitFields, splitSeedSchema, testedShare } from "./split_spec.ts";
import { applyPreset, presetSchema, refuseOtherSimsiam } from "./preset.ts";
import { assertLabels, assertPatients, usableSimilarity } from "./preconditions.ts";
import { resumeSchema } from "./resume.ts";
import { tuningSchema } from "./tuning.ts";

/** What a preset may decide; a default stands where neither request nor preset says anything. */
const chosen = {
  method: choice(methodSpecs).default("byol"),
  /** Settings of the method; its paper's where not given. */
  config: settingsBy("method", partOf(methodSpecs as Record<string, MethodSpec>, "config"))
    .default({}),
  /** Pairs strictly above the cut are positive; those that lie at it are not. */
  cut: z.union([
    z.strictObject({ quantile: z.number().gt(0).max(1) }),
    z.strictObject({ threshold: z.number().min(0).max(1) }),
    z.strictObject({ top_k: z.int().min(1) }),
  ]).default({ quantile: 0.05 }),
  /** Probability of leaving a pair out of a batch. */
  drop: z.number().min(0).lt(1).default(0),
  epochs: z.int().min(1).max(10000).default(100),
  batch_size: z.int().min(2).max(4096).default(32),
  /** Batches whose gradients are added before a step of the optimiser. */
  accumulate: z.int().min(1).max(128).default(1),
  optimizer: optimizerSchema.prefault({ name: "adamw" }),
  schedule: scheduleSchema.prefault({}),
  augmentation: augmentationSchema.prefault("medical"),
};

/** A fine-tuning's split, whose test part is not looked at. */
export const leftOut = z.strictObject({ ...splitFields, seed: seedSchema })
  .superRefine((parts, context) => {
    const message = foldProblem(parts);
    if (message) context.addIssue({ code: "custom", path: ["fold"], message });
  })
  .nullable();

const fields = {
  preset: presetSchema,
  dataset: reference("datasets"),
  /**
   * Which pairs count as positive besides the two views of one image. With `self` those are the image's
   * earlier keys, whatever the method says of them, where the method has any; for others it is `none`.
   */
  arm: choice(arms).default("none"),
  /** Id of a similarity of the same images, for arms that need one. */
  similarity: reference("similarities").nullable().default(null),
  /** Part of the similarity that is cut; null: its score. */
  component: z.string().max(100).nullable().default(null),
  /** Weighs a positive pair by its similarity, in [0, 1], instead of by 1; pairs by labels weigh 1. */
  soft: z.boolean().default(false),
  /**
   * Of an arm whose pairs are cut (gaze, appearance): leaves out those of one patient, after the cut, so that
   * what is left tells no patient apart.
   */
  across_patients: z.boolean().default(false),
  /**
   * Positive images that each image brings into its batch at most, where they are not used up in the epoch;
   * 0 for a plain shuffle. With it the order of the data differs between arms, so compare arms without.
   */
  pack: z.int().min(0).max(64).default(0),
  /** Images marked as test are left out unless this is set. */
  include_test: z.boolean().default(false),
  /**
   * Leaves out what a fine-tuning with these settings tests on, and all other images of those patients.
   * Not given: the split of a fine-tuning with the same seed and no other settings, where the labels allow
   * one and `include_test` is not set. Null: only images marked as test are left out.
   */
  leave_out: leftOut.optional(),
  /** Of the split that is left out where `leave_out` is not given; null: the training's seed. */
  split_seed: splitSeedSchema,
  init: initSchema,
  ...networkFields,
  /** Computes activations twice instead of keeping them: larger batches fit, a step takes longer. */
  checkpointing: z.boolean().default(false),
  precision: precisionSchema,
  /** Whether the fastest variant of each convolution is measured first: `auto` on GPUs only, `on`, `off`. */
  tuning: tuningSchema,
  /** Where it goes on when it was interrupted: on `any` adapter, or on the `same_device`, for which it waits. */
  resume: resumeSchema,
  seed: seedSchema,
  /** Steps between two reports of loss and gauges. */
  report_every: z.int().min(1).max(10000).default(10),
  /** Name of the model that is made; a taken name gets the next version. */
  name: plainName.nullable().default(null),
};

/** A request: what a preset may decide stays open. */
const request = z.strictObject({
  ...fields,
  method: chosen.method.unwrap().optional().describe("byol where no preset says otherwise"),
  config: chosen.config.unwrap().optional().describe("settings of the method"),
  cut: chosen.cut.unwrap().optional().describe("{quantile: 0.05} where no preset says otherwise"),
  drop: chosen.drop.unwrap().optional().describe("0 where no preset says otherwise"),
  epochs: chosen.epochs.unwrap().optional().describe("100 where no preset says otherwise"),
  batch_size: chosen.batch_size.unwrap().optional().describe("32 where no preset says otherwise"),
  accumulate: chosen.accumulate.unwrap().optional().describe("1 where no preset says otherwise"),
  optimizer: chosen.optimizer.unwrap().optional().describe("adamw where no preset says otherwise"),
  schedule: chosen.schedule.unwrap().optional().describe("cosine where no preset says otherwise"),
  augmentation: chosen.augmentation.unwrap().optional().describe("medical where no preset decides"),
});

const resolved = z.strictObject({ ...fields, ...chosen }).superRefine((spec, context) => {
  const problem = (path: string[], message: string) =>
    context.addIssue({ code: "custom", path, message });
  if (arms[spec.arm].needs === "similarity" && spec.similarity === null) {
    problem(["similarity"], `Cannot use arm "${spec.arm}" without a similarity`);
  }
  if (spec.across_patients && !isCut(arms[spec.arm])) {
    const message =
      `Cannot leave out pairs of one patient with arm "${spec.arm}": it cuts no pairs`;
    problem(["across_patients"], message);
  }
  if (spec.schedule.warmup_epochs > spec.epochs) {
    problem(
      ["schedule", "warmup_epochs"],
      `Cannot warm up for ${spec.schedule.warmup_epochs} of ${spec.epochs} epochs`,
    );
  }
  const { leave_out, split_seed } = spec;
  if (leave_out !== undefined && split_seed !== null && leave_out?.seed !== split_seed) {
    const message = leave_out === null
      ? "Cannot draw a split with this seed: leave_out is null"
      : `Cannot be ${split_seed}: leave_out has the seed ${leave_out.seed}`;
    problem(["split_seed"], message);
  }
  const config = methodSpec(spec.method).config.safeParse(spec.config);
  for (const { path, message } of config.error?.issues ?? []) {
    problem(["config", ...path.map(String)], message);
  }
});

/** Every default filled in but the network, which may come from a model. */
export type PretrainSpec = Omit<z.output<typeof resolved>, "config"> & {
  config: MethodConfig;
  augmentation: Augmentation;
};

/**
 * @param backbone of the model that it starts from, where the spec does not name one
 * @throws {InvalidInput} naming each field that is wrong
 */
export function parsePretrain(spec: unknown, backbone?: string): PretrainSpec {
  const parsed = parseSpec(resolved, applyPreset(spec, backbone));
  const { config, ownKeys } = methodSpec(parsed.method);
  const staleKeys = arms[parsed.arm].ownKeys && ownKeys;
  return { ...parsed, config: { ...config.parse(parsed.config), ...staleKeys } as MethodConfig };
}

/** What a fine-tuning with the same seed tests on; null where there is no such split to be drawn. */
async function sameSplit(
  { seed, split_seed, include_test }: PretrainSpec,
  store: Pick<Store, "images">,
  dataset: DatasetRow,
): Promise<z.output<typeof leftOut>> {
  if (include_test) return null;
  const { classes, multi_label } = await labelCounts(store, dataset);
  if (classes.length < 2 && !multi_label) return null;
  const parts = leftOut.parse({ seed: split_seed ?? seed })!;
  const rows = (await store.images.all(dataset.id)).filter(isLabelled);
  try {
    splitsOf(parts, rows);
    return parts;
  } catch (error) {
    if (error instanceof InvalidInput) return null;
    throw error;
  }
}

const kept = filled(z.object({
  ...fields,
  ...chosen,
  ...decidedNetwork,
  leave_out: leftOut,
  ...laterFields({
    split_seed: splitSeedSchema,
    across_patients: fields.across_patients,
    resume: resumeSchema,
  }),
  config: methodConfigSchema,
  augmentation: augmentationSettings,
  ...addedFields,
})).meta({ id: "PretrainSpec" });
const result = z.object({ model: z.string().describe("Id"), warnings: warningsSchema });

export const pretrain: JobSpec<typeof request, typeof kept, typeof result> = {
  title: "Pre-training",
  about: "A backbone by contrastive learning, with pairs by gaze or without.",
  ...{ schema: request, kept, result },
  async resolve(spec, store) {
    refuseOtherSimsiam(spec);
    const { preset, backbone, init } = spec;
    const known = preset === null || backbone !== undefined || init === "scratch";
    const started = known ? undefined : (await store.models.resolve(init)).spec.backbone as string;
    const parsed = parsePretrain(spec, started);
    const dataset = await store.datasets.byName(parsed.dataset);
    const { needs } = arms[parsed.arm];
    if (needs === "similarity") {
      await usableSimilarity(store, dataset, parsed.similarity!, parsed.component, parsed.cut);
    }
    if (needs === "labels") await assertLabels(store, dataset);
    if (needs === "patients" || parsed.across_patients) await assertPatients(store, dataset);
    const leave_out = parsed.leave_out === undefined
      ? await sameSplit(parsed, store, dataset)
      : parsed.leave_out;
    return {
      ...await resolveNetwork(parsed, store),
      leave_out,
      split_seed: leave_out?.seed ?? null,
    };
  },
  training: {
    images: sumOf,
    passes: ({ method }) => methodSpec(method as MethodName).passes,
    share({ leave_out }) {
      return leave_out === null
        ? 1
        : 1 - testedShare(leave_out as PretrainSpec["leave_out"] & object);
    },
  },
};
