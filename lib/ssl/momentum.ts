/** How fast a target network follows. */

/** BYOL, section 3.3: tau = 1 - (1 - tau0) (cos(pi k / K) + 1) / 2, from `base` up to 1. */
export function targetMomentum(base: number, step: number, total: number): number {
  return 1 - (1 - base) * (Math.cos(Math.PI * step / total) + 1) / 2;
}
