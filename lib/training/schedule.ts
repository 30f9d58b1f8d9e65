/** The learning rate, which changes with the step. */

/** Linear warm-up to `base` over `warmup` steps, then a cosine to 0 at `total` (or constant). */
export interface Schedule {
  base: number;
  kind: "cosine" | "constant";
  warmup: number;
  total: number;
}

/**
 * Learning rate of `step` (from 0). The first warm-up step has base / warmup, so that no step is idle.
 * SGDR, Loshchilov and Hutter 2017, without restarts.
 */
export function learningRate({ base, kind, warmup, total }: Schedule, step: number): number {
  if (step < warmup) return base * (step + 1) / warmup;
  if (kind === "constant") return base;
  const share = Math.min(1, (step - warmup) / Math.max(1, total - warmup));
  return base * 0.5 * (1 + Math.cos(Math.PI * share));
}
