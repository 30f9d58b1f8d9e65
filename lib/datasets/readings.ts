/** `readings.csv`: `image,reader,label[,confidence][,rating][,condition]`, what readers decided; and the same as JSON. */
import { z } from "zod";
import { unescapeFormula } from "@/lib/csv.ts";
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import { maxProblems, scanTable } from "./csv_table.ts";
import { isMissing } from "./missing.ts";
import { ACCEPTED, type ReadingColumns, readingColumns } from "./reading_columns.ts";

/** A reading as it was sent: names are not looked up yet. */
export interface SentReading {
  image: string;
  reader: string;
  /** "" where none is named. */
  condition: string;
  label: string | null;
  /** 0 to 1. */
  confidence: number | null;
  rating: number | null;
  /** Where it stands. */
  at: Pick<Problem, "file" | "line" | "pointer">;
}

export interface ReadingTable {
  readings: SentReading[];
  /** What the user should know of how it was read. */
  warnings: Problem[];
}

const LONGEST = 512;
/** Readings of one table. */
const MOST = 100_000;
const text = z.string().max(LONGEST);

export const readingsBody = z.strictObject({
  readings: z.array(z.strictObject({
    image: text.min(1).describe("As its file was called, or by the name that it is kept under"),
    reader: text.min(1).describe("As gaze of the same person names it"),
    label: text.min(1).nullish().describe("What was decided: a class of the data set"),
    confidence: z.number().nullish().describe("How sure of `label`, 0 to 1"),
    rating: z.number().nullish()
      .describe("Suspicion of the positive class, on whatever scale, as it stands"),
    condition: text.nullish()
      .describe("Under which it was read: a modality, with or without help"),
  })).min(1).max(MOST),
});

/** Readings of a JSON body. Throws InvalidInput with every bad one. */
export function readingsOf({ readings }: z.output<typeof readingsBody>): ReadingTable {
  const problems: Problem[] = [];
  const found = readings.map((row, i): SentReading => {
    const reading = {
      image: row.image.normalize("NFC").trim(),
      reader: row.reader.trim(),
      condition: row.condition?.normalize("NFC").trim() ?? "",
      label: row.label ?? null,
      confidence: row.confidence ?? null,
      rating: row.rating ?? null,
      at: { pointer: `/readings/${i}` },
    };
    const wrong = wrongIn(reading) ?? wrongConfidence(row.confidence, 1, "85 % is 0.85");
    if (wrong && problems.length < maxProblems) problems.push({ ...reading.at, message: wrong });
    return reading;
  });
  if (problems.length > 0) throw new InvalidInput("Cannot use the readings", problems);
  return { readings: found, warnings: [] };
}

/** Reads the table; throws InvalidInput with every bad line. */
export function readReadings(bytes: Uint8Array, file: string): ReadingTable {
  const problems: Problem[] = [];
  const readings: SentReading[] = [];
  let at: ReadingColumns | undefined;
  let surest = 0;
  const headers = scanTable(bytes, file, ({ line, cells }, found) => {
    at ??= columnsOf(found, file);
    const { certain } = at;
    const complain = (message: string) => problems.push({ file, line, message });
    const cell = (index: number) => {
      const value = index < 0 ? "" : unescapeFormula(cells[index]);
      return isMissing(value) ? "" : value;
    };
    const number = (index: number, what: string) => {
      const value = cell(index);
      if (value === "") return null;
      // As JSON writes numbers, and with a sign or a point before them.
      if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) return Number(value);
      complain(`Cannot use ${what} "${value.slice(0, 100)}": it is no number`);
      return null;
    };
    const before = problems.length;
    const sure = number(at.confidence, "confidence");
    const reading: SentReading = {
      image: cell(at.image).normalize("NFC"),
      reader: cell(at.reader),
      condition: cell(at.condition).normalize("NFC"),
      label: cell(at.label) || null,
      confidence: sure === null ? null : sure / certain,
      rating: number(at.rating, "rating"),
      at: { file, line },
    };
    surest = Math.max(surest, sure ?? 0);
    if (problems.length === before) {
      const wrong = cells.some((value) => value.length > LONGEST)
        ? `Cannot use a field of more than ${LONGEST} characters`
        : wrongIn(reading) ?? wrongConfidence(sure, certain, HINTS[certain]);
      if (wrong) complain(wrong);
    }
    if (readings.push(reading) > MOST) {
      complain(
        `Cannot take more than ${MOST} readings at once: send them in several tables, by POST`,
      );
      return false;
    }
    return problems.length < maxProblems;
  });
  // Also of a table without rows.
  at ??= columnsOf(headers, file);
  if (readings.length === 0) problems.push({ file, message: "Cannot find a reading: no rows" });
  if (problems.length > 0) throw new InvalidInput(`Cannot read ${file}`, problems);
  const warnings: Problem[] = at.warnings.map((message) => ({ file, line: 1, message }));
  if (at.certain === 100 && surest > 0 && surest <= 1) {
    const message = `The column "${headers[at.confidence]}" says percent, and none of its values ` +
      `is above ${surest}: where they are shares, call it "confidence"`;
    warnings.push({ file, line: 1, message });
  }
  return { readings, warnings };
}

/** What makes a reading none, in a sentence. */
function wrongIn({ image, reader, label, confidence, rating }: SentReading): string | undefined {
  if (image === "") return "Cannot find the image's name";
  if (reader === "") return "Cannot find the reader's name";
  if (label === null && confidence !== null) {
    return `Cannot use confidence ${confidence} without the label that it is of; a suspicion of the ` +
      'positive class is a "rating"';
  }
  if (label === null && rating === null) return "Cannot find a label or a rating";
}

const HINTS = {
  1: 'of percent the column is called "confidence_percent", and a suspicion on a scale of its own is a "rating"',
  100: 'a suspicion on a scale of its own is a "rating"',
};

function wrongConfidence(
  sent: number | null | undefined,
  certain: 1 | 100,
  hint: string,
): string | undefined {
  if (sent === null || sent === undefined || (sent >= 0 && sent <= certain)) return;
  return `Cannot use confidence ${sent}: it must be 0 to ${certain}; ${hint}`;
}

/** Throws InvalidInput where the columns that are needed are not there. */
function columnsOf(headers: string[], file: string): ReadingColumns {
  const at = readingColumns(headers);
  const lacks = at.image < 0
    ? "the image"
    : at.reader < 0
    ? "the reader"
    : at.label < 0 && at.rating < 0
    ? "the label or rating"
    : undefined;
  if (lacks === undefined) return at;
  const found = headers.join(",").slice(0, 200);
  const message =
    `Cannot find all columns in "${found}": none names ${lacks}; needed are ${ACCEPTED}`;
  throw new InvalidInput(`Cannot read ${file}`, [{ file, line: 1, message }]);
}
