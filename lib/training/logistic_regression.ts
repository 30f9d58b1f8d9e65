/**
 * L2 logistic regression to convergence: what a linear probe on frozen features is. The objective is scikit-learn's
 * (`LogisticRegression`): c times the sum of the images' losses, plus half the squared length of the weights, the
 * intercepts free; the sigmoid's loss for two classes, the softmax's for more. Newton's method with conjugate gradients
 * (Lin, Weng and Keerthi 2008) in double precision: no learning rate, no epochs, and the same result whatever it starts
 * from. Ours, since the packages at hand stop at a number of steps and not where the gradient vanishes.
 */

export interface LogisticOptions {
  /** Inverse strength of the penalty, above 0. */
  c: number;
  /** Of each image's loss: [N]; 1 without. */
  weights?: ArrayLike<number>;
  /** Called between two iterations; may throw to stop. */
  between?(): Promise<void>;
}

export interface LogisticFit {
  /** [K][F]; of two classes [-w / 2, w / 2], whose softmax is the sigmoid of w. */
  weights: Float64Array[];
  /** [K] */
  bias: Float64Array;
  iterations: number;
  /** Largest part of the gradient at the end, per image. */
  gradient: number;
}

/** The gradient's largest part per image at which it has converged. */
const CONVERGED = 1e-9;
const MOST_ITERATIONS = 200;

/**
 * @param features [N, F], standardised: the penalty means nothing otherwise
 * @param labels class of each image, an index under `classes`
 * @throws {Error} when it does not converge, which a finite input cannot bring about
 */
export async function logisticRegression(
  features: Float64Array,
  labels: ArrayLike<number>,
  classes: number,
  { c, weights, between }: LogisticOptions,
): Promise<LogisticFit> {
  const N = labels.length, F = features.length / N;
  const problem = new Problem(features, labels, { N, F, classes, c, weights });
  let at = new Float64Array(problem.size);
  let state = problem.at(at);
  for (let iterations = 0; iterations < MOST_ITERATIONS; iterations++) {
    const gradient = state.gradient.reduce((most, g) => Math.max(most, Math.abs(g)), 0) / (c * N);
    if (gradient <= CONVERGED) return { ...problem.fit(at), iterations, gradient };
    await between?.();
    const step = newtonStep(problem, state);
    const slope = dot(step, state.gradient);
    let length = 1;
    let next = moved(at, step, length), value = problem.value(next);
    // Armijo's rule; below rounding any step is as good.
    while (value > state.value + 1e-4 * length * slope && length > 1e-12) {
      length /= 2;
      next = moved(at, step, length);
      value = problem.value(next);
    }
    at = next;
    state = problem.at(at);
  }
  throw new Error(`Cannot fit the probe: no end after ${MOST_ITERATIONS} iterations`);
}

interface State {
  value: number;
  gradient: Float64Array<ArrayBuffer>;
  /** Probabilities of the modelled outputs: [N, K]; one output of two classes. */
  p: Float64Array;
}

/** The objective over a flat vector [K, F + 1], the intercept last in each row; one row for two classes. */
class Problem {
  readonly size: number;
  private readonly outputs: number;

  constructor(
    private readonly x: Float64Array,
    private readonly labels: ArrayLike<number>,
    private readonly options: {
      N: number;
      F: number;
      classes: number;
      c: number;
      weights?: ArrayLike<number>;
    },
  ) {
    this.outputs = options.classes === 2 ? 1 : options.classes;
    this.size = this.outputs * (options.F + 1);
  }

  /** Outputs of image i. */
  private scores(at: Float64Array, i: number, into: Float64Array): void {
    const { F } = this.options;
    for (let k = 0; k < this.outputs; k++) {
      const row = k * (F + 1);
      let sum = at[row + F];
      for (let f = 0; f < F; f++) sum += at[row + f] * this.x[i * F + f];
      into[k] = sum;
    }
  }

  private weight(i: number): number {
    return this.options.c * (this.options.weights?.[i] ?? 1);
  }

  /** Loss of image i; its probabilities replace its scores. */
  private loss(z: Float64Array, i: number): number {
    if (this.outputs === 1) {
      const score = z[0];
      const right = this.labels[i] === 1 ? score : -score;
      z[0] = 1 / (1 + Math.exp(-score));
      return right > 0 ? Math.log1p(Math.exp(-right)) : Math.log1p(Math.exp(right)) - right;
    }
    const own = z[this.labels[i]];
    const most = z.reduce((a, b) => Math.max(a, b), -Infinity);
    let sum = 0;
    for (let k = 0; k < z.length; k++) sum += z[k] = Math.exp(z[k] - most);
    for (let k = 0; k < z.length; k++) z[k] /= sum;
    return Math.log(sum) + most - own;
  }

  private penalty(at: Float64Array): number {
    const { F } = this.options;
    let sum = 0;
    for (let j = 0; j < at.length; j++) if (j % (F + 1) !== F) sum += at[j] * at[j];
    return sum / 2;
  }

  value(at: Float64Array): number {
    const z = new Float64Array(this.outputs);
    let sum = this.penalty(at);
    for (let i = 0; i < this.options.N; i++) {
      this.scores(at, i, z);
      sum += this.weight(i) * this.loss(z, i);
    }
    return sum;
  }

  at(at: Float64Array): State {
    const { N, F } = this.options;
    const K = this.outputs;
    const gradient = new Float64Array(this.size);
    const p = new Float64Array(N * K);
    let value = this.penalty(at);
    for (let j = 0; j < at.length; j++) if (j % (F + 1) !== F) gradient[j] = at[j];
    for (let i = 0; i < N; i++) {
      const z = p.subarray(i * K, (i + 1) * K);
      this.scores(at, i, z);
      const weight = this.weight(i);
      value += weight * this.loss(z, i);
      for (let k = 0; k < K; k++) {
        const truth = Number(K === 1 ? this.labels[i] === 1 : this.labels[i] === k);
        this.add(gradient, k, i, weight * (z[k] - truth));
      }
    }
    return { value, gradient, p };
  }

  private add(into: Float64Array, k: number, i: number, scale: number): void {
    const { F } = this.options;
    const row = k * (F + 1);
    for (let f = 0; f < F; f++) into[row + f] += scale * this.x[i * F + f];
    into[row + F] += scale;
  }

  /** The second derivative times a vector. */
  curvature({ p }: State, v: Float64Array): Float64Array<ArrayBuffer> {
    const { N, F } = this.options;
    const K = this.outputs;
    const out = new Float64Array(this.size);
    for (let j = 0; j < v.length; j++) if (j % (F + 1) !== F) out[j] = v[j];
    const u = new Float64Array(K);
    for (let i = 0; i < N; i++) {
      this.scores(v, i, u);
      const own = p.subarray(i * K, (i + 1) * K);
      const mean = K === 1 ? own[0] * u[0] : own.reduce((sum, q, k) => sum + q * u[k], 0);
      for (let k = 0; k < K; k++) this.add(out, k, i, this.weight(i) * own[k] * (u[k] - mean));
    }
    return out;
  }

  fit(at: Float64Array): Pick<LogisticFit, "weights" | "bias"> {
    const { F, classes } = this.options;
    const row = (k: number, sign: number) =>
      at.slice(k * (F + 1), (k + 1) * (F + 1)).map((value) => sign * value);
    const rows = this.outputs === 1
      ? [row(0, -0.5), row(0, 0.5)]
      : Array.from({ length: classes }, (_, k) => row(k, 1));
    return {
      weights: rows.map((values) => values.slice(0, F)),
      bias: Float64Array.from(rows, (values) => values[F]),
    };
  }
}

/** Conjugate gradients for `curvature step = -gradient`, as far as it pays here. */
function newtonStep(problem: Problem, state: State): Float64Array<ArrayBuffer> {
  const step = new Float64Array(problem.size);
  const residual = state.gradient.map((g) => -g);
  let direction = residual.slice();
  let rr = dot(residual, residual);
  const start = Math.sqrt(rr);
  const enough = start * Math.min(0.1, Math.sqrt(start));
  for (let turn = 0; turn < 2 * problem.size + 20 && Math.sqrt(rr) > enough; turn++) {
    const image = problem.curvature(state, direction);
    const bend = dot(direction, image);
    if (!(bend > 0)) break;
    const length = rr / bend;
    for (let j = 0; j < step.length; j++) {
      step[j] += length * direction[j];
      residual[j] -= length * image[j];
    }
    const before = rr;
    rr = dot(residual, residual);
    direction = moved(residual, direction, rr / before);
  }
  return step;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j] * b[j];
  return sum;
}

/** a + length b */
function moved(a: Float64Array, b: Float64Array, length: number): Float64Array<ArrayBuffer> {
  return Float64Array.from(a, (value, j) => value + length * b[j]);
}

export interface Standardisation {
  mean: Float64Array;
  /** Population deviation; 1 where a feature does not vary. */
  std: Float64Array;
}

/** Of each feature over the training images, as scikit-learn's `StandardScaler`. */
export function standardisation(features: ArrayLike<number>[]): Standardisation {
  const N = features.length, F = features[0].length;
  const mean = new Float64Array(F), std = new Float64Array(F);
  for (const row of features) for (let f = 0; f < F; f++) mean[f] += row[f] / N;
  for (const row of features) for (let f = 0; f < F; f++) std[f] += (row[f] - mean[f]) ** 2 / N;
  for (let f = 0; f < F; f++) {
    const spread = Math.sqrt(std[f]);
    // Of a constant the rounding of its mean is no spread.
    std[f] = spread > 1e-12 * Math.abs(mean[f]) ? spread : 1;
  }
  return { mean, std };
}

/** [N][F] as one array [N, F] of standardised values. */
export function standardised(
  features: ArrayLike<number>[],
  { mean, std }: Standardisation,
): Float64Array {
  const F = mean.length;
  const out = new Float64Array(features.length * F);
  features.forEach((row, i) => {
    for (let f = 0; f < F; f++) out[i * F + f] = (row[f] - mean[f]) / std[f];
  });
  return out;
}
