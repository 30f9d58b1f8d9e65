/**
 * What a worker elsewhere may ask for: what its job and the requests that it answers name, and what the answers to its
 * own questions name in turn. Names are ids, names of data sets and models, SHA-256 of files.
 */

/** A longer text names nothing. */
const LONGEST = 200;

export class KnownNames {
  /** Of the claim. */
  #job = new Set<string>();
  /** Of the requests under way. */
  #requests = new Set<string>();

  /** A claim: what was known of the one before is forgotten. */
  claimed(...values: unknown[]): void {
    this.#job = new Set();
    for (const value of values) collect(value, this.#job);
  }

  /** @param first whether no other request is under way */
  requested(request: unknown, first: boolean): void {
    if (first) this.#requests = new Set();
    collect(request, this.#requests);
  }

  answered(answer: unknown): void {
    collect(answer, this.#job);
    collect(answer, this.#requests);
  }

  has(name: string): boolean {
    return this.#job.has(name) || this.#requests.has(name);
  }
}

function collect(value: unknown, names: Set<string>): void {
  if (typeof value === "string") {
    if (value.length <= LONGEST) names.add(value);
  } else if (Array.isArray(value)) {
    // Of gaze: numbers name nothing.
    if (typeof value[0] !== "number") { for (const item of value) collect(item, names); }
  } else if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value)) collect(item, names);
  }
}

/** What a question is about, by its first argument: names, or a row. */
export function namesOf(argument: unknown): string[] {
  const asked = Array.isArray(argument) ? argument : [argument];
  return asked.map((one) =>
    typeof one === "object" && one !== null ? String((one as { id?: unknown }).id) : String(one)
  );
}
