/**
 * Holm's step-down adjustment of p values (Holm 1979): the smallest times their number, the next times one less, and
 * so on, never falling, 1 at most. Nulls are no comparisons and stay null.
 */
export function holm(p: (number | null)[]): (number | null)[] {
  const known = p.map((value, i) => ({ value, i }))
    .filter((entry): entry is { value: number; i: number } => entry.value !== null)
    .sort((a, b) => a.value - b.value);
  const adjusted: (number | null)[] = p.map(() => null);
  let largest = 0;
  known.forEach(({ value, i }, rank) => {
    largest = Math.max(largest, Math.min(1, value * (known.length - rank)));
    adjusted[i] = largest;
  });
  return adjusted;
}
