/** Whether a probability means what it says: curve, slope and intercept of one class against all others. */
import { z } from "zod";

const number = z.number().nullable();

export const calibrationSchema = z.object({
  bins: z.array(z.object({
    low: z.number().describe("Above this"),
    high: z.number().describe("Up to and with this; the first bin holds 0 as well"),
    images: z.number(),
    mean_probability: number,
    share: number.describe("Of these images that are of the class; null in an empty bin"),
  })).describe("Ten of equal width"),
  slope: number.describe(
    "Of a logistic regression of the truth on the logit of the probability; 1: neither over- nor " +
      "underconfident; null where it does not exist, as when the two sides are told apart without error",
  ),
  intercept: number.describe("Of the same regression"),
  intercept_in_the_large: number.describe(
    "Of the regression with the slope held at 1; above 0: the class is more frequent than said",
  ),
}).meta({ id: "Calibration" });
export type Calibration = z.output<typeof calibrationSchema>;

const BINS = 10;
/** Probabilities that single precision has rounded to 0 or 1 are taken as this far from it. */
const EDGE = 2 ** -24;

/**
 * Curve over equal bins (as scikit-learn's `calibration_curve`), and Cox's regression (Cox 1958).
 * @param positive [N]
 * @param probability [N]
 */
export function calibration(
  positive: ArrayLike<boolean | number>,
  probability: ArrayLike<number>,
): Calibration {
  const bins = Array.from({ length: BINS }, () => ({ images: 0, said: 0, true: 0 }));
  for (let i = 0; i < probability.length; i++) {
    let bin = 0;
    while (bin < BINS - 1 && probability[i] > (bin + 1) * (1 / BINS)) bin++;
    bins[bin].images++;
    bins[bin].said += probability[i];
    if (positive[i]) bins[bin].true++;
  }
  const y = Array.from(probability, (_, i) => positive[i] ? 1 : 0);
  const x = Array.from(probability, (p) => {
    const kept = Math.min(1 - EDGE, Math.max(EDGE, p));
    return Math.log(kept / (1 - kept));
  });
  const [intercept, slope] = logistic(x, y, false) ?? [null, null];
  const [large] = logistic(x, y, true) ?? [null];
  return {
    bins: bins.map(({ images, said, true: hits }, b) => ({
      low: b / BINS,
      high: (b + 1) / BINS,
      images,
      mean_probability: images ? said / images : null,
      share: images ? hits / images : null,
    })),
    ...{ slope, intercept, intercept_in_the_large: large },
  };
}

/**
 * Maximum likelihood of y ~ a + b x by Newton's method with halved steps; `fixed`: b stays 1.
 * @returns null where the maximum is not finite
 */
function logistic(x: number[], y: number[], fixed: boolean): [number, number] | null {
  const hits = y.reduce((sum, value) => sum + value, 0);
  if (hits === 0 || hits === y.length || (!fixed && isSeparated(x, y))) return null;
  // log(1 + exp(-m)) of every image's margin m.
  const loss = (a: number, b: number) =>
    x.reduce((sum, value, i) => {
      const m = (2 * y[i] - 1) * (a + b * value);
      return sum + Math.max(0, -m) + Math.log1p(Math.exp(-Math.abs(m)));
    }, 0);
  let [a, b] = [0, fixed ? 1 : 0];
  for (let step = 0; step < 200; step++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 0, 0, 0];
    x.forEach((value, i) => {
      const p = 1 / (1 + Math.exp(-a - b * value));
      const w = p * (1 - p);
      ga += y[i] - p;
      gb += (y[i] - p) * value;
      haa += w;
      hab += w * value;
      hbb += w * value * value;
    });
    const determinant = fixed ? haa : haa * hbb - hab * hab;
    if (!(determinant > 0)) return null;
    let da = fixed ? ga / haa : (hbb * ga - hab * gb) / determinant;
    let db = fixed ? 0 : (haa * gb - hab * ga) / determinant;
    // Near the maximum the loss is flat to rounding, while the step still counts.
    const before = loss(a, b) * (1 + 1e-12);
    for (let half = 0; half < 40 && loss(a + da, b + db) > before; half++) {
      da /= 2;
      db /= 2;
    }
    a += da;
    b += db;
    if (Math.abs(da) + Math.abs(db) < 1e-13 * (1 + Math.abs(a) + Math.abs(b))) return [a, b];
    if (Math.abs(a) + Math.abs(b) > 1e6) return null;
  }
  return [a, b];
}

/** Whether some threshold, in either direction, has all of one side on or beyond it; or all x are equal. */
function isSeparated(x: number[], y: number[]): boolean {
  let [lowest, highest, lowestOther, highestOther] = [Infinity, -Infinity, Infinity, -Infinity];
  x.forEach((value, i) => {
    if (y[i]) [lowest, highest] = [Math.min(lowest, value), Math.max(highest, value)];
    else {
      lowestOther = Math.min(lowestOther, value);
      highestOther = Math.max(highestOther, value);
    }
  });
  return lowest >= highestOther || highest <= lowestOther;
}
