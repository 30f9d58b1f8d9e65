/** The AUC of every class against the rest, each with its interval by DeLong. */
import { z } from "zod";
import { delong } from "./delong.ts";
import type { Scores } from "./scores.ts";

const number = z.number().nullable();

export const aucDelongSchema = z.object({
  label: z.string(),
  auc: number,
  standard_error: number.describe(
    "By patients where one has several images (Obuchowski); null where a side has fewer than two",
  ),
  interval: z.tuple([z.number(), z.number()]).nullable().describe("95 %; null without any spread"),
}).meta({ id: "AucDelong" });

/** @param units number of each image's patient: [N] */
export function aucDelong({ classes, labels, probabilities }: Scores, units: number[]) {
  return classes.map((label, c) => {
    const found = delong(labels.map((l) => l === c), probabilities.map((row) => row[c]), units);
    return {
      label,
      auc: found?.auc ?? null,
      standard_error: found?.standard_error ?? null,
      // Without any spread the normal interval is a point, which nobody should believe.
      interval: found && found.standard_error > 0
        ? [found.low, found.high] as [number, number]
        : null,
    };
  });
}
