/** How far readers' decisions agree beyond chance: Cohen's kappa of two (1960), Fleiss' of several (1971). */

/**
 * Cohen's kappa of two readers' decisions on the same cases; null without cases, or where both gave but one
 * and the same answer.
 */
export function cohenKappa(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const n = a.length;
  const counts = new Map<number, [number, number]>();
  let agreed = 0;
  for (let i = 0; i < n; i++) {
    if (a[i] === b[i]) agreed++;
    for (const [side, value] of [a[i], b[i]].entries()) {
      const count = counts.get(value) ?? [0, 0];
      count[side]++;
      counts.set(value, count);
    }
  }
  const chance = [...counts.values()].reduce((sum, [x, y]) => sum + x * y / n ** 2, 0);
  return n > 0 && chance < 1 ? (agreed / n - chance) / (1 - chance) : null;
}

/**
 * Fleiss' kappa of decisions on cases that at least two readers have read; cases may have been read by
 * different numbers of readers. Null where there is no such case, or but one answer.
 * @param decisions of the readers of each case: [N][readers of it]
 */
export function fleissKappa(decisions: number[][]): number | null {
  const read = decisions.filter((given) => given.length >= 2);
  const total = new Map<number, number>();
  let [observed, all] = [0, 0];
  for (const given of read) {
    const counts = new Map<number, number>();
    for (const value of given) counts.set(value, (counts.get(value) ?? 0) + 1);
    let pairs = 0;
    for (const [value, count] of counts) {
      pairs += count * (count - 1);
      total.set(value, (total.get(value) ?? 0) + count);
    }
    observed += pairs / (given.length * (given.length - 1)) / read.length;
    all += given.length;
  }
  const chance = [...total.values()].reduce((sum, count) => sum + (count / all) ** 2, 0);
  return read.length > 0 && chance < 1 ? (observed - chance) / (1 - chance) : null;
}
