/** All figures of an evaluation with every patient counted as often as a weight says: resampling without copies. */
import { meanAbsoluteError, quadraticWeightedKappa } from "./ordinal.ts";
import { argmax, type Scores } from "./scores.ts";
import { squaredError } from "./metrics.ts";

export interface ResampledOptions {
  /** Number of each image's patient: [N] */
  units: ArrayLike<number>;
  positive: string | null;
  /** Of the classes, where they are ordered. */
  ranks: number[] | null;
}

/** Figures of the whole, and of one class against the others. */
export const RESAMPLED = [
  "accuracy",
  "balanced_accuracy",
  "auc_macro_one_vs_rest",
  "auc_macro_one_vs_one",
  "auc_micro_one_vs_rest",
  "m_auc",
  "f1_macro",
  "majority_class_accuracy",
  "brier_score",
  "expected_calibration_error",
  "mean_absolute_error",
  "quadratic_weighted_kappa",
] as const;
export type ResampledName = typeof RESAMPLED[number];
export const BY_CLASS = [
  "sensitivity",
  "specificity",
  "precision",
  "f1",
  "auc_one_vs_rest",
] as const;
export type ByClassName = typeof BY_CLASS[number];

export interface ResampledFigures {
  whole: Record<ResampledName, number | null>;
  by_class: Record<ByClassName, number | null>[];
}

const CALIBRATION_BINS = 10;

export class Resampler {
  readonly #classes: number;
  readonly #positive: number;
  readonly #ranks: number[] | null;
  readonly #units: ArrayLike<number>;
  readonly #labels: Uint16Array;
  readonly #said: Uint16Array;
  /** Largest probability, its bin, and the squared error of each image. */
  readonly #confidence: Float64Array;
  readonly #bin: Uint8Array;
  readonly #error: Float64Array;
  /** For each class: images by rising probability, their true classes, and where it rises. */
  readonly #orders: { order: Uint32Array; truths: Uint16Array; rises: Uint8Array }[];
  /** All (image, class) by rising probability: the image, whether the class is its own, where it rises. */
  readonly #pooled: { images: Uint32Array; own: Uint8Array; rises: Uint8Array };

  constructor({ classes, labels, probabilities }: Scores, options: ResampledOptions) {
    this.#classes = classes.length;
    this.#positive = options.positive === null ? -1 : classes.indexOf(options.positive);
    this.#ranks = options.ranks;
    this.#units = options.units;
    this.#labels = Uint16Array.from(labels);
    this.#said = Uint16Array.from(probabilities, argmax);
    this.#confidence = Float64Array.from(probabilities, (row, i) => row[this.#said[i]]);
    this.#bin = Uint8Array.from(this.#confidence, calibrationBin);
    this.#error = Float64Array.from(probabilities, (row, i) => squaredError(row, labels[i]));
    this.#orders = classes.map((_, c) => {
      const { order, rises } = rising(Float64Array.from(probabilities, (row) => row[c]));
      return { order, rises, truths: Uint16Array.from(order, (i) => labels[i]) };
    });
    const C = classes.length;
    const { order, rises } = rising(Float64Array.from(probabilities.flat()));
    const images = order.map((k) => Math.floor(k / C));
    const own = Uint8Array.from(order, (k, i) => Number(k - images[i] * C === labels[images[i]]));
    this.#pooled = { images, own, rises };
  }

  /** @param weights of each patient: [units] */
  at(weights: ArrayLike<number>): ResampledFigures {
    const C = this.#classes;
    const confusion = Array.from({ length: C }, () => new Float64Array(C));
    const gaps = new Float64Array(CALIBRATION_BINS);
    let [total, brier] = [0, 0];
    const counts = new Uint16Array(this.#labels.length); // of each image
    for (let i = 0; i < this.#labels.length; i++) {
      const w = counts[i] = weights[this.#units[i]];
      if (w === 0) continue;
      const hit = this.#said[i] === this.#labels[i] ? 1 : 0;
      confusion[this.#labels[i]][this.#said[i]] += w;
      gaps[this.#bin[i]] += w * (hit - this.#confidence[i]);
      brier += w * this.#error[i];
      total += w;
    }
    const truths = confusion.map((row) => row.reduce((sum, value) => sum + value, 0));
    const said = confusion.map((_, c) => confusion.reduce((sum, row) => sum + row[c], 0));
    const { rest, pairs } = this.#aucs(counts);
    const by_class = truths.map((images, c): ResampledFigures["by_class"][number] => {
      const hit = confusion[c][c];
      return {
        sensitivity: images > 0 ? hit / images : null,
        specificity: total > images ? (total - images - said[c] + hit) / (total - images) : null,
        precision: said[c] > 0 ? hit / said[c] : 0,
        f1: images + said[c] > 0 ? 2 * hit / (images + said[c]) : 0,
        auc_one_vs_rest: rest[c],
      };
    });
    const occurring = by_class.flatMap(({ sensitivity }) => sensitivity ?? []);
    const ranks = total > 0 ? this.#ranks : null;
    return {
      by_class,
      whole: {
        accuracy: total > 0 ? confusion.reduce((sum, row, c) => sum + row[c], 0) / total : null,
        balanced_accuracy: mean(occurring),
        auc_macro_one_vs_rest: mean(rest),
        auc_macro_one_vs_one: mean(pairs),
        auc_micro_one_vs_rest: this.#micro(counts, total),
        m_auc: this.#positive < 0 ? null : rest[this.#positive],
        f1_macro: mean(by_class.map(({ f1 }) => f1)),
        majority_class_accuracy: total > 0 ? Math.max(...truths) / total : null,
        brier_score: total > 0 ? brier / total / (C === 2 ? 2 : 1) : null,
        expected_calibration_error: total > 0
          ? gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total
          : null,
        mean_absolute_error: ranks && meanAbsoluteError(confusion, ranks),
        quadratic_weighted_kappa: ranks && quadraticWeightedKappa(confusion, ranks),
      },
    };
  }

  /** Each class against the rest, and both directions of each pair of classes, in one pass over each class's order. */
  #aucs(counts: Uint16Array) {
    const C = this.#classes;
    const rest: (number | null)[] = [];
    const pairs: (number | null)[] = [];
    const wins = Array.from({ length: C }, () => new Float64Array(C)); // of class c over class b
    const count = new Float64Array(C);
    this.#orders.forEach(({ order, truths, rises }, c) => {
      const [below, tied] = [new Float64Array(C), new Float64Array(C)];
      let touched: number[] = []; // classes among the images of the present score
      const close = () => {
        for (let b = 0; tied[c] > 0 && b < C; b++) {
          wins[c][b] += tied[c] * (below[b] + tied[b] / 2);
        }
        for (const b of touched) {
          below[b] += tied[b];
          tied[b] = 0;
        }
        touched = [];
      };
      for (let i = 0; i < order.length; i++) {
        if (rises[i]) close();
        const weight = counts[order[i]];
        if (weight === 0) continue;
        const b = truths[i];
        if (tied[b] === 0) touched.push(b);
        tied[b] += weight;
      }
      close();
      count.set(below);
    });
    const total = count.reduce((sum, value) => sum + value, 0);
    for (let c = 0; c < C; c++) {
      const others = total - count[c];
      const sum = wins[c].reduce((all, value, b) => b === c ? all : all + value, 0);
      rest.push(count[c] > 0 && others > 0 ? sum / (count[c] * others) : null);
      for (let b = c + 1; b < C; b++) {
        const product = count[c] * count[b];
        pairs.push(product > 0 ? (wins[c][b] + wins[b][c]) / (2 * product) : null);
      }
    }
    return { rest, pairs };
  }

  #micro(counts: Uint16Array, total: number): number | null {
    const { images, own, rises } = this.#pooled;
    let [wins, below, tiedTrue, tiedFalse] = [0, 0, 0, 0];
    const close = () => {
      wins += tiedTrue * (below + tiedFalse / 2);
      below += tiedFalse;
      tiedTrue = tiedFalse = 0;
    };
    for (let k = 0; k < images.length; k++) {
      if (rises[k]) close();
      if (own[k]) tiedTrue += counts[images[k]];
      else tiedFalse += counts[images[k]];
    }
    close();
    return total > 0 && below > 0 ? wins / (total * below) : null;
  }
}

function rising(score: Float64Array) {
  const order = Uint32Array.from(score, (_, i) => i).sort((a, b) => score[a] - score[b]);
  return {
    order,
    rises: Uint8Array.from(order, (at, i) => Number(i > 0 && score[at] !== score[order[i - 1]])),
  };
}

/** Of ten equal bins, each with its upper end. */
function calibrationBin(confidence: number): number {
  return Math.min(
    CALIBRATION_BINS - 1,
    Math.max(0, Math.ceil(confidence * CALIBRATION_BINS) - 1),
  );
}

/** Null when one of them is, or there is none. */
function mean(values: (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return values.length > 0 ? sum / values.length : null;
}
