/** From readings as they are to a design in which every reader has read every image under every condition. */
import { InvalidInput } from "@/lib/errors.ts";

export interface ReadingFacts {
  image: string;
  reader: string;
  /** "" where none is named. */
  condition: string;
  label: string | null;
  confidence: number | null;
  rating: number | null;
  /** Whether the reader's gaze on the image is known. */
  gaze: boolean;
}

/** What a reader's suspicion is taken from: the finest that there is. */
export type ScoreKind = "rating" | "confidence" | "decision";

/** One reader's readings under one condition, in the order of the design's images. */
export interface ReaderSeries {
  reader: string;
  condition: string;
  score: ScoreKind;
  /** Suspicion of the positive class: [N]. */
  scores: number[];
  /** What was decided: [N]. */
  labels: (string | null)[];
  /** Images on which the reader's gaze is known. */
  gaze: number;
}

export interface ReaderDesign {
  images: string[];
  readers: string[];
  conditions: string[];
  /** Condition by condition, its readers in order. */
  series: ReaderSeries[];
  /** What was left out, and what a score was taken from. */
  warnings: string[];
}

interface DesignRequest {
  readings: ReadingFacts[];
  /** Class of each image that has one. */
  labels: Map<string, string>;
  positive: string;
  rated: boolean;
}

const KINDS: ScoreKind[] = ["rating", "confidence", "decision"];
const SHOWN = 10;

/**
 * Suspicion of `positive`. A confidence is one of the decision, whatever its scale between 0 and 1: decisions for the
 * positive class come above all others, the surer the higher, and the surer of another class, the lower.
 */
export function suspicion(
  { label, confidence, rating }: Pick<ReadingFacts, "label" | "confidence" | "rating">,
  kind: ScoreKind,
  positive: string,
): number {
  if (kind === "rating") return rating!;
  const side = label === positive ? 1 : -1;
  return kind === "confidence" ? side * (1 + confidence!) : side;
}

const has = (row: ReadingFacts, kind: ScoreKind, rated: boolean) =>
  kind === "rating"
    ? rated && row.rating !== null
    : row.label !== null && (kind === "decision" || row.confidence !== null);

/** The finest that all readings of a reader have; else what most have. */
function kindOf(readings: ReadingFacts[], rated: boolean): ScoreKind {
  const counts = KINDS.map((kind) => readings.filter((row) => has(row, kind, rated)).length);
  return KINDS[counts.indexOf(Math.max(...counts))];
}

/** @throws {InvalidInput} where nothing is left that all readers have read */
export function readerDesign({ readings, labels, positive, rated }: DesignRequest): ReaderDesign {
  const warnings: string[] = [];
  const classed = readings.filter(({ image }) => labels.has(image));
  const without = new Set(readings.map(({ image }) => image)).size -
    new Set(classed.map(({ image }) => image)).size;
  if (without > 0) {
    warnings.push(`Left out: ${images(without)} with readings and without a class of the data set`);
  }
  if (classed.length === 0) {
    throw new InvalidInput("Cannot analyse readings: no image that was read has a class");
  }
  const conditions = distinct(classed.map(({ condition }) => condition));
  const byReader = Map.groupBy(classed, ({ reader }) => reader);
  const kinds = new Map<string, ScoreKind>();
  const usable: ReadingFacts[] = [];
  for (const [reader, rows] of [...byReader].toSorted(([a], [b]) => a < b ? -1 : 1)) {
    const kind = kindOf(rows, rated);
    const kept = rows.filter((row) => has(row, kind, rated));
    kinds.set(reader, kind);
    usable.push(...kept);
    if (kept.length < rows.length) {
      warnings.push(
        `Left out: ${
          rows.length - kept.length
        } of ${rows.length} readings by "${reader}", which have no ` +
          `${kind === "decision" ? "label" : kind} as the others have`,
      );
    }
    for (const finer of KINDS.slice(0, KINDS.indexOf(kind))) {
      const some = rows.filter((row) => has(row, finer, rated)).length;
      if (some > 0) {
        warnings.push(
          `Not used: the ${finer} of ${some} of ${rows.length} readings by "${reader}", as the others have none`,
        );
      }
    }
  }
  if (!rated && readings.some(({ rating }) => rating !== null)) {
    warnings.push(
      `Not used: ratings, which are suspicions of another class than "${positive}"`,
    );
  }
  if (usable.length === 0) {
    throw new InvalidInput(
      `Cannot analyse readings: they are ratings alone, of another class than "${positive}"`,
    );
  }
  const place = (reader: string, condition: string) => JSON.stringify([reader, condition]);
  const grouped = Map.groupBy(usable, ({ reader, condition }) => place(reader, condition));
  const of = (reader: string, condition: string) => grouped.get(place(reader, condition)) ?? [];
  const readers = [...kinds.keys()].filter((reader) => {
    const lacking = conditions.filter((condition) => of(reader, condition).length === 0);
    if (lacking.length === 0) return true;
    warnings.push(
      `Left out: reader "${reader}", who has no readings ${lacking.map(under).join(", ")}`,
    );
    return false;
  });
  if (readers.length === 0) {
    const all = conditions.map((condition) =>
      `${under(condition)}: ${
        list([...byReader.keys()].filter((r) => of(r, condition).length > 0))
      }`
    );
    throw new InvalidInput(
      `Cannot compare conditions: no reader has read under each of them (${all.join("; ")}). ` +
        "Name those to be analysed with conditions=",
    );
  }
  const series = conditions.flatMap((condition) =>
    readers.map((reader) => ({
      ...{ reader, condition },
      rows: new Map(of(reader, condition).map((row) => [row.image, row])),
    }))
  );
  const read = distinct(series.flatMap(({ rows }) => [...rows.keys()]));
  const common = read.filter((image) => series.every(({ rows }) => rows.has(image)));
  if (common.length < read.length) {
    const counts = series.slice(0, SHOWN).map(({ reader, condition, rows }) =>
      `"${reader}"${condition === "" ? "" : ` ${under(condition)}`} ${rows.size}`
    );
    const told = counts.join(", ") + (series.length > SHOWN ? ", ..." : "");
    const message = `${common.length} of ${images(read.length)} with readings have been read by ` +
      `${readers.length === 1 ? "the reader" : `each of the ${readers.length} readers`}` +
      `${conditions.length > 1 ? " under each condition" : ""} (${told})`;
    if (common.length === 0) {
      throw new InvalidInput(
        `Cannot analyse readings: ${message}. Name those who have read the same images with readers=`,
      );
    }
    warnings.push(`${message}: the others are left out`);
  }
  const used = new Set(readers.map((reader) => kinds.get(reader)!));
  const decided = readers.filter((reader) => kinds.get(reader) === "decision");
  if (decided.length > 0) {
    warnings.push(
      `Decisions alone: ${
        list(decided)
      }. Their AUC is the mean of sensitivity and specificity, lower than ` +
        "ratings of the same reader would give",
    );
  }
  if (used.size > 1) {
    warnings.push(
      `Readers are scored by ${
        [...used].sort().join(" and ")
      }: their AUC do not compare with each other`,
    );
  }
  const silent = readers.filter((reader) =>
    series.some((one) =>
      one.reader === reader && common.some((image) => one.rows.get(image)!.label === null)
    )
  );
  if (silent.length > 0) {
    warnings.push(
      `No decision on every image: ${list(silent)}. Sensitivity and specificity are null there`,
    );
  }
  return {
    ...{ images: common, readers, conditions, warnings },
    series: series.map(({ reader, condition, rows }) => {
      const score = kinds.get(reader)!;
      const own = common.map((image) => rows.get(image)!);
      return {
        ...{ reader, condition, score },
        scores: own.map((row) => suspicion(row, score, positive)),
        labels: own.map(({ label }) => label),
        gaze: own.filter(({ gaze }) => gaze).length,
      };
    }),
  };
}

const distinct = (names: string[]) => [...new Set(names)].sort();
const images = (n: number) => `${n} ${n === 1 ? "image" : "images"}`;
const under = (condition: string) =>
  condition === "" ? "without a condition" : `under "${condition}"`;
const list = (names: string[]) =>
  names.slice(0, SHOWN).map((name) => `"${name}"`).join(", ") +
  (names.length > SHOWN ? ", ..." : "");
