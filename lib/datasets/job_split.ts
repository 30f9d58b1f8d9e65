/** Which images a training may look at: the parts of a split, as the spec of a job names them. */
import {
  givenSplit,
  hasGivenSplit,
  holdOut,
  isLabelled,
  kFolds,
  type Split,
  type SplitImage,
} from "./splits.ts";

/** A split in words, with the seed of what is drawn. */
export interface SplitSpec {
  /** Shares of a hold-out. */
  split: { validation: number; test: number };
  /** Folds of a cross-validation; null: one hold-out. */
  folds: number | null;
  /** One of the folds only; null: all. */
  fold: number | null;
  seed: number;
}

/**
 * The split given with the data set, else one hold-out or folds, by patient and stratified by label. What the
 * data set marks as test is never trained on: folds are drawn from the rest.
 * @param rows images that have a label
 */
export function splitsOf({ split, folds, fold, seed }: SplitSpec, rows: SplitImage[]): Split[] {
  const { validation, test } = split;
  if (folds !== null) {
    const marked = rows.filter((row) => row.split === "test");
    const free = new Set(withoutPatientsOf(rows, marked));
    const places = rows.flatMap((row, i) => free.has(row) ? [i] : []);
    const all = kFolds(places.map((i) => rows[i]), { folds, validation, seed });
    return (fold === null ? all : [all[fold]]).map((parts) => ({
      train: parts.train.map((i) => places[i]),
      validation: parts.validation.map((i) => places[i]),
      test: parts.test.map((i) => places[i]),
    }));
  }
  if (hasGivenSplit(rows)) return [givenSplit(rows, { validation, seed })];
  return holdOut(rows, { test, validation, seed });
}

/** The images without those tested on, and without any other image of the same patients. */
export function withoutTest<Image extends SplitImage>(images: Image[], parts: SplitSpec): Image[] {
  const rows = images.filter(isLabelled);
  const tested = splitsOf(parts, rows).flatMap(({ test }) => test.map((i) => rows[i]));
  return withoutPatientsOf(images, tested);
}

/** The images that are none of these, nor of their patients. */
export function withoutPatientsOf<Image extends SplitImage>(
  images: Image[],
  others: SplitImage[],
): Image[] {
  const names = new Set(others.map(({ name }) => name));
  const patients = new Set(others.flatMap(({ patient }) => patient ?? []));
  return images.filter(({ name, patient }) =>
    !names.has(name) && !(patient !== null && patients.has(patient))
  );
}

/** Labelled images that no part of the splits holds, in words; undefined when there are none. */
export function unusedOf(splits: Split[], rows: SplitImage[]): string | undefined {
  const used = new Set(splits.flatMap(({ train, validation, test }) => [
    ...train,
    ...validation,
    ...test,
  ]));
  const rest = rows.filter((_, i) => !used.has(i));
  if (rest.length === 0) return undefined;
  const marked = rest.filter(({ split }) => split === "test").length;
  return marked > 0
    ? `${marked} images that the data set marks as test are in no fold: evaluate on them afterwards`
    : `${rest.length} labelled images are in no part of the data set's own split: they are left out`;
}

/** Marks of training and validation that nothing is made of, in words; undefined when there are none. */
export function ignoredMarks(
  { folds }: Pick<SplitSpec, "folds">,
  rows: SplitImage[],
): string | undefined {
  const marked = rows.filter(({ split }) => split === "train" || split === "validation").length;
  if (marked === 0 || (folds === null && hasGivenSplit(rows))) return undefined;
  const why = folds === null ? "none is marked as test" : "folds are drawn anew";
  return `${marked} of ${rows.length} labelled images are marked as training or validation, and ${why}: the marks ` +
    "are not used, all parts are drawn by patient";
}
