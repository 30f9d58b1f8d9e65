/** Where a model comes from: what it was made of, by what, and with what outcome. */
import { z } from "zod";
import { finetune } from "@/lib/specs/finetune.ts";
import { pretrain } from "@/lib/specs/pretrain.ts";
import { thresholdSchema } from "@/lib/evaluation/operating_points.ts";
import { validationSchema } from "./model_selection.ts";

/** What identifies a run. */
const identityOf = <Kept extends z.ZodObject>(spec: Kept) => ({
  job: z.string().describe("Id"),
  spec: spec.describe("Of the job"),
  dataset_digest: z.string().nullable(),
  code_version: z.string().nullable(),
  adapter: z.string().describe("The GPU it ran on"),
  init: z.string().describe('Id of the model it started from, or "scratch"'),
  choices: z.record(z.string(), z.string())
    .describe("Variants that computed the convolutions, by pass and shape"),
});

export const pretrainedLineageSchema = z.object({
  ...identityOf(pretrain.kept),
  positives: z.object({ pairs: z.number(), cut: z.number().nullable() }),
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
  thresholds: z.array(thresholdSchema).optional().describe(
    "Of the positive class, chosen on the validation images; absent without one, and of earlier models",
  ),
  split: z.object({ train: names, validation: names, test: names }).describe("Names of images"),
}).meta({ id: "ClassifierLineage" });
export type ClassifierLineage = z.output<typeof classifierLineageSchema>;

export const uploadedLineageSchema = z.object({ uploaded: z.iso.datetime() })
  .meta({ id: "UploadedLineage" });
