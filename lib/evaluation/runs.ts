/** Scores of several runs, made ready to be compared by resampling patients. */
import type { ImageScore } from "./evaluation.ts";
import type { MultiLabelImageScore } from "./multi_label_evaluation.ts";
import { WeightedFindings } from "./weighted_findings.ts";
import { type AnyScores, isMultiLabel, type MultiLabelScores, type Scores } from "./scores.ts";
import { numbering } from "./patient_numbering.ts";
import { type FigureName, FIGURES, type ResampledRun, WeightedFigures } from "./weighted.ts";

/** Runs ready for resampling, with one numbering of patients: those that the runs were tested on. */
export function prepare(
  sets: AnyScores[],
  { positive_label, patients }: {
    positive_label: string | null;
    patients: Map<string, string | null>;
  },
) {
  const { unitOf, size } = numbering(patients);
  const runs = sets.map((scores): ResampledRun => {
    const positive = scores.classes.includes(positive_label ?? "") ? positive_label : null;
    const units = scores.images.map(unitOf);
    return isMultiLabel(scores)
      ? new WeightedFindings(scores, units, positive)
      : new WeightedFigures(scores, units, positive);
  });
  return { runs, units: size() };
}

/** The scores of each fold or repeat of an evaluation, or all of them. */
export function runsOf(scores: ImageScore[] | MultiLabelImageScore[]): AnyScores[] {
  const parts = Map.groupBy<number, ImageScore | MultiLabelImageScore>(
    scores,
    ({ fold, repeat }) => repeat ?? fold ?? 0,
  );
  return [...parts].toSorted(([a], [b]) => a - b).map(([, rows]) =>
    "labels" in rows[0]
      ? findingScoresOf(rows as MultiLabelImageScore[])
      : scoresOf(rows as ImageScore[])
  );
}

/** The same of a multi-label classifier. */
export function findingScoresOf(rows: MultiLabelImageScore[]): MultiLabelScores {
  const sorted = rows.toSorted((a, b) => a.image < b.image ? -1 : 1);
  const classes = Object.keys(rows[0].probabilities);
  return {
    classes,
    images: sorted.map(({ image }) => image),
    truths: sorted.map(({ labels, unknown }) =>
      classes.map((name) => labels.includes(name) ? 1 : unknown.includes(name) ? null : 0)
    ),
    probabilities: sorted.map(({ probabilities }) => classes.map((name) => probabilities[name])),
  };
}

/** Several trainings as one run: each figure is the mean of theirs. */
export function averaged(runs: ResampledRun[]): ResampledRun {
  if (runs.length === 1) return runs[0];
  return {
    work: runs.reduce((sum, { work }) => sum + work, 0),
    fewest: (name) => Math.min(...runs.map((run) => run.fewest(name))),
    at(weights) {
      const each = runs.map((run) => run.at(weights));
      return Object.fromEntries(FIGURES.map((name) => {
        const values = each.map((figures) => figures[name]);
        return [
          name,
          values.includes(null) ? null : values.reduce((sum, v) => sum! + v!, 0)! / values.length,
        ];
      })) as Record<FigureName, number | null>;
    },
  };
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
