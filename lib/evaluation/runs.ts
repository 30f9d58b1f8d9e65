/** Scores of several runs, made ready to be compared by resampling patients. */
import type { ImageScore } from "./evaluation.ts";
import type { Scores } from "./scores.ts";
import { numbering } from "./patient_numbering.ts";
import { WeightedFigures } from "./weighted.ts";

/** Runs ready for resampling, with one numbering of patients: those that the runs were tested on. */
export function prepare(
  sets: Scores[],
  { positive_label, patients }: {
    positive_label: string | null;
    patients: Map<string, string | null>;
  },
) {
  const { unitOf, size } = numbering(patients);
  const runs = sets.map((scores) => {
    const positive = scores.classes.includes(positive_label ?? "") ? positive_label : null;
    return new WeightedFigures(scores, scores.images.map(unitOf), positive);
  });
  return { runs, units: size() };
}

/** The rows of an evaluation as scores, in the order of image names. */
export function scoresOf(rows: ImageScore[]): Scores {
  const sorted = rows.toSorted((a, b) => a.image < b.image ? -1 : 1);
  const classes = Object.keys(rows[0].probabilities);
  return {
    classes,
    images: sorted.map(({ image }) => image),
    labels: sorted.map(({ label }) => classes.indexOf(label)),
    probabilities: sorted.map(({ probabilities }) => classes.map((name) => probabilities[name])),
  };
}
