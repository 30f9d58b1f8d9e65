/** The spec of a `finetune` job: a classifier from a pre-trained backbone, or from scratch. */
import { z } from "zod";
import { addedFields, type JobSpec, laterFields, sumOf, warningsSchema } from "./spec.ts";
import { filled } from "@/lib/filled_schema.ts";
import { augmentationSchema, augmentationSettings } from "./augmentation.ts";
import { drawings } from "@/lib/datasets/few_labels.ts";
import { splitsOf } from "@/lib/datasets/job_split.ts";
import { labelCounts } from "@/lib/datasets/label_counts.ts";
import { assertClasses, labelled, nothingKnown } from "@/lib/datasets/labelled.ts";
import {
  decidedNetwork,
  initSchema,
  networkFields,
  precisionSchema,
  resolveNetwork,
  seedSchema,
} from "./network.ts";
import { optimizerSchema, scheduleSchema } from "./optimizer.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { plainName } from "@/lib/plain_name.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import { parseSpec } from "./parse.ts";
import { downstream } from "./preset.ts";
import { reference } from "./reference.ts";
import { foldProblem, splitFields, splitOf, splitSeedSchema, testedShare } from "./split_spec.ts";
import { resumeSchema } from "./resume.ts";
import { tuningSchema } from "./tuning.ts";

/**
 * Supervises where the network looks: the loss gains `weight` times the Kullback-Leibler divergence of its
 * map from the gaze on each training image that has some.
 */
const attentionSchema = z.strictObject({
  weight: z.number().min(0).max(1000).default(1),
  /**
   * `class`: the class activation map of the image's own class; `activation`: the mean over channels; `token`, of a
   * vision transformer: its class token's attention in the last block, the mean of its heads. Null: `token` there,
   * else `class`.
   */
  map: z.enum(["class", "activation", "token"]).nullable().default(null),
  /** `shuffled` gives each image the gaze of another one: the control. */
  gaze: z.enum(["own", "shuffled"]).default("own"),
  /** Spread of a fixation, in cells of the last map. */
  sigma: z.number().min(0.1).max(16).default(1),
}).nullable().default(null);

const schema = z.strictObject({
  dataset: reference("datasets"),
  init: initSchema,
  ...networkFields,
  /**
   * `full` trains all weights; `linear` only the classifier, on a frozen backbone, by the optimiser; `logistic`
   * is the linear probe without an optimiser's choices: L2 logistic regression on the frozen backbone's features,
   * standardised over the training images, to convergence.
   */
  mode: z.enum(["full", "linear", "logistic"]).default("full"),
  /** Of mode `logistic`: inverse strength of the L2 penalty, as scikit-learn's C. */
  c: z.number().min(1e-6).max(1e6).default(1),
  /**
   * Training images whose label is used: a number from 2, or a share under 1; whole patients, each class in its
   * share, drawn from the seed. Validation and test keep theirs. Null: all.
   */
  labels: z.union([z.number().gt(0).lt(1), z.int().min(2)]).nullable().default(null),
  /** Drawings of `labels`, each trained on and tested; the model that is kept is that of the first. */
  repeats: z.int().min(1).max(100).default(1),
  /**
   * `frozen` keeps the model's batch norms as they are, statistics and scales, as suits small batches; a
   * linear probe always does. Not given: `train` in mode `full`.
   */
  batch_norm: z.enum(["train", "frozen"]).optional(),
  ...splitFields,
  split_seed: splitSeedSchema,
  epochs: z.int().min(1).max(10000).default(downstream.epochs),
  /** Epochs without a better validation figure after which training ends. */
  early_stop: z.int().min(1).max(10000).default(downstream.early_stop),
  /** Validation figure by which the checkpoint is chosen. */
  select: z.enum(["auc", "accuracy", "balanced_accuracy", "loss"]).default("auc"),
  batch_size: z.int().min(2).max(4096).default(downstream.batch_size),
  optimizer: optimizerSchema.prefault(downstream.optimizer),
  schedule: scheduleSchema.prefault(downstream.schedule),
  augmentation: augmentationSchema.prefault("medical"),
  attention: attentionSchema,
  /** `balanced` weighs a class by the inverse of its share. */
  class_weights: z.enum(["none", "balanced"]).default("none"),
  /**
   * Of a multi-label set: the weight of a finding that is present in the loss, as PyTorch's `pos_weight`. `balanced`:
   * training images without it over those with it; or numbers by finding, 1 for the others.
   */
  pos_weight: z.union([
    z.enum(["none", "balanced"]),
    z.record(z.string().min(1).max(512), z.number().gt(0).max(1e4)),
  ]).default("none"),
  /** Computes activations twice instead of keeping them: larger batches fit, a step takes longer. */
  checkpointing: z.boolean().default(false),
  precision: precisionSchema,
  /** Whether the fastest variant of each convolution is measured first: `auto` on GPUs only, `on`, `off`. */
  tuning: tuningSchema,
  /** Where it goes on when it was interrupted: on `any` adapter, or on the `same_device`, for which it waits. */
  resume: resumeSchema,
  seed: seedSchema,
  report_every: z.int().min(1).max(10000).default(10),
  name: plainName.nullable().default(null),
}).superRefine((spec, context) => {
  const message = foldProblem(spec);
  if (message) context.addIssue({ code: "custom", path: ["fold"], message });
  if (spec.mode === "full" && spec.batch_norm === "frozen" && spec.init === "scratch") {
    const message =
      "Cannot freeze batch norms that have learnt nothing: a model to start from is needed";
    context.addIssue({ code: "custom", path: ["batch_norm"], message });
  }
  if (spec.repeats > 1 && spec.labels === null) {
    const message = "Cannot repeat a drawing of all labels: `labels` is needed";
    context.addIssue({ code: "custom", path: ["repeats"], message });
  }
  if (spec.repeats > 1 && spec.folds !== null && spec.fold === null) {
    const message =
      "Cannot repeat drawings within folds: one of the folds, or one drawing, is needed";
    context.addIssue({ code: "custom", path: ["repeats"], message });
  }
  if (spec.mode === "linear" && spec.attention) {
    const message = "Cannot supervise the attention of a frozen backbone: mode full is needed";
    context.addIssue({ code: "custom", path: ["attention"], message });
  }
  for (const field of withoutEffect(spec)) {
    const message = `Cannot use ${field} with mode "${spec.mode}": it has no effect there`;
    context.addIssue({ code: "custom", path: [field], message });
  }
});

/** What an optimiser follows: a regression has none. */
const OPTIMISED = [
  ...["epochs", "early_stop", "select", "batch_size", "optimizer", "schedule", "augmentation"],
  ...["attention", "checkpointing", "precision", "report_every"],
] as const;

/** Fields that were given another value than their default although the mode does not look at them. */
function withoutEffect(spec: Record<string, unknown>): string[] {
  const changed = (field: string) => {
    const field_schema = schema.shape[field as keyof typeof schema.shape] as z.ZodType;
    return JSON.stringify(spec[field]) !== JSON.stringify(field_schema.parse(undefined));
  };
  if (spec.mode !== "logistic") return ["c"].filter(changed);
  return [...OPTIMISED.filter(changed), ...(spec.tuning === "on" ? ["tuning"] : [])];
}

/** What is supervised where a request leaves that open. */
export function attentionMapOf(
  backbone: string,
  { map }: NonNullable<FinetuneSpec["attention"]>,
): "class" | "activation" | "token" {
  return map ?? (backboneSpec(backbone).heads === undefined ? "class" : "token");
}

/** Every default filled in but the network, which may come from a model. */
export type FinetuneSpec = z.output<typeof schema>;

/**
 * @param findings of a multi-label set; null for one of one label an image
 * @throws {InvalidInput} for weights of the other kind of set, or of findings that it lacks
 */
function assertWeights(
  { class_weights, pos_weight }: Pick<FinetuneSpec, "class_weights" | "pos_weight">,
  dataset: string,
  findings: string[] | null,
): void {
  const refuse = (field: string, message: string) =>
    new InvalidInput(`Cannot use ${field}: ${message}`, [{ pointer: `/${field}`, message }]);
  if (findings === null && pos_weight !== "none") {
    throw refuse(
      "pos_weight",
      `dataset "${dataset}" has one label an image; class_weights weighs its classes`,
    );
  }
  if (findings !== null && class_weights !== "none") {
    throw refuse(
      "class_weights",
      `dataset "${dataset}" is multi-label; pos_weight weighs its findings`,
    );
  }
  if (typeof pos_weight === "string") return;
  const other = Object.keys(pos_weight).find((name) => !findings!.includes(name));
  if (other === undefined) return;
  throw refuse(
    "pos_weight",
    `"${other}" is no finding of dataset "${dataset}"; its findings are ${findings!.join(", ")}`,
  );
}

/** @throws {InvalidInput} naming each field that is wrong */
export function parseFinetune(spec: unknown): FinetuneSpec {
  return parseSpec(schema, spec);
}

/** With the map that is supervised; throws InvalidInput where the network has none of this kind. */
function supervised(
  backbone: string,
  attention: NonNullable<FinetuneSpec["attention"]>,
): NonNullable<FinetuneSpec["attention"]> {
  const { map: has, heads, title } = backboneSpec(backbone);
  const map = attentionMapOf(backbone, attention);
  const problem = (pointer: string, message: string) =>
    new InvalidInput(`Cannot supervise attention: ${message}`, [{ pointer, message }]);
  if (map === "token" && heads === undefined) {
    throw problem(
      "/attention/map",
      `${title} has no class token; take map "class" or "activation"`,
    );
  }
  if (map !== "token" && has !== "mean") {
    throw problem(
      heads === undefined ? "/attention" : "/attention/map",
      `${title} has no map whose mean its features are` +
        (heads === undefined ? "" : '; take map "token", its class token\'s attention'),
    );
  }
  return { ...attention, map };
}

const kept = filled(z.object({
  ...schema.shape,
  ...decidedNetwork,
  ...laterFields({
    split_seed: splitSeedSchema,
    c: schema.shape.c,
    labels: schema.shape.labels,
    repeats: schema.shape.repeats,
    attention: schema.shape.attention,
    pos_weight: schema.shape.pos_weight,
    resume: resumeSchema,
  }),
  batch_norm: z.enum(["train", "frozen"]).optional(),
  augmentation: augmentationSettings,
  ...addedFields,
})).meta({ id: "FinetuneSpec" });
const result = z.object({
  model: z.string().describe("Id"),
  evaluation: z.string().describe("Id"),
  warnings: warningsSchema,
});

export const finetune: JobSpec<typeof schema, typeof kept, typeof result> = {
  title: "Fine-tuning",
  about: "A classifier from a model or from scratch, with its evaluation.",
  ...{ schema, kept, result },
  async resolve(spec, store) {
    const dataset = await store.datasets.byName(spec.dataset);
    const { counts, classes, multi_label } = await labelCounts(store, dataset);
    if (!multi_label) assertClasses(classes);
    else if (counts.get("") === 0) throw nothingKnown(dataset);
    assertWeights(spec, dataset.name, multi_label ? classes : null);
    if (spec.mode !== "full" && spec.batch_norm === "train") {
      const message = `a frozen backbone's batch norms stay as they are in mode "${spec.mode}"`;
      throw new InvalidInput(`Cannot train batch norms: ${message}; leave batch_norm out`, [
        { pointer: "/batch_norm", message },
      ]);
    }
    if (spec.labels !== null) {
      // What cannot be drawn is known before anything runs.
      const known = labelled(await store.images.all(dataset.id), dataset);
      const parts = splitOf({ ...spec, split_seed: spec.split_seed ?? spec.seed });
      drawings(spec, known.rows, splitsOf(parts, known.rows));
    }
    const resolved = await resolveNetwork(spec, store);
    const attention = spec.attention && supervised(resolved.backbone, spec.attention);
    return {
      ...resolved,
      attention,
      batch_norm: spec.batch_norm ?? (spec.mode === "full" ? "train" as const : "frozen" as const),
      split_seed: spec.split_seed ?? spec.seed,
    };
  },
  training: {
    images: (labels) => sumOf(labels) - (labels.get(null) ?? 0),
    // A regression looks at each image once in all.
    passes: ({ mode, epochs }) =>
      mode === "logistic" ? 1 / (epochs as number) : mode === "linear" ? 1 : 3,
    share(spec, images) {
      const { split, folds, fold, labels = null, repeats = 1, mode } =
        spec as unknown as FinetuneSpec;
      const tested = testedShare({ split, folds });
      const validated = folds === null ? split.validation : split.validation * (1 - tested);
      const part = 1 - tested - validated;
      const all = part * (folds === null || fold !== null ? 1 : folds);
      // The features of a regression are computed once, whatever is drawn.
      if (labels === null || images === undefined || mode === "logistic") return all;
      return all * repeats * Math.min(1, labels < 1 ? labels : labels / (part * images));
    },
  },
};
