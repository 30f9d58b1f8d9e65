/** The audit of a stored similarity as it is told: images by name, and beside the set's other similarities. */
import { z } from "zod";
import { type Audit, auditCutSchema, auditSchema } from "@/lib/gaze/audit_report.ts";
import type { SimilarityRow } from "@/lib/store/mod.ts";
import { type Comparison, comparisonSchema } from "./comparison.ts";

export const similarityAuditSchema = z.object({
  similarity: z.string().describe("Id"),
  measure: z.string(),
  ...auditSchema.shape,
  suggestion: auditSchema.shape.suggestion
    .describe("The cut of this similarity; nulls where none is worth it"),
  cuts: z.array(
    auditCutSchema.extend({
      hubs: z.array(z.object({ image: z.string(), positives: z.number() }))
        .describe("The five images with most positives"),
    }).meta({ id: "SimilarityAuditCut" }),
  ),
  comparison: comparisonSchema.nullable()
    .describe("With the other similarities of the same images; null without labels"),
}).meta({ id: "SimilarityAudit" });

export function toAuditView(
  { id, measure, images }: SimilarityRow,
  found: Audit,
  comparison: Comparison | null,
): z.output<typeof similarityAuditSchema> {
  const cuts = found.cuts.map((cut) => ({
    ...cut,
    hubs: cut.hubs.map(({ image, positives }) => ({ image: images[image], positives })),
  }));
  return { similarity: id, measure, ...found, cuts, comparison };
}
