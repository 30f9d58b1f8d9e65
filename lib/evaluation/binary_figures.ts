/** Figures of yes and no answers in which every patient counts as often as a weight says: resampling without copies. */

export const BINARY = [
  "auc",
  "average_precision",
  "accuracy",
  "balanced_accuracy",
  "sensitivity",
  "specificity",
  "precision",
  "f1",
  "brier_score",
] as const;
export type BinaryName = typeof BINARY[number];

/** Null where one is not defined. */
export type Binary = Record<BinaryName, number | null>;

/** What is said above this is said to be present. */
export const THRESHOLD = 0.5;

export interface BinaryAnswers {
  /** 1 where it is present: [N] */
  truths: ArrayLike<number>;
  /** Probabilities: [N] */
  scores: ArrayLike<number>;
  /** Number of the patient of each answer: [N] */
  units: ArrayLike<number>;
}

/** Everything sorted once; the figures for other weights are one pass over the answers. */
export class BinaryFigures {
  readonly #answers: BinaryAnswers;
  /** Answers by falling score, and where the score is another than that of the one before. */
  readonly #order: Uint32Array;
  readonly #falls: Uint8Array;

  constructor(answers: BinaryAnswers) {
    const { scores } = answers;
    this.#answers = answers;
    this.#order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
    this.#falls = Uint8Array.from(
      this.#order,
      (at, i) => Number(i > 0 && scores[at] !== scores[this.#order[i - 1]]),
    );
  }

  /** Patients behind what is present and what is absent. */
  get patients(): { present: number; absent: number } {
    const { truths, units } = this.#answers;
    const of = (side: number) =>
      new Set(Array.from(units).filter((_, i) => (truths[i] === 1 ? 1 : 0) === side)).size;
    return { present: of(1), absent: of(0) };
  }

  /** Passes over answers that `at` takes. */
  get work(): number {
    return this.#order.length;
  }

  /** @param weights of each patient; 1 each without: [units] */
  at(weights?: ArrayLike<number>): Binary {
    const { truths, scores, units } = this.#answers;
    // Of the answers so far, and of those that share the present score.
    let [present, absent, tiedPresent, tiedAbsent] = [0, 0, 0, 0];
    let [wins, area, hits, rejected, squares] = [0, 0, 0, 0, 0];
    const close = () => {
      present += tiedPresent;
      wins += tiedAbsent * (present - tiedPresent / 2);
      absent += tiedAbsent;
      // Average precision: each step of recall with the precision at its end.
      if (tiedPresent > 0) area += tiedPresent * present / (present + absent);
      tiedPresent = tiedAbsent = 0;
    };
    for (let i = 0; i < this.#order.length; i++) {
      if (this.#falls[i]) close();
      const at = this.#order[i];
      const weight = weights ? weights[units[at]] : 1;
      if (weight === 0) continue;
      const is = truths[at] === 1;
      const said = scores[at] > THRESHOLD;
      squares += weight * (scores[at] - (is ? 1 : 0)) ** 2;
      if (is) tiedPresent += weight;
      else tiedAbsent += weight;
      if (is && said) hits += weight;
      if (!is && !said) rejected += weight;
    }
    close();
    const all = present + absent;
    const [sensitivity, specificity] = [ratio(hits, present), ratio(rejected, absent)];
    const told = hits + absent - rejected;
    return {
      auc: ratio(wins, present * absent),
      // Of one side alone any ranking is the best.
      average_precision: absent > 0 ? ratio(area, present) : null,
      accuracy: ratio(hits + rejected, all),
      balanced_accuracy: sensitivity === null || specificity === null
        ? null
        : (sensitivity + specificity) / 2,
      ...{ sensitivity, specificity },
      precision: all > 0 ? ratio(hits, told) ?? 0 : null,
      f1: all > 0 ? ratio(2 * hits, present + told) ?? 0 : null,
      brier_score: ratio(squares, all),
    };
  }
}

function ratio(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}
