/** Readings as they were sent, with the images, readers and classes that they mean. */
import type { Problem } from "@/lib/errors.ts";
import { maxProblems } from "./csv_table.ts";
import { type ImageNames, shownNames } from "./image_names.ts";
import { type Keyed, readerName } from "./pseudonym.ts";
import type { SentReading } from "./readings.ts";
import type { ReadingRow } from "@/lib/store/mod.ts";

/** What is kept of a reading, beside its image. */
export type Decision = Omit<ReadingRow, "id" | "image_id">;

export interface MatchedReading<T> extends Decision {
  image: T;
  at: SentReading["at"];
}

export interface Matched<T> {
  readings: MatchedReading<T>[];
  /** Readings of images that are not there. */
  unknown: Problem[];
  /** What no reading may be: of no class, or of one image by one reader under one condition twice. */
  problems: Problem[];
}

/** One reading of an image by a reader under a condition. */
export const readingKey = (image: string, { reader, condition }: Decision): string =>
  JSON.stringify([image, reader, condition]);

/** @param classes of the data set; empty where it has no labels, so that none can be wrong */
export function matchReadings<T extends { name: string }>(
  sent: SentReading[],
  { names, classes, keyed }: { names: ImageNames<T>; classes: Set<string>; keyed: Keyed },
): Matched<T> {
  const found: Matched<T> = { readings: [], unknown: [], problems: [] };
  const known = new Map<string, SentReading["at"]>();
  const tell = (list: Problem[], at: SentReading["at"], message: string) => {
    if (list.length < maxProblems) list.push({ ...at, message });
  };
  for (const { image: called, at, ...row } of sent) {
    const image = names.findInFolder(called);
    if (!image) {
      tell(found.unknown, at, names.missing(called));
      continue;
    }
    const reading = { ...row, image, at, reader: readerName(keyed, row.reader) };
    if (row.label !== null && classes.size > 0 && !classes.has(row.label)) {
      const all = shownNames([...classes].sort());
      tell(
        found.problems,
        at,
        `Cannot use label "${row.label}": the data set's classes are ${all}`,
      );
      continue;
    }
    const key = readingKey(image.name, reading);
    const first = known.get(key);
    if (first) {
      const where = first.line === undefined ? first.pointer : `line ${first.line}`;
      const under = row.condition === "" ? "" : ` under "${row.condition}"`;
      const message = `Cannot use a second reading of "${called}" by reader "${reading.reader}"` +
        `${under}: ${where} has one`;
      tell(found.problems, at, message);
      continue;
    }
    known.set(key, at);
    found.readings.push(reading);
  }
  return found;
}

/** What should be known of readings as a whole, in sentences. */
export function readingWarnings(
  readings: Decision[],
  { classes, positive, gazeReaders }: {
    classes: Set<string>;
    positive: string | null;
    gazeReaders: Set<string>;
  },
): string[] {
  const warnings: string[] = [];
  if (classes.size === 0) {
    warnings.push(
      "The data set has no labels: whether the readers' decisions are classes of it was not checked, and no " +
        "analysis is possible yet",
    );
  }
  if (positive === null && readings.some(({ rating }) => rating !== null)) {
    warnings.push(
      "A rating is a suspicion of the positive class, and the data set names none (positive_label in " +
        "dataset.json): an analysis needs positive=CLASS",
    );
  }
  const readers = [...new Set(readings.map(({ reader }) => reader))].sort();
  if (gazeReaders.size > 0 && readers.length > 0 && !readers.some((one) => gazeReaders.has(one))) {
    warnings.push(
      `None of the readers (${shownNames(readers)}) has gaze here, whose readers are called ` +
        `${shownNames([...gazeReaders].sort())}: one person is called alike in both`,
    );
  }
  return warnings;
}
