/** How sure the figures of one evaluation are: patients drawn with replacement, and folds where there are some. */
import type { ImageScore } from "./evaluation.ts";
import { type Spread, spreads } from "./interval.ts";
import { prepare, scoresOf } from "./runs.ts";
import type { FigureName } from "./weighted.ts";

export interface IntervalsRequest {
  scores: ImageScore[];
  positive_label: string | null;
  /** Patient of each image, where known; an image of nobody is drawn by itself. */
  patients: Map<string, string | null>;
}

/** Null for a figure that is not defined. */
export type FigureIntervals = Record<FigureName, Spread | null>;

export function figureIntervals(
  { scores, positive_label, patients }: IntervalsRequest,
): FigureIntervals {
  const folds = Map.groupBy(scores, ({ fold = 0 }) => fold);
  const sets = [...folds].toSorted(([a], [b]) => a - b).map(([, rows]) => scoresOf(rows));
  const { runs, units } = prepare(sets, { positive_label, patients: () => patients });
  return spreads(runs, null, units);
}
