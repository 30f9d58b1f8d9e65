/** `labels.csv`: `image,label[,patient][,split]`, and published tables that say the same in other words. */
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import { unescapeFormula } from "@/lib/csv.ts";
import { maxProblems, scanTable } from "./csv_table.ts";
import { classOfFindings } from "./findings.ts";
import { FindingTable } from "./finding_table.ts";
import { ACCEPTED, type LabelColumns } from "./label_columns.ts";
import { isMissing, isNobody } from "./missing.ts";
import type { SaidFindings } from "./multi_label.ts";
import type { SplitName } from "@/lib/store/images.ts";

export interface ImageLabel {
  image: string;
  /** Of the table; undefined for what folders say. */
  line?: number;
  /** The table it stands in, where there are several. */
  file?: string;
  /** undefined where the table has no such column, null where the cell is empty. */
  label?: string | null;
  /** Of a multi-label table; undefined for a finding that it has no column of, null where the cell is empty. */
  findings?: SaidFindings;
  patient?: string | null;
  split?: SplitName | null;
}

export interface LabelTable {
  /** One for each image, in the order of the table. */
  labels: ImageLabel[];
  /** The headers of the columns that were used. */
  columns: Partial<Record<keyof Pick<ImageLabel, "image" | "label" | "patient" | "split">, string>>;
  /** The findings, of a multi-label table. */
  classes?: string[];
  /** What the user should know of how it was read. */
  warnings: Problem[];
}

const splitNames: Record<string, SplitName> = {
  train: "train",
  training: "train",
  val: "validation",
  valid: "validation",
  validate: "validation",
  validation: "validation",
  test: "test",
  testing: "test",
};

/** The split that a word means, in whatever case. */
export const splitOf = (word: string): SplitName | undefined =>
  Object.hasOwn(splitNames, word.toLowerCase()) ? splitNames[word.toLowerCase()] : undefined;

const maxNameLength = 512;

export interface LabelsOptions {
  /** The findings of the set, where it is known to be multi-label. */
  classes?: string[];
}

/** Reads the table; throws InvalidInput with every bad line. */
export function readLabels(
  bytes: Uint8Array,
  file: string,
  options: LabelsOptions = {},
): LabelTable {
  return scanLabels(bytes, file, () => true, options);
}

/**
 * Reads the labels of images that are there, by `find`; a problem for each that is not. Never more is kept
 * than there are images. Throws InvalidInput with every bad line.
 */
export function readKnownLabels(
  bytes: Uint8Array,
  file: string,
  find: (image: string) => unknown,
  options: LabelsOptions = {},
): LabelTable & { unknown: Problem[] } {
  const unknown: Problem[] = [];
  const table = scanLabels(bytes, file, (image, line) => {
    if (find(image)) return true;
    unknown.push({ file, line, message: `Cannot find image "${image}"` });
    return unknown.length < maxProblems ? false : "enough";
  }, options);
  return { ...table, unknown };
}

/** Reads row by row; `wanted` says of an image whether its row is kept, or that enough was seen. */
function scanLabels(
  bytes: Uint8Array,
  file: string,
  wanted: (image: string, line: number) => boolean | "enough",
  options: LabelsOptions,
): LabelTable {
  const problems: Problem[] = [];
  const byImage = new Map<string, ImageLabel>();
  /** Classes of images that several rows name differently. */
  const classes = new Map<string, Set<string>>();
  let opened: { at: LabelColumns; findings: FindingTable } | undefined;
  const headers = scanTable(bytes, file, ({ line, cells }, found, written) => {
    opened ??= openTable(found, written, { ...options, file });
    const { at, findings } = opened;
    const row: ImageLabel = rowOf(cells, at, line);
    const complain = (message: string) => problems.push({ file, line, message });
    const splitCell = at.split < 0 ? "" : cells[at.split];
    if (row.image === "") complain("Cannot find the image's name");
    else if (cells.some((value) => value.length > maxNameLength)) {
      complain(`Cannot use a field of more than ${maxNameLength} characters`);
    } else if (row.split === null && !isMissing(splitCell)) {
      complain(`Cannot use split "${splitCell}": it must be train, validation or test`);
    } else {
      const kept = wanted(row.image, line);
      if (kept === "enough") return false;
      const known = byImage.get(row.image);
      // In a table whose column is called as here, a second class is a mistake.
      const several = found[at.label] === "label" ? undefined : classes;
      const wrong = kept ? findings.read(row.image, cells, line) : [];
      wrong.forEach(complain);
      if (kept && !known) byImage.set(row.image, row);
      else if (known && !mergeRow(known, row, several)) {
        complain(`Cannot label "${row.image}" twice, line ${known.line} did`);
      }
    }
    return problems.length < maxProblems;
  });
  // Also of a table without rows.
  const { at, findings } = opened ?? openTable(headers, headers, { ...options, file });
  if (problems.length > 0) throw new InvalidInput(`Cannot read ${file}`, problems);
  const labels = [...byImage.values()];
  const multi = findings.finish(labels, classes);
  const spoilt = multi ? [] : findings.spoilt();
  if (!multi) assertSaysSomething(headers, at, file, spoilt);
  const warnings: Problem[] = [...multi?.header ?? at.warnings]
    .map((message) => ({ file, line: 1, message }));
  warnings.push(...(multi?.warnings ?? spoilt).map((message) => ({ file, message })));
  if (!multi && classes.size > 0) {
    warnings.push({ file, message: classOfFindings(labels, classes) });
  }
  if (!multi) {
    const several = labels.find(({ label }) => label && label.includes("|"));
    if (several) {
      const message =
        `"${several.label}" was taken for a class of its own; where it names several findings, call ` +
        "the column labels, or name the findings as classes in dataset.json";
      warnings.push({ file, line: several.line, message });
    }
  }
  const name = (index: number) => index < 0 ? undefined : headers[index];
  const columns = {
    image: name(at.image),
    label: multi ? undefined : name(at.label),
    patient: name(at.patient),
    split: name(at.split),
  };
  return { labels, columns, warnings, ...(multi && { classes: multi.classes }) };
}

/** What the columns mean. @throws {InvalidInput} where none is the image */
function openTable(
  headers: string[],
  written: string[],
  { classes, file }: LabelsOptions & { file: string },
): { at: LabelColumns; findings: FindingTable } {
  const findings = new FindingTable(headers, written, classes, file);
  const { at } = findings;
  if (at.image < 0) assertSaysSomething(headers, at, file);
  return { at, findings };
}

function rowOf(cells: string[], at: LabelColumns, line: number): ImageLabel {
  const cell = (index: number, none: (cell: string) => boolean = isMissing) => {
    if (index < 0) return undefined;
    const value = unescapeFormula(cells[index]);
    return none(value) ? null : value;
  };
  const split = cell(at.split);
  return {
    image: cell(at.image)?.normalize("NFC") ?? "",
    line,
    label: cell(at.label),
    patient: cell(at.patient, isNobody),
    split: split ? splitOf(split) ?? null : split as null | undefined,
  };
}

/** Adds a further row of an image; false where it contradicts. */
function mergeRow(
  known: ImageLabel,
  row: ImageLabel,
  findings?: Map<string, Set<string>>,
): boolean {
  const differs = (field: "label" | "patient" | "split") =>
    row[field] && known[field] && row[field] !== known[field];
  if (differs("patient") || differs("split") || (differs("label") && !findings)) return false;
  if (differs("label")) {
    const classes = findings!.get(known.image);
    if (classes) classes.add(row.label!);
    else findings!.set(known.image, new Set([known.label!, row.label!]));
  }
  known.label ??= row.label;
  known.patient ??= row.patient;
  known.split ??= row.split;
  return true;
}

/** @throws {InvalidInput} where the columns that are needed are not there */
function assertSaysSomething(
  headers: string[],
  at: LabelColumns,
  file: string,
  spoilt: string[] = [],
): void {
  if (at.image >= 0 && (at.label >= 0 || at.patient >= 0 || at.split >= 0)) return;
  const found = headers.join(",").slice(0, 200);
  const lacks = at.image < 0
    ? "the image"
    : "its label, patient or split, and no two others hold findings (0, 1, true, false or nothing)";
  const message =
    `Cannot find the columns image and label in "${found}": none names ${lacks}; ${ACCEPTED}`;
  const near = spoilt.map((text) => ({ file, message: text }));
  throw new InvalidInput(`Cannot read ${file}`, [{ file, line: 1, message }, ...near]);
}

/** Why a row is refused whose image an earlier row of its table called otherwise. */
export function twoNames(image: string, first: Pick<ImageLabel, "image" | "line">): string {
  return `Cannot use "${image}": it is the image that line ${first.line} calls "${first.image}"; ` +
    "name it in one way, and keep one of the two where they differ";
}

/** Complains of every patient whose images stand on two sides of the given split. */
export function checkSplits(
  images: { patient: string | null; split: SplitName | null; line?: number }[],
  file: string,
): Problem[] {
  const sides = new Map<string, SplitName>();
  const problems: Problem[] = [];
  for (const { patient, split, line } of images) {
    if (patient === null || split === null) continue;
    const side = sides.get(patient);
    if (side === undefined) sides.set(patient, split);
    else if (side !== split && problems.length < maxProblems) {
      const message = `Cannot put patient "${patient}" into both ${side} and ${split}`;
      problems.push({ file, line, message });
    }
  }
  return problems;
}
