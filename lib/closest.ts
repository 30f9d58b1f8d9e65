/** The name that somebody may have meant by another. */

/**
 * The one of `names` that fewest letters tell from `word`, without case: at most a third of the letters; undefined
 * where none is so near. Distance of Levenshtein (1966).
 */
export function closest(word: string, names: string[]): string | undefined {
  const found = names
    .map((name) => ({ name, steps: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, steps }) => steps <= Math.max(word.length, name.length) / 3)
    .sort((a, b) => a.steps - b.steps);
  return found[0]?.name;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, replaced));
    }
    row = next;
  }
  return row[b.length];
}
