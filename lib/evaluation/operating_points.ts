/**
 * Sensitivity at a specificity, and the reverse: the threshold is chosen on the validation images and then applied to
 * the tested ones, as it would have to be with patients to come.
 */
import { z } from "zod";
import type { Share } from "./evaluation_intervals.ts";
import type { Scores } from "./scores.ts";

const number = z.number().nullable();
const target = z.enum(["specificity", "sensitivity"]);

/** A threshold as the validation images give it. */
export const thresholdSchema = z.object({
  class: z.string().describe("The positive class: said where its probability is at or above"),
  target: target.describe("What was asked for"),
  level: z.number().describe("At least this much of it on the validation images"),
  threshold: number.describe("null where none reaches the level there"),
  validation: z.object({
    sensitivity: z.number(),
    specificity: z.number(),
    positives: z.number(),
    negatives: z.number(),
  }).nullable().describe("On the images that it was chosen on"),
}).meta({ id: "OperatingThreshold" });
export type Threshold = z.output<typeof thresholdSchema>;

export const operatingPointSchema = z.object({
  ...thresholdSchema.omit({ threshold: true, validation: true }).shape,
  thresholds: z.array(number).describe("One; with folds, one for each fold's images"),
  sensitivity: number.describe("On the tested images"),
  specificity: number,
  positives: z.number().describe("Tested images of the class"),
  negatives: z.number(),
  intervals: z.object({
    sensitivity: z.tuple([z.number(), z.number()]).nullable(),
    specificity: z.tuple([z.number(), z.number()]).nullable(),
  }).describe("95 %, patients resampled, the threshold held"),
}).meta({ id: "OperatingPoint" });
export type OperatingPoint = z.output<typeof operatingPointSchema>;

/** What clinical papers ask for most. */
const TARGETS: Pick<Threshold, "target" | "level">[] = [
  { target: "specificity", level: 0.8 },
  { target: "specificity", level: 0.9 },
  { target: "specificity", level: 0.95 },
  { target: "sensitivity", level: 0.8 },
  { target: "sensitivity", level: 0.9 },
  { target: "sensitivity", level: 0.95 },
];

/**
 * The threshold of each target: the one with the most of the other side among those that reach the level.
 * @param validation scores of images that were neither trained on nor will be tested
 * @returns empty where a side has no validation image
 */
export function thresholds(validation: Scores, positive: string): Threshold[] {
  const c = validation.classes.indexOf(positive);
  const of = (side: boolean) =>
    validation.probabilities.filter((_, i) => (validation.labels[i] === c) === side)
      .map((row) => row[c]);
  const [hits, others] = [of(true), of(false)];
  if (hits.length === 0 || others.length === 0) return [];
  const below = (list: number[]) => {
    const sorted = list.toSorted((a, b) => a - b);
    let n = 0;
    return (threshold: number) => {
      while (n < sorted.length && sorted[n] < threshold) n++;
      return n;
    };
  };
  const [missed, rejected] = [below(hits), below(others)];
  const candidates = [...new Set([...hits, ...others])].sort((a, b) => a - b)
    .map((threshold) => ({
      threshold,
      validation: {
        sensitivity: (hits.length - missed(threshold)) / hits.length,
        specificity: rejected(threshold) / others.length,
        positives: hits.length,
        negatives: others.length,
      },
    }));
  return TARGETS.map(({ target, level }) => {
    // Specificity rises with the threshold, sensitivity falls.
    const reached = candidates.filter(({ validation }) => validation[target] >= level);
    const found = target === "specificity" ? reached[0] : reached.at(-1);
    return {
      ...{ class: positive, target, level },
      threshold: found?.threshold ?? null,
      validation: found?.validation ?? null,
    };
  });
}

/** Whether each image is said to be positive at the thresholds of its part; null where there is no threshold. */
function saidAt(parts: { scores: Scores; threshold: Threshold }[]): boolean[] | null {
  if (parts.some(({ threshold }) => threshold.threshold === null)) return null;
  return parts.flatMap(({ scores, threshold }) => {
    const c = scores.classes.indexOf(threshold.class);
    return scores.probabilities.map((row) => row[c] >= threshold.threshold!);
  });
}

/** Of each target: what it gave, and whose share its two figures are. */
export function operatingPoints(
  parts: Scores[],
  positive: string | null,
  found: (Threshold[] | null)[],
): { point: Omit<OperatingPoint, "intervals">; shares: Share[] }[] {
  const known = parts.map((_, p) => found[p] ?? []);
  if (positive === null || known.some((list) => list.length === 0)) return [];
  const truth = parts.flatMap(({ classes, labels }) => labels.map((l) => classes[l] === positive));
  const other = truth.map((is) => !is);
  return known[0].map((first, k) => {
    const pairs = parts.map((scores, p) => ({ scores, threshold: known[p][k] }));
    const said = saidAt(pairs);
    const marked = said ?? truth.map(() => false);
    const shares = [{ counts: truth, marked }, {
      counts: other,
      marked: marked.map((is) => !is),
    }];
    const [sensitivity, specificity] = shares.map(({ counts, marked }) => {
      const all = counts.filter(Boolean).length;
      return said && all > 0 ? marked.filter((is, i) => is && counts[i]).length / all : null;
    });
    return {
      shares,
      point: {
        ...{ class: first.class, target: first.target, level: first.level },
        thresholds: pairs.map(({ threshold }) => threshold.threshold),
        ...{ sensitivity, specificity },
        positives: truth.filter(Boolean).length,
        negatives: other.filter(Boolean).length,
      },
    };
  });
}

/** Why there are no operating points. */
export function absent(positive: string | null, found: (Threshold[] | null)[]): string {
  return positive === null
    ? "The data set names no positive label, or it is none of the classes"
    : found.length === 0 || found.includes(null)
    ? "No scores of validation images are known for this model: a threshold would have to be chosen on " +
      "what is tested"
    : "The validation images hold one side only: no threshold can be chosen on them";
}
