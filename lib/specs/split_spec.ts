/** How a request divides the labelled images into training, validation and test. */
import { z } from "zod";
import type { SplitSpec } from "@/lib/datasets/job_split.ts";

const share = z.number().gt(0).lt(1);

export const splitFields = {
  /** Hold-out shares of patients; a split given with the data set comes first. */
  split: z.strictObject({ validation: share.default(0.2), test: share.default(0.2) })
    .refine(({ validation, test }) => validation + test < 1, "nothing would be left to train on")
    .prefault({}),
  /** Folds of a cross-validation: one evaluation over all of them. Null: one hold-out. */
  folds: z.int().min(2).max(20).nullable().default(null),
  /** Trains and tests this one of the folds only, counted from 0. */
  fold: z.int().min(0).nullable().default(null),
};

/** Of the split alone; null: the seed of the training, which weights, order and draws follow from. */
export const splitSeedSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullable().default(null);

/** The split of a training. */
export function splitOf(
  { split, folds, fold, split_seed, seed }: Omit<SplitSpec, "seed"> & {
    split_seed: number | null;
    seed: number;
  },
): SplitSpec {
  return { split, folds, fold, seed: split_seed ?? seed };
}

/** What is wrong with a fold, in words; undefined when nothing is. */
export function foldProblem(
  { folds, fold }: { folds: number | null; fold: number | null },
): string | undefined {
  if (fold === null || (folds !== null && fold < folds)) return undefined;
  return folds === null ? "Cannot choose a fold without folds" : `Cannot be ${fold} of ${folds}`;
}

/** Share of the images that are tested on: by folds those of one of them. */
export function testedShare(
  { split, folds }: { split: { test: number }; folds: number | null },
): number {
  return folds === null ? split.test : 1 / folds;
}
