import { InvalidInput } from "@/lib/errors.ts";
import type { ImageRow } from "@/lib/store/mod.ts";

/** Images with their class. */
export interface Labelled {
  rows: ImageRow[];
  classes: string[];
  /** Index into `classes` of each image. */
  labels: number[];
}

/** @throws {InvalidInput} for fewer than two classes */
export function assertClasses(names: string[]): void {
  if (names.length >= 2) return;
  throw new InvalidInput(
    `Cannot train a classifier: two classes are needed, there is [${names.join(", ")}]`,
  );
}

/**
 * The images that have a label.
 * @param classes names in their order; sorted from the labels when absent
 * @throws {InvalidInput} for fewer than two classes, or a label that is none of `classes`
 */
export function labelled(images: ImageRow[], classes?: string[]): Labelled {
  const rows = images.filter(({ label }) => label !== null);
  const names = classes ?? [...new Set(rows.map(({ label }) => label!))].sort();
  assertClasses(names);
  const labels = rows.map(({ label, name }) => {
    const index = names.indexOf(label!);
    if (index < 0) {
      throw new InvalidInput(`Cannot evaluate "${name}": the model has no class "${label}"`);
    }
    return index;
  });
  return { rows, classes: names, labels };
}
