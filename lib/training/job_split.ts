/** Which images a training may look at: the parts of a split, as the spec of a job names them. */
import {
  givenSplit,
  hasGivenSplit,
  holdOut,
  kFolds,
  type Split,
  type SplitImage,
} from "@/lib/datasets/splits.ts";
import type { SplitSpec } from "@/lib/specs/split_spec.ts";

/**
 * The split given with the data set, else one hold-out or folds, by patient and stratified by label.
 * @param rows images that have a label
 */
export function splitsOf({ split, folds, fold, seed }: SplitSpec, rows: SplitImage[]): Split[] {
  const { validation, test } = split;
  if (folds !== null) {
    const all = kFolds(rows, { folds, validation, seed });
    return fold === null ? all : [all[fold]];
  }
  if (hasGivenSplit(rows)) return [givenSplit(rows, { validation, seed })];
  return holdOut(rows, { test, validation, seed });
}

/** The images without those tested on, and without any other image of the same patients. */
export function withoutTest<Image extends SplitImage>(images: Image[], parts: SplitSpec): Image[] {
  const rows = images.filter(({ label }) => label !== null);
  const tested = splitsOf(parts, rows).flatMap(({ test }) => test.map((i) => rows[i]));
  const names = new Set(tested.map(({ name }) => name));
  const patients = new Set(tested.flatMap(({ patient }) => patient ?? []));
  return images.filter(({ name, patient }) =>
    !names.has(name) && !(patient !== null && patients.has(patient))
  );
}
