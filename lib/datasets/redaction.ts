/** Sentences that are kept, with hashes in place of the names that are not. */
import type { Problem } from "@/lib/errors.ts";
import { withoutExtension } from "./image_names.ts";
import { dicomName, type Keyed } from "./pseudonym.ts";

/** Sentences show no more of a name. */
const SHOWN = 100;

export class Redaction {
  /** What stands in quotes or names a file, and its hash. */
  readonly #hashes = new Map<string, string>();

  constructor(readonly keyed: Keyed) {}

  /** Paths and names that are not to be kept. */
  add(...names: string[]): void {
    for (const name of names) {
      const hashed = dicomName(this.keyed, withoutExtension(name));
      for (const text of [name, withoutExtension(name), name.slice(0, SHOWN)]) {
        this.#hashes.set(text, hashed);
      }
    }
  }

  of(problems: Problem[]): Problem[] {
    return problems.map((problem) => ({
      ...problem,
      ...(problem.file === undefined
        ? {}
        : { file: this.#hashes.get(problem.file) ?? problem.file }),
      message: problem.message.replace(/"([^"]*)"/g, (quoted, text) => {
        const hashed = this.#hashes.get(text);
        return hashed === undefined ? quoted : `"${hashed}"`;
      }),
    }));
  }
}
