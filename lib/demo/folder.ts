/** Reads a user's folder (pictures and `fixations.csv`) into a set for the demo. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "csv-parse/sync";
import { type DemoImage, type DemoSet, stem } from "./archive.ts";

type Row = Record<string, string>;

const MOST_CLASSES = 10;

/**
 * Pictures (PNG, JPEG, DICOM) are found in the folder and up to two levels below; gaze is
 * `fixations.csv`, taken as it is. Labels come, in this order, from
 * - `--label COLUMN`: a column of `labels.csv` or else of `fixations.csv`. Texts: an image's most frequent
 *   value. Numbers with many values: the image's median, split at the median over images into `low` and
 *   `high`;
 * - the column `label` of `labels.csv`;
 * - nothing of the kind: the spread of an image's fixations, split at the median into `concentrated` and
 *   `scattered`. Such a label is made of gaze, so that gaze predicts it by construction: good for seeing the
 *   parts work together, and no finding.
 * @throws {Error} naming what is missing
 */
export function readFolder(folder: string, options: { label?: string } = {}): DemoSet {
  if (!existsSync(folder)) throw new Error(`Cannot read ${folder}: there is no such folder`);
  const table = join(folder, "fixations.csv");
  if (!existsSync(table)) throw new Error(`Cannot read ${folder}: it has no fixations.csv`);
  const text = readFileSync(table, "utf8");
  const fixations = readCsv(text, table);
  const labels = join(folder, "labels.csv");
  const labelRows = existsSync(labels) ? readCsv(readFileSync(labels, "utf8"), labels) : [];
  const seen = new Set(fixations.map((row) => stem(row.image)));
  const pictures = findPictures(folder, 2).filter((path) => seen.has(stem(basename(path))));
  if (pictures.length === 0) {
    throw new Error(`Cannot read ${folder}: no PNG, JPEG or DICOM file named in fixations.csv`);
  }
  const ids = pictures.map((path) => stem(basename(path)));
  const labelOf = chooseLabels(ids, fixations, labelRows, options.label);
  const images: DemoImage[] = pictures.map((path) => ({
    name: basename(path),
    file: readFileSync(path),
    label: labelOf.get(stem(basename(path)))!,
    patient: labelRows.find((row) => stem(row.image) === stem(basename(path)))?.patient,
  }));
  return {
    images,
    gaze: [{ name: "fixations.csv", text }],
    positiveLabel: rarest([...labelOf.values()]),
    structured: false,
  };
}

function readCsv(text: string, path: string): Row[] {
  const rows = parse(text, { columns: true, bom: true, skip_empty_lines: true }) as Row[];
  if (rows.length === 0 || rows[0].image === undefined) {
    throw new Error(`Cannot read ${path}: a column "image" is needed`);
  }
  return rows;
}

function findPictures(folder: string, levels: number): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return levels > 0 ? findPictures(path, levels - 1) : [];
    return entry.isFile() && /\.(png|jpe?g|dcm)$/i.test(entry.name) ? [path] : [];
  }).sort();
}

function chooseLabels(ids: string[], fixations: Row[], given: Row[], column?: string) {
  if (column === undefined && given[0]?.label === undefined) {
    return halves(ids, new Map(ids.map((id) => [id, spread(rowsOf(fixations, id))])), [
      "concentrated",
      "scattered",
    ]);
  }
  const name = column ?? "label";
  const source = given[0]?.[name] !== undefined ? given : fixations;
  if (source[0]?.[name] === undefined) {
    throw new Error(
      `Cannot label by "${name}": the columns are ${Object.keys(fixations[0]).join(", ")}`,
    );
  }
  const values = new Map(ids.map((id) => [id, rowsOf(source, id).map((row) => row[name])]));
  const all = new Set([...values.values()].flat());
  const numbers = [...all].every((value) => value !== "" && Number.isFinite(Number(value)));
  if (numbers && all.size > MOST_CLASSES) {
    return halves(ids, new Map(ids.map((id) => [id, median(values.get(id)!.map(Number))])), [
      "low",
      "high",
    ]);
  }
  const labels = new Map(ids.map((id) => [id, mostFrequent(values.get(id)!)]));
  const classes = new Set(labels.values()).size;
  if (classes < 2 || classes > MOST_CLASSES) {
    throw new Error(
      `Cannot label by "${name}": it makes ${classes} classes, 2 to ${MOST_CLASSES} allowed`,
    );
  }
  return labels;
}

function rowsOf(rows: Row[], id: string): Row[] {
  return rows.filter((row) => stem(row.image) === id);
}

/** Below the median of all images, or not. */
function halves(ids: string[], values: Map<string, number>, [low, high]: [string, string]) {
  const cut = median([...values.values()]);
  return new Map(ids.map((id) => [id, values.get(id)! < cut ? low : high]));
}

/** Root mean square distance of fixations from their centre, px. */
function spread(rows: Row[]): number {
  const points = rows.map((row) => [Number(row.x_px ?? row.x), Number(row.y_px ?? row.y)]);
  const mean = (axis: number) =>
    points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const squares = points.reduce((sum, point) => sum + (point[0] - x) ** 2 + (point[1] - y) ** 2, 0);
  return Math.sqrt(squares / points.length);
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function mostFrequent(values: string[]): string {
  const counts = Map.groupBy(values, (value) => value);
  return [...counts].sort((a, b) => b[1].length - a[1].length)[0][0];
}

function rarest(values: string[]): string {
  const counts = Map.groupBy(values, (value) => value);
  return [...counts].sort((a, b) => a[1].length - b[1].length || (a[0] < b[0] ? 1 : -1))[0][0];
}
