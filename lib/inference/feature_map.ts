/** Maps over an image, made from what the last layers of a network hold. */

/** A network's last convolutional map: `[h, w, F]`. */
export interface FeatureMap {
  /** h */
  rows: number;
  /** w */
  columns: number;
  /** F */
  features: number;
  values: ArrayLike<number>;
}

/**
 * Spatial sensing: the cosine of the feature vector at a point with that of every cell, `[h, w]`. A vector
 * of zeros is similar to nothing, 0.
 * @param point x and y, 0 to 1 over the image
 */
export function similarityMap(map: FeatureMap, [x, y]: [number, number]): number[] {
  const { rows, columns, features: F, values } = map;
  const place = (part: number, cells: number) =>
    Math.min(cells - 1, Math.max(0, Math.floor(part * cells)));
  const chosen = (place(y, rows) * columns + place(x, columns)) * F;
  const cells = Array.from({ length: rows * columns }, (_, cell) => {
    let [dot, square] = [0, 0];
    for (let f = 0; f < F; f++) {
      dot += values[chosen + f] * values[cell * F + f];
      square += values[cell * F + f] ** 2;
    }
    return { dot, length: Math.sqrt(square) };
  });
  const { length } = cells[chosen / F];
  return cells.map((cell) => cell.length * length > 0 ? cell.dot / (cell.length * length) : 0);
}

/**
 * Grad-CAM (Selvaraju et al. 2017, section 3): `L = ReLU(sum_f alpha_f A_f)`, where alpha_f is the mean over
 * the map of d logit / d A_f, `[h, w]`. Behind the map come its mean and one linear layer, so the gradient
 * is the class's row of its weights over h * w at every cell: alpha is known exactly without a backward
 * pass, and before the ReLU the cells add up to the logit less its bias.
 * @param row of the class in the classifier's weights: [F]
 */
export function saliencyMap(map: FeatureMap, row: ArrayLike<number>): number[] {
  const { rows, columns, features: F, values } = map;
  const L = rows * columns;
  return Array.from({ length: L }, (_, cell) => {
    let sum = 0;
    for (let f = 0; f < F; f++) sum += row[f] / L * values[cell * F + f];
    return Math.max(0, sum);
  });
}

/**
 * Where the class token looks, of one head or on average: its attention to every patch, `[h w]`; with that to itself
 * all heads add up to 1.
 * @param logs logarithms, `[heads, 1 + h w]`
 */
export function attentionMap(
  logs: ArrayLike<number>,
  { heads, head }: { heads: number; head?: number },
): number[] {
  const T = logs.length / heads;
  const shown = head === undefined ? Array.from({ length: heads }, (_, h) => h) : [head];
  return Array.from(
    { length: T - 1 },
    (_, l) => shown.reduce((sum, h) => sum + Math.exp(logs[h * T + 1 + l]), 0) / shown.length,
  );
}

/**
 * Grad-CAM over tokens: as `saliencyMap`, with A_f the patches as they enter the last block (after its first norm) and
 * alpha_f the mean over them of d logit / d A_f; behind it the class token sees patches by attention alone. `[h w]`
 * @param tokens `[1 + h w, F]`, the class token first, as in `gradient`
 */
export function tokenSaliencyMap(
  tokens: ArrayLike<number>,
  gradient: ArrayLike<number>,
  F: number,
): number[] {
  const L = tokens.length / F - 1;
  const alpha = new Float64Array(F);
  for (let at = F; at < tokens.length; at++) alpha[at % F] += gradient[at] / L;
  return Array.from({ length: L }, (_, cell) => {
    let sum = 0;
    for (let f = 0; f < F; f++) sum += alpha[f] * tokens[(1 + cell) * F + f];
    return Math.max(0, sum);
  });
}
