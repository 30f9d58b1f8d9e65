/** `labels.csv`: `image,label[,patient][,split]`. */
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import { unescapeFormula } from "@/lib/csv.ts";
import { maxProblems, scanTable } from "./csv_table.ts";
import type { SplitName } from "@/lib/store/images.ts";

export interface ImageLabel {
  image: string;
  line: number;
  /** undefined where the table has no such column, null where the cell is empty. */
  label?: string | null;
  patient?: string | null;
  split?: SplitName | null;
}

const splitNames: Record<string, SplitName> = {
  train: "train",
  training: "train",
  val: "validation",
  valid: "validation",
  validation: "validation",
  test: "test",
};

const maxNameLength = 512;

/** Reads the table; throws InvalidInput with every bad line. */
export function readLabels(bytes: Uint8Array, file: string): ImageLabel[] {
  const labels: ImageLabel[] = [];
  scanLabels(bytes, file, (label) => labels.push(label) > 0);
  return labels;
}

/**
 * Reads the labels of images that are there, by `find`; a problem for each that is not. Never more is kept
 * than there are images: what is in the table twice is refused. Throws InvalidInput with every bad line.
 */
export function readKnownLabels(
  bytes: Uint8Array,
  file: string,
  find: (image: string) => unknown,
): { labels: ImageLabel[]; unknown: Problem[] } {
  const labels: ImageLabel[] = [];
  const unknown: Problem[] = [];
  scanLabels(bytes, file, (label) => {
    const { image, line } = label;
    if (find(image)) labels.push(label);
    else unknown.push({ file, line, message: `Cannot find image "${image}"` });
    return unknown.length < maxProblems;
  });
  return { labels, unknown };
}

/** Reads row by row; `onLabel` returns false when it has seen enough. */
function scanLabels(
  bytes: Uint8Array,
  file: string,
  onLabel: (label: ImageLabel) => boolean,
): void {
  const problems: Problem[] = [];
  const lines = new Map<string, number>();
  let at: Columns | undefined;
  const headers = scanTable(bytes, file, ({ line, cells }, found) => {
    at ??= columnsOf(found, file);
    const cell = (index: number) => index < 0 ? undefined : unescapeFormula(cells[index]) || null;
    const image = unescapeFormula(cells[at.image]).normalize("NFC");
    const complain = (message: string) => problems.push({ file, line, message });
    const splitCell = cell(at.split)?.toLowerCase();
    const split = splitCell ? splitNames[splitCell] : null;
    if (image === "") complain("Cannot find the image's name");
    else if (cells.some((value) => value.length > maxNameLength)) {
      complain(`Cannot use a field of more than ${maxNameLength} characters`);
    } else if (lines.has(image)) {
      complain(`Cannot label "${image}" twice, line ${lines.get(image)} did`);
    } else if (splitCell && !split) {
      complain(`Cannot use split "${splitCell}": it must be train, validation or test`);
    }
    lines.set(image, line);
    const more = onLabel({
      image,
      line,
      label: cell(at.label),
      patient: cell(at.patient),
      split: at.split < 0 ? undefined : split,
    });
    return more && problems.length < maxProblems;
  });
  // Also of a table without rows.
  columnsOf(headers, file);
  if (problems.length > 0) throw new InvalidInput(`Cannot read ${file}`, problems);
}

type Columns = Record<"image" | "label" | "patient" | "split", number>;

/** Throws InvalidInput where the columns that are needed are not there. */
function columnsOf(headers: string[], file: string): Columns {
  const column = (name: string) => headers.indexOf(name);
  const at = {
    image: column("image"),
    label: column("label"),
    patient: column("patient"),
    split: column("split"),
  };
  if (at.image >= 0 && (at.label >= 0 || at.patient >= 0 || at.split >= 0)) return at;
  const found = headers.join(",").slice(0, 200);
  const message = `Cannot find the columns image and label in "${found}"`;
  throw new InvalidInput(`Cannot read ${file}`, [{ file, line: 1, message }]);
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
