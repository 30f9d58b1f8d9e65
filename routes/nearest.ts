/** The route that somebody may have meant who asked for one that there is not. */

/** More edits than this for each segment are no slip of the finger. */
const MOST_EDITS = 3;

/**
 * Of `patterns` (`/v1/jobs/{id}`) the one that takes the fewest edits to be `path`; undefined where all are far from it.
 * A placeholder stands for any segment.
 */
export function nearest(path: string, patterns: Iterable<string>): string | undefined {
  const segments = split(path);
  let best: string | undefined;
  let least = Infinity;
  for (const pattern of new Set(patterns)) {
    const edits = editsOf(segments, split(pattern));
    if (edits < least) [best, least] = [pattern, edits];
  }
  return best;
}

const split = (path: string) => path.split("/").filter((part) => part !== "");

/** Edits of all segments together; Infinity where the path is another one. */
function editsOf(path: string[], pattern: string[]): number {
  const open = pattern.at(-1)?.endsWith("*}");
  if (open ? path.length < pattern.length : path.length !== pattern.length) return Infinity;
  let sum = 0;
  for (let i = 0; i < pattern.length; i++) {
    // A little, so that a route without placeholders comes first.
    if (pattern[i].startsWith("{")) sum += 0.1;
    else {
      const edits = distance(path[i], pattern[i]);
      if (edits > Math.min(MOST_EDITS, pattern[i].length / 2)) return Infinity;
      sum += edits;
    }
  }
  return sum;
}

/** Levenshtein's distance of two short texts, by one row of the table; case does not count. */
function distance(one: string, other: string): number {
  const [a, b] = [one.slice(0, 64).toLowerCase(), other.toLowerCase()];
  const row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0]++;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j];
      row[j] = Math.min(above + 1, row[j - 1] + 1, diagonal + Number(a[i - 1] !== b[j - 1]));
      diagonal = above;
    }
  }
  return row[b.length];
}
