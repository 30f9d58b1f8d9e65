/**
 * Tails and quantiles of the normal and Student's t distribution, two-sided. Our own: sixty lines that are held to
 * SciPy's values to 1e-9, where packages of statistics bring hundreds of files or are no longer kept.
 */

/** P(|Z| >= |z|) of a standard normal. */
export function normalTail(z: number): number {
  return erfc(Math.abs(z) / Math.SQRT2);
}

/** P(|T| >= |t|) of Student's t. @param df degrees of freedom, above 0; infinite: the normal */
export function studentTail(t: number, df: number): number {
  // Above this the two differ by less than 1e-8.
  if (df > 1e8) return normalTail(t);
  return incompleteBeta(df / (df + t * t), df / 2, 0.5);
}

/** The t with P(|T| >= t) = 1 - level. */
export function studentQuantile(level: number, df: number): number {
  const tail = 1 - level;
  let [low, high] = [0, 1];
  while (studentTail(high, df) > tail) [low, high] = [high, 2 * high];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (studentTail(middle, df) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The z with P(|Z| >= z) = 1 - level. */
export function normalQuantile(level: number): number {
  return studentQuantile(level, Infinity);
}

/** 1 - erf(x) for x >= 0: a power series near 0, a continued fraction elsewhere (Abramowitz and Stegun 7.1.6, 7.1.14). */
function erfc(x: number): number {
  if (x > 27) return 0;
  if (x < 2) {
    let [term, sum] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 1 - 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }
  let fraction = 0;
  for (let k = 120; k > 0; k--) fraction = k / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** I_x(a, b) by Lentz's continued fraction (Abramowitz and Stegun 26.5.8). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side only.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(
    a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b),
  ) / a;
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / (1 - (a + b) * x / (a + 1) || tiny);
  let value = d;
  for (let m = 1; m < 100_000; m++) {
    const before = value;
    for (
      const numerator of [
        m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
      ]
    ) {
      d = 1 / (1 + numerator * d || tiny);
      c = 1 + numerator / c || tiny;
      value *= c * d;
    }
    if (Math.abs(value - before) <= 1e-16 * Math.abs(value)) break;
  }
  return front * value;
}

/** Logarithm of the gamma function for x > 0: Stirling's series, after the recurrence has made x large enough. */
function logGamma(x: number): number {
  let shift = 0;
  for (; x < 15; x++) shift += Math.log(x);
  const y = 1 / (x * x);
  const series = (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
