/** Sentences that are kept, with hashes in place of the names that are not. */
import type { Problem } from "@/lib/errors.ts";
import { hashedReference, withoutExtension } from "./image_names.ts";
import type { Keyed } from "./pseudonym.ts";

/** Sentences show no more of a name. */
const SHOWN = 100;

export class Redaction {
  /** What stands in quotes or names a file, and what stands there instead. */
  readonly #instead = new Map<string, string>();

  constructor(readonly keyed: Keyed) {}

  /** A name, and paths that end in it, of an image that is called otherwise here. */
  addImage(name: string, called: string, paths: string[]): void {
    for (const text of [name, ...paths]) {
      const bare = withoutExtension(text);
      const ending = text.slice(bare.length);
      const whole = bare.endsWith(name);
      // Where a layout names an image otherwise than its file, all of the path goes.
      const before = whole ? bare.slice(0, bare.length - name.length) : "";
      this.#put(text, before + called + ending);
    }
  }

  /** Names that may be those of images. */
  addReferences(references: Iterable<string>): void {
    for (const text of references) this.#put(text, hashedReference(this.keyed, text));
  }

  #put(text: string, instead: string): void {
    if (this.#instead.has(text)) return;
    this.#instead.set(text, instead);
    this.#instead.set(text.slice(0, SHOWN), instead);
  }

  of(problems: Problem[]): Problem[] {
    const instead = (text: string) => this.#instead.get(text) ?? text;
    return problems.map(({ file, message, ...rest }) => ({
      ...rest,
      ...(file === undefined ? {} : { file: instead(file) }),
      message: message.replace(/"([^"]*)"/g, (_, text) => `"${instead(text)}"`),
    }));
  }
}
