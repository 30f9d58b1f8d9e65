/** How far two classifiers differ on the same images. */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import type { ImageScore } from "./evaluation.ts";
import type { Scores } from "./scores.ts";
import { LEVEL, type Spread, spreads } from "./interval.ts";
import { prepare, scoresOf } from "./runs.ts";
import { type FigureName, FIGURES } from "./weighted.ts";

export interface DifferenceRequest {
  /** Scores of two evaluations. */
  a: ImageScore[];
  b: ImageScore[];
  positive_label: string | null;
  /** Patient of each image, where known. */
  patients: Map<string, string | null>;
}

export interface EvaluationDifference {
  images: number;
  /** Of `a` less those of `b`: means over the folds where there are folds. */
  figures: Record<FigureName, Spread | null>;
}

export const differenceSchema = z.object({
  evaluation: z.string().describe("Id"),
  to: z.string().describe("Id of the other"),
  images: z.number(),
  level: z.number().describe("Of the intervals"),
  figures: z.record(
    z.enum(FIGURES),
    z.object({
      value: z.number().describe("Of the evaluation less that of the other; of folds, their mean"),
      n: z.number().describe("Folds; 1 without"),
      interval: z.tuple([z.number(), z.number()]),
    }).nullable(),
  ).describe("null where one is not defined"),
}).meta({ id: "EvaluationDifference" });

/** A difference as it is told; `pair` names the two. */
export function toDifferenceView(
  { images, figures }: EvaluationDifference,
  pair: { evaluation: string; to: string },
): z.output<typeof differenceSchema> {
  const told = FIGURES.map((name) => {
    const found = figures[name];
    if (!found) return [name, null];
    const { value, n, low, high } = found;
    return [name, { value, n, interval: [low, high] }];
  });
  return { ...pair, images, level: LEVEL, figures: Object.fromEntries(told) };
}

/**
 * Paired bootstrap: patients are drawn with replacement, and folds are, the same ones for both.
 * @throws {InvalidInput} when the two are not about the same images, fold by fold
 */
export function difference(
  { a, b, positive_label, patients }: DifferenceRequest,
): EvaluationDifference {
  const [runs, others] = [runsOf(a), runsOf(b)];
  if (namesIn(runs) !== namesIn(others)) {
    throw new InvalidInput(
      "Cannot compare two evaluations that are not of the same images, fold by fold",
    );
  }
  const source = { positive_label, patients: () => patients };
  const { runs: ready, units } = prepare([...runs, ...others], source);
  return {
    images: new Set(a.map(({ image }) => image)).size,
    figures: spreads(ready.slice(0, runs.length), ready.slice(runs.length), units),
  };
}

/** The scores of each fold, or all of them. */
function runsOf(scores: ImageScore[]): Scores[] {
  const folds = Map.groupBy(scores, ({ fold = 0 }) => fold);
  return [...folds].toSorted(([a], [b]) => a - b).map(([, rows]) => scoresOf(rows));
}

function namesIn(runs: Scores[]): string {
  return JSON.stringify(runs.map(({ images }) => images));
}
