/**
 * EGD-CXR as PhysioNet publishes it: `master_sheet.csv`, `fixations.csv`, `eye_gaze.csv`; the pictures are MIMIC-CXR's
 * and stand anywhere, named by their `dicom_id`. The three classes of the master sheet are columns of 0 and 1; where
 * dataset.json names columns of it as `classes`, the set is multi-label with these.
 */
import { InvalidInput } from "@/lib/errors.ts";
import { readTable } from "../csv_table.ts";
import type { ImageLabel } from "../labels.ts";
import { type FindingColumn, findingOf, namedColumns, notBinary } from "../finding_columns.ts";
import { quoted } from "../label_columns.ts";
import { isMissing } from "../missing.ts";
import type { SaidFindings } from "../multi_label.ts";
import { nothingFits } from "./found.ts";
import {
  document,
  emptyPlan,
  isPicture,
  lastName,
  note,
  skip,
  takeCommon,
} from "./shared_parts.ts";
import type { Layout, Plan, Source } from "./layout.ts";

const sheet = /(^|\/)master_sheet\.csv$/i;
const gaze = /(^|\/)(fixations|eye_gaze)\.csv$/i;
/** Outlines of lungs, sound and transcripts. */
const unused = /(^|\/)(audio_segmentation_transcripts\/|bounding_boxes\.csv$|inclusion_exclusion)/i;
const classes = ["normal", "chf", "pneumonia"];
/** What one file of an archive may have. */
const MOST_GAZE_BYTES = 64 * 2 ** 20;

export const egd_cxr: Layout = {
  title: "EGD-CXR",
  published: true,
  detect: (names) =>
    names.some((name) => sheet.test(name)) && names.some((name) => gaze.test(name)),
  async plan(source) {
    const file = source.names.find((name) => sheet.test(name))!;
    const plan = emptyPlan(source.full(file));
    for (const name of source.names.toSorted()) {
      if (name === file || unused.test(name)) continue;
      if (isPicture(name)) plan.images.push({ name: lastName(name), path: name });
      else if (gaze.test(name)) takeGaze(plan, source, name);
      else if (await takeCommon(plan, source, name)) continue;
      else skip(plan, source, name, document.test(name) ? "a document" : "not a part of EGD-CXR");
    }
    if (plan.images.length === 0 && !source.adding) {
      throw nothingFits(source.names.map(source.full));
    }
    plan.labels = await readSheet(plan, source, file);
    return plan;
  },
};

function takeGaze(plan: Plan, source: Source, name: string): void {
  if (source.bytes(name) <= MOST_GAZE_BYTES) plan.gaze.push(name);
  else {
    const why =
      `more than ${MOST_GAZE_BYTES / 2 ** 20} MiB; divide it by images and send the parts ` +
      "with POST /v1/datasets/NAME/gaze, if the samples are wanted beside the fixations";
    skip(plan, source, name, why);
  }
}

async function readSheet(plan: Plan, source: Source, name: string): Promise<ImageLabel[]> {
  const file = source.full(name);
  const { headers, rows } = readTable(await source.read(name), file);
  const [patient, image] = [headers.indexOf("patient_id"), headers.indexOf("dicom_id")];
  const at = classes.map((header) => headers.indexOf(header));
  if (patient < 0 || image < 0 || at.some((column) => column < 0)) {
    const message = "Cannot find the columns patient_id, dicom_id, Normal, CHF and pneumonia";
    throw new InvalidInput(`Cannot read ${file}`, [{ file, line: 1, message }]);
  }
  const there = new Set(plan.images.map(({ name }) => name));
  const labels: ImageLabel[] = [];
  const findings = plan.description.classes && findingsIn(headers, plan.description.classes, file);
  plan.classes = plan.description.classes;
  let [absent, unclear] = [0, 0];
  for (const { line, cells } of rows) {
    if (!there.has(cells[image])) {
      absent++;
      continue;
    }
    if (findings) {
      labels.push({
        image: cells[image],
        line,
        findings: saidIn(cells, findings, { file, line }),
        patient: isMissing(cells[patient]) ? null : cells[patient],
      });
      continue;
    }
    const given = classes.filter((_, i) => Number(cells[at[i]]) === 1);
    if (given.length !== 1) unclear++;
    labels.push({
      image: cells[image],
      line,
      label: given.length === 1 ? given[0] : null,
      patient: isMissing(cells[patient]) ? null : cells[patient],
    });
  }
  if (unclear > 0) {
    note(
      plan,
      `${unclear} pictures have no label: not one of Normal, CHF and pneumonia is 1`,
      file,
    );
  }
  if (absent > 0) note(plan, `${absent} rows are of pictures that are not in the archive`, file);
  return labels;
}

/** @throws {InvalidInput} for a finding that the sheet has no column of */
function findingsIn(headers: string[], classes: string[], file: string): FindingColumn[] {
  const found = namedColumns(headers, classes);
  const missing = classes.filter((name) => !found.some((column) => column.name === name));
  if (missing.length === 0) return found;
  const message =
    `Cannot find the columns ${quoted(missing)} that dataset.json names as classes; there are ` +
    quoted(headers);
  throw new InvalidInput(`Cannot read ${file}`, [{ file, line: 1, message }]);
}

/** @throws {InvalidInput} for a cell that is neither 0 nor 1 */
function saidIn(
  cells: string[],
  findings: FindingColumn[],
  at: { file: string; line: number },
): SaidFindings {
  return Object.fromEntries(findings.map(({ index, name }) => {
    const value = findingOf(cells[index]);
    if (value === undefined) {
      throw new InvalidInput(`Cannot read ${at.file}`, [
        { ...at, message: notBinary(cells[index], name) },
      ]);
    }
    return [name, value];
  }));
}
