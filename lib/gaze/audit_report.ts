/** What an audit of positive pairs finds. */
import { z } from "zod";

const number = z.number().nullable();

/** A cut of a similarity; neither share nor number where there is none to suggest. */
export const cutSuggestionSchema = z.object({
  quantile: number,
  top_k: number,
  reasons: z.array(z.string()),
}).meta({ id: "CutSuggestion" });
export type CutSuggestion = z.output<typeof cutSuggestionSchema>;

/** An image that many others are paired with. */
const hubSchema = z.object({
  image: z.number().describe("Row of the matrix"),
  positives: z.number(),
});
export type Hub = z.output<typeof hubSchema>;

export const auditCutSchema = z.object({
  quantile: number.describe("Share asked for; null where the nearest of each image were"),
  top_k: number.describe("Nearest of each image; null where a share was asked for"),
  cut: z.number().describe(
    "Pairs lie strictly above this; of the nearest of each image the least similar lies here",
  ),
  pairs: z.number().describe(
    "Strictly above the cut: pairs that lie at it, as many tie, are not among them",
  ),
  share: z.number()
    .describe("Share of the valid pairs, which ties can move away from the quantile"),
  positives_per_image: z.object({
    min: z.number(),
    median: z.number(),
    mean: z.number(),
    max: z.number(),
  }),
  images_without: z.number().describe("Images with valid gaze and no positive"),
  hubs: z.array(hubSchema).describe("The five images with most positives"),
  hub_share: z.number()
    .describe("Share of all pair ends that the top 1 % of the images holds (at least one image)"),
  precision: number
    .describe("Share of the pairs (both labelled) with the same label; null without labels"),
  lift: number.describe("Precision over that of all pairs"),
  p: number.describe("Permutation p-value of this precision"),
}).meta({ id: "AuditCut" });
export type AuditCut = z.output<typeof auditCutSchema>;

export const labelAuditSchema = z.object({
  labelled: z.number().describe("Images with a label and valid gaze"),
  classes: z.record(z.string(), z.number())
    .describe("Images by label; in a multi-label set by their findings, joined by +"),
  base_rate: z.number().describe("Share of the labelled valid pairs with the same label"),
  auc: number.describe(
    "Probability that a pair of one label is more similar than a pair of two, ties counting half; " +
      "null where not all pairs are known",
  ),
  auc_p: number,
  p: z.number()
    .describe("p-value of the best cut, corrected for having looked at all of them"),
  permutations: z.number(),
}).meta({ id: "LabelAudit" });
export type LabelAudit = z.output<typeof labelAuditSchema>;

export const auditSchema = z.object({
  images: z.number(),
  valid_images: z.number().describe("Images with at least one valid pair"),
  coverage: z.number().describe("Their share"),
  valid_pairs: z.number(),
  cuts: z.array(auditCutSchema).describe("Their pairs lie strictly above the cut, as in training"),
  labels: labelAuditSchema.nullable(),
  suggestion: cutSuggestionSchema,
  warnings: z.array(z.string()).describe("What speaks against these pairs"),
});
export type Audit = z.output<typeof auditSchema>;
