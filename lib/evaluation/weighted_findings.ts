/** The figures of the published table of a multi-label classifier, for any weights of the patients. */
import { MultiLabelFigures } from "./multi_label_figures.ts";
import type { MultiLabelScores } from "./scores.ts";
import type { FigureName, ResampledRun } from "./weighted.ts";

/** `auc` is the macro AUC, `accuracy` the mean accuracy over the findings that have both sides, `m_auc` one finding's. */
export class WeightedFindings implements ResampledRun {
  readonly #figures: MultiLabelFigures;
  readonly #positive: number;

  /**
   * @param units number of the patient that each image belongs to: [N]
   * @param positive finding of M-AUC; null: it is not defined
   */
  constructor(scores: MultiLabelScores, units: ArrayLike<number>, positive: string | null) {
    this.#figures = new MultiLabelFigures(scores, units);
    this.#positive = positive === null ? -1 : scores.classes.indexOf(positive);
  }

  get work(): number {
    return this.#figures.work;
  }

  fewest(name: FigureName): number {
    const places = name === "m_auc" ? [this.#positive].filter((k) => k >= 0) : this.#figures.whole;
    const sides = places.map((k) => this.#figures.findings[k].patients);
    return Math.min(
      ...sides.map(({ present, absent }) =>
        name === "accuracy" ? present + absent : Math.min(present, absent)
      ),
    );
  }

  at(weights: ArrayLike<number>): Record<FigureName, number | null> {
    const { each, macro } = this.#figures.at(weights);
    return {
      m_auc: this.#positive < 0 ? null : each[this.#positive].auc,
      auc: macro.auc,
      accuracy: macro.accuracy,
    };
  }
}
