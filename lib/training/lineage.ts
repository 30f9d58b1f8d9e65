/** Where a model comes from: what it was made of, by what, and with what outcome. */
import { z } from "zod";
import { finetune } from "@/lib/specs/finetune.ts";
import { pretrain } from "@/lib/specs/pretrain.ts";
import { thresholdSchema } from "@/lib/evaluation/operating_points.ts";
import type { ModelRow } from "@/lib/store/mod.ts";
import { validationSchema } from "./model_selection.ts";

/** What identifies a run. */
const identityOf = <Kept extends z.ZodObject>(spec: Kept) => ({
  job: z.string().describe("Id"),
  spec: spec.describe("Of the job"),
  dataset_digest: z.string().nullable(),
  code_version: z.string().nullable(),
  adapter: z.string().describe("The GPU it ran on"),
  devices: z.array(z.object({ device: z.string(), from_step: z.number() })).optional()
    .describe(
      "Where it ran, where that was more than one: the result is no longer that of one adapter",
    ),
  init: z.string().describe('Id of the model it started from, or "scratch"'),
  choices: z.record(z.string(), z.string())
    .describe("Variants that computed the convolutions, by pass and shape"),
  warnings: z.array(z.string()).optional()
    .describe("Why it may be something else than its name says; its start's among them"),
});

export const pretrainedLineageSchema = z.object({
  ...identityOf(pretrain.kept),
  positives: z.object({
    pairs: z.number(),
    cut: z.number().nullable(),
    precision: z.number().nullable().optional()
      .describe("Share of the pairs with two labels that have the same, among the training images"),
    base_rate: z.number().nullable().optional().describe("The same of all their pairs"),
  }),
  images: z.object({ trained: z.number(), left_out: z.number() }).optional(),
  steps: z.number(),
  skipped: z.array(z.number()).describe("Steps that were left out: something was not finite"),
  loss: z.number().nullable().describe("Mean of the last report"),
}).meta({ id: "PretrainedLineage" });
export type PretrainedLineage = z.output<typeof pretrainedLineageSchema>;

const names = z.array(z.string());

export const classifierLineageSchema = z.object({
  ...identityOf(finetune.kept),
  best: z.object({ epoch: z.number(), validation: validationSchema })
    .describe("The chosen epoch and its figures"),
  fold: z.number().optional().describe("Of a cross-validation: the one whose weights are kept"),
  labels: z.object({
    available: z.number().describe("Images of the training part"),
    drawn: z.array(z.object({ images: z.number(), by_class: z.record(z.string(), z.number()) }))
      .describe("Of each repeat; the first is that of the weights"),
  }).optional().describe("Where only some of the training labels were used"),
  probe: z.object({
    c: z.number(),
    features: z.number().describe("Length of the vectors"),
    iterations: z.number(),
    gradient: z.number().describe("Its largest part at the end, per image"),
  }).optional().describe("Of mode `logistic`: how the regression ended"),
  thresholds: z.array(thresholdSchema).optional().describe(
    "Of the positive class, chosen on the validation images; absent without one, and of earlier models",
  ),
  split: z.object({ train: names, validation: names, test: names }).describe("Names of images"),
}).meta({ id: "ClassifierLineage" });
export type ClassifierLineage = z.output<typeof classifierLineageSchema>;

export const uploadedLineageSchema = z.object({
  uploaded: z.iso.datetime(),
  source: z.object({
    format: z.enum(["safetensors", "pth"]),
    prefix: z.string().describe("What stood in front of the network's names in the file"),
    left_out: z.array(z.string()).describe(
      "Tensors of the file that are no part of it, of another network its prefix and a star; at most 100",
    ),
    left_out_count: z.number(),
    classifier: z.string().optional().describe("What was done to the classifier, in words"),
  }).optional().describe("How the file became a model"),
  origin: z.record(z.string(), z.unknown()).optional()
    .describe("What the file said of itself, where a server like this one wrote it"),
  warnings: z.array(z.string()).optional().describe("Those that the file told of"),
}).meta({ id: "UploadedLineage" });
export type UploadedLineage = z.output<typeof uploadedLineageSchema>;

/** Of a training that ran on more than one adapter: its result is not that of either. */
export function deviceWarnings(devices: { device: string; from_step: number }[]): string[] {
  if (devices.length < 2) return [];
  const [first, ...rest] = devices;
  const where = rest.map(({ device, from_step }) => `from step ${from_step} on ${device}`);
  return [
    `Trained on ${first.device}, ${where.join(", ")}: it was interrupted and went on elsewhere, ` +
    "so its numbers are not those of one adapter",
  ];
}

/** What a model's own lineage and those before it warn of. */
export function warningsOf(model: Pick<ModelRow, "lineage"> | undefined): string[] {
  return (model?.lineage as { warnings?: string[] } | undefined)?.warnings ?? [];
}
