/** The audit of a stored similarity as it is told: images by name, and beside the set's other similarities. */
import { z } from "zod";
import { type Audit, auditCutSchema, auditSchema } from "@/lib/gaze/audit_report.ts";
import type { SimilarityRow } from "@/lib/store/mod.ts";
import { type Comparison, comparisonSchema } from "./comparison.ts";
import { type ReaderAudit, readerAuditSchema } from "./reader_audits.ts";

export const similarityAuditSchema = z.object({
  similarity: z.string().describe("Id"),
  measure: z.string(),
  looked_at: z.object({
    images: z.number(),
    left_out: z.number(),
    by: z.enum(["all", "train", "leave_out"]),
  }).describe(
    "Without what will be tested on, where a split is known: cut and measure are chosen by it",
  ),
  left_out_images: z.array(z.string()).describe("Those compared images that were not looked at"),
  ...auditSchema.shape,
  suggestion: auditSchema.shape.suggestion
    .describe("The cut of this similarity; nulls where none is worth it"),
  cuts: z.array(
    auditCutSchema.extend({
      hubs: z.array(z.object({ image: z.string(), positives: z.number() }))
        .describe("The five images with most positives"),
    }).meta({ id: "SimilarityAuditCut" }),
  ).describe("Their pairs lie strictly above the cut, as in training"),
  comparison: comparisonSchema.nullable()
    .describe("With the other similarities of the same images; null without labels"),
  by_reader: z.array(readerAuditSchema).nullable()
    .describe("Each reader's own gaze, where `readers` asks for it; else null"),
}).meta({ id: "SimilarityAudit" });

export function toAuditView(
  { id, measure, images: all }: SimilarityRow,
  found: Audit,
  { comparison, by_reader, by, images = all }: {
    comparison: Comparison | null;
    by_reader: ReaderAudit[] | null;
    by: "all" | "train" | "leave_out";
    images?: string[];
  },
): z.output<typeof similarityAuditSchema> {
  const cuts = found.cuts.map((cut) => ({
    ...cut,
    hubs: cut.hubs.map(({ image, positives }) => ({ image: images[image], positives })),
  }));
  const seen = new Set(images);
  const left_out_images = all.filter((name) => !seen.has(name));
  const looked_at = { images: images.length, left_out: all.length - images.length, by };
  return {
    similarity: id,
    measure,
    looked_at,
    left_out_images,
    ...found,
    cuts,
    comparison,
    by_reader,
  };
}
