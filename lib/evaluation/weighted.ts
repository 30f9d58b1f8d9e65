/** Figures of a set of scores in which every image counts as often as a weight says: resampling without copies. */
import { argmax, type Scores } from "./scores.ts";

/** The figures of the published table. */
export const FIGURES = ["m_auc", "auc", "accuracy"] as const;
export type FigureName = typeof FIGURES[number];

interface ClassOrder {
  /** Images by rising probability of the class. */
  order: Uint32Array;
  positive: Uint8Array;
  /** 1 where an image's probability differs from the one before in `order`. */
  rises: Uint8Array;
}

/** What intervals over runs are made from. */
export interface ResampledRun {
  /** Passes over images and classes that `at` takes. */
  readonly work: number;
  /** Patients that a figure rests on: of an AUC, those of its smallest side. */
  fewest(name: FigureName): number;
  /** All figures; null where one is not defined. @param weights per unit: [units] */
  at(weights: ArrayLike<number>): Record<FigureName, number | null>;
}

/** Everything sorted once; a figure for other weights is one pass over the images. */
export class WeightedFigures implements ResampledRun {
  private readonly correct: Uint8Array;
  private readonly classes: ClassOrder[];
  private readonly positive: number;
  /** Patients of each class, and of all others. */
  private readonly patients: { own: number; others: number }[];
  private readonly all: number;

  /**
   * @param units number of the resampled unit (a patient) that each image belongs to: [N]
   * @param positive class of M-AUC; null: it is not defined
   */
  constructor(
    { classes, labels, probabilities }: Scores,
    readonly units: ArrayLike<number>,
    positive: string | null,
  ) {
    this.correct = Uint8Array.from(
      labels,
      (label, i) => Number(argmax(probabilities[i]) === label),
    );
    this.positive = positive === null ? -1 : classes.indexOf(positive);
    const patientsOf = (is: (label: number) => boolean) =>
      new Set(labels.flatMap((label, i) => is(label) ? units[i] : [])).size;
    this.all = patientsOf(() => true);
    this.patients = classes.map((_, c) => ({
      own: patientsOf((label) => label === c),
      others: patientsOf((label) => label !== c),
    }));
    this.classes = classes.map((_, c) => {
      const score = probabilities.map((row) => row[c]);
      const order = Uint32Array.from(labels, (_, i) => i).sort((a, b) => score[a] - score[b]);
      return {
        order,
        positive: Uint8Array.from(labels, (label) => Number(label === c)),
        rises: Uint8Array.from(
          order,
          (at, i) => Number(i > 0 && score[at] !== score[order[i - 1]]),
        ),
      };
    });
  }

  /** Passes over images and classes that `at` takes. */
  get work(): number {
    return this.correct.length * (this.classes.length + 1);
  }

  /** Patients that a figure rests on: of an AUC, those of its smallest side. */
  fewest(name: FigureName): number {
    if (name === "accuracy") return this.all;
    const sides = name === "auc"
      ? this.patients
      : this.patients.slice(this.positive, this.positive + 1);
    return Math.min(...sides.flatMap(({ own, others }) => [own, others]));
  }

  /** All figures; null where one is not defined. @param weights per unit: [units] */
  at(weights: ArrayLike<number>): Record<FigureName, number | null> {
    const each = this.classes.map((one) => this.auc(one, weights));
    const auc = each.includes(null)
      ? null
      : each.reduce<number>((sum, value) => sum + value!, 0) / each.length;
    return {
      m_auc: this.positive < 0 ? null : each[this.positive],
      auc,
      accuracy: this.accuracy(weights),
    };
  }

  private accuracy(weights: ArrayLike<number>): number | null {
    let [right, all] = [0, 0];
    for (let i = 0; i < this.correct.length; i++) {
      const weight = weights[this.units[i]];
      all += weight;
      if (this.correct[i]) right += weight;
    }
    return all > 0 ? right / all : null;
  }

  /** Probability that a positive scores above a negative, ties counting half. */
  private auc({ order, positive, rises }: ClassOrder, weights: ArrayLike<number>): number | null {
    // Of the images so far, and of those that share the present score.
    let [wins, positives, negatives, tiedPositives, tiedNegatives] = [0, 0, 0, 0, 0];
    const close = () => {
      wins += tiedPositives * (negatives + tiedNegatives / 2);
      positives += tiedPositives;
      negatives += tiedNegatives;
      tiedPositives = tiedNegatives = 0;
    };
    for (let i = 0; i < order.length; i++) {
      if (rises[i]) close();
      const weight = weights[this.units[order[i]]];
      if (positive[order[i]]) tiedPositives += weight;
      else tiedNegatives += weight;
    }
    close();
    return positives > 0 && negatives > 0 ? wins / (positives * negatives) : null;
  }
}
