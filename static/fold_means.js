/** What a cross-validation's folds say of a figure on average, beside the figure of their pooled scores. */
import { number, score } from "./format.js";

/**
 * @param {any} metrics of an evaluation
 * @param {string} field as in `mean`
 * @returns {string | undefined} undefined without folds, or where the figure is defined in none
 */
export function foldMean({ folds, mean, standard_deviation, n }, field) {
  const value = folds && mean[field];
  if (value === undefined || value === null) return undefined;
  return `mean of ${number(n?.[field] ?? folds.length)} folds ${score(value)} ± ${
    score(standard_deviation[field])
  }`;
}
