/**
 * REFLACX as PhysioNet publishes it: `main_data/metadata_phase_1.csv` (2, 3), `main_data/<reading>/fixations.csv`,
 * `gaze_data/<reading>/gaze.csv`; the pictures are MIMIC-CXR's and stand anywhere, named by their `dicom_id`. Its
 * labels are certainties of many findings, no classes: patient and split are taken.
 */
import { InvalidInput } from "@/lib/errors.ts";
import { readTable } from "../csv_table.ts";
import { type ImageLabel, splitOf } from "../labels.ts";
import { isMissing } from "../missing.ts";
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
import type { Layout, Source } from "./layout.ts";
import { isCompanion, recognise } from "@/lib/gaze/formats/mod.ts";

const metadata = /(^|\/)metadata_phase_\d+\.csv$/i;
const reading = /([^/]+)\/(?:fixations|gaze)\.csv$/i;

export const reflacx: Layout = {
  title: "REFLACX",
  published: true,
  detect: (names) => names.some((name) => metadata.test(name)),
  async plan(source) {
    const files = source.names.filter((name) => metadata.test(name)).toSorted();
    const plan = emptyPlan(source.full(files[0]));
    const { labels, discarded } = await readMetadata(source, files);
    let left = 0;
    for (const name of source.names.toSorted()) {
      if (files.includes(name) || isCompanion(name, source.names)) continue;
      if (isPicture(name)) plan.images.push({ name: lastName(name), path: name });
      else if (discarded.has(reading.exec(name)?.[1] ?? "")) left++;
      else if (reading.test(name) && await isGaze(source, name)) plan.gaze.push(name);
      else if (await takeCommon(plan, source, name)) continue;
      else skip(plan, source, name, document.test(name) ? "a document" : "not used of REFLACX");
    }
    if (plan.images.length === 0 && !source.adding) {
      throw nothingFits(source.names.map(source.full));
    }
    const there = new Set(plan.images.map(({ name }) => name));
    plan.labels = [...labels.values()].filter(({ image }) => there.has(image));
    const absent = labels.size - plan.labels.length;
    if (absent > 0) note(plan, `${absent} pictures of the metadata are not in the archive`);
    if (left > 0) note(plan, `Skipped: gaze of ${left} files that the metadata call discarded`);
    note(
      plan,
      "No image has a label: REFLACX has certainties of many findings by several readers. Send what is to count as " +
        "present and absent with POST /v1/datasets/NAME/labels: a column of 0 and 1 for each finding, empty where it " +
        "is not known, or a column label for one class an image",
    );
    return plan;
  },
};

async function isGaze(source: Source, name: string): Promise<boolean> {
  return await recognise(await source.read(name), { file: source.full(name) }) !== undefined;
}

async function readMetadata(source: Source, files: string[]) {
  const labels = new Map<string, ImageLabel>();
  /** Readings without usable gaze. */
  const discarded = new Set<string>();
  for (const name of files) {
    const file = source.full(name);
    const { headers, rows } = readTable(await source.read(name), file);
    const [id, image, patient, split, bad] = [
      "id",
      "dicom_id",
      "subject_id",
      "split",
      "eye_tracking_data_discarded",
    ].map((header) => headers.indexOf(header));
    if (id < 0 || image < 0 || patient < 0) {
      const message = "Cannot find the columns id, dicom_id and subject_id";
      throw new InvalidInput(`Cannot read ${file}`, [{ file, line: 1, message }]);
    }
    for (const { line, cells } of rows) {
      if (bad >= 0 && /^true$/i.test(cells[bad])) discarded.add(cells[id]);
      // Several readings of one picture say the same of it.
      if (labels.has(cells[image])) continue;
      labels.set(cells[image], {
        image: cells[image],
        line,
        file,
        patient: isMissing(cells[patient]) ? null : cells[patient],
        split: split < 0 ? undefined : splitOf(cells[split]) ?? null,
      });
    }
  }
  return { labels, discarded };
}
