/** Long work on a thread that answers others too: it stops now and then for a turn of the event loop. */

/** What others may have to wait for one turn, ms: to be answered a request takes about ten. */
const LONGEST_MS = 2;

/**
 * Lets others have their turn. By a timer: as long as something is ready at once, as after `setImmediate`, Deno 2.9
 * looks at its sockets in every sixty-first turn only, and nobody is heard meanwhile.
 */
export const nextTurn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

export class Turns {
  #since = performance.now();

  /** Whether others have waited long enough. */
  get due(): boolean {
    return performance.now() - this.#since > LONGEST_MS;
  }

  /** Lets others have their turn where it is due. */
  async give(): Promise<void> {
    if (!this.due) return;
    await nextTurn();
    this.#since = performance.now();
  }
}

/** Strings that are sorted at once: some milliseconds. */
const SORTED_AT_ONCE = 500;

/** As `toSorted` of strings; parts are sorted, and two by two merged, with turns in between. */
export async function sortInTurns(strings: string[], turns: Turns): Promise<string[]> {
  let parts: string[][] = [];
  for (let from = 0; from < strings.length; from += SORTED_AT_ONCE) {
    parts.push(strings.slice(from, from + SORTED_AT_ONCE).sort());
    await turns.give();
  }
  while (parts.length > 1) {
    const merged: string[][] = [];
    for (let i = 0; i < parts.length; i += 2) {
      merged.push(i + 1 < parts.length ? await merge(parts[i], parts[i + 1], turns) : parts[i]);
    }
    parts = merged;
  }
  return parts[0] ?? [];
}

async function merge(a: string[], b: string[], turns: Turns): Promise<string[]> {
  const out: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    out.push(b[j] < a[i] ? b[j++] : a[i++]);
    if (out.length % SORTED_AT_ONCE === 0) await turns.give();
  }
  return out.concat(a.slice(i), b.slice(j));
}

/** Lets a few works go on at a time, in the order in which they came; the others wait. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      // Handed on, so that nobody who comes now is before those that wait.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
