/**
 * INbreast as it is published: `AllDICOMs/<number>_<patient>_MG_<L|R>_<CC|ML>_ANON.dcm` and
 * `INbreast.csv` (semicolons). The number is the image's id. BI-RADS 1 is normal, 2 and 3 benign, 4
 * to 6 malignant, unless `birads` in dataset.json says otherwise. Gaze lies under gaze/. Copies of it hold the table
 * as an old Excel file only, which is not read: the pictures come without labels, and the report says what to do.
 */
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import type { ImageLabel } from "../labels.ts";
import { emptyPlan, note, skip, takeCommon } from "./shared_parts.ts";
import type { Layout, Plan } from "./layout.ts";
import { readTable } from "../csv_table.ts";

const picture = /^AllDICOMs\/(\d+)_([0-9a-f]+)_[^/]*\.dcm$/i;
const table = /^INbreast\.csv$/i;
const workbook = /^INbreast\.xlsx?$/i;

/** Contours and reports, of which nothing is needed. */
const unused = /^(AllXML|AllROI|AllOverlays|PectoralMuscle|MedicalReports)\//i;

const labelOf: Record<string, string> = {
  1: "normal",
  2: "benign",
  3: "benign",
  4: "malignant",
  5: "malignant",
  6: "malignant",
};

export const inbreast: Layout = {
  title: "INbreast",
  published: true,
  detect: (names) => names.some((name) => picture.test(name)),
  async plan(source) {
    const { names, read, full } = source;
    const file = names.find((name) => table.test(name));
    const excel = names.find((name) => workbook.test(name));
    const plan = emptyPlan(full(file ?? "INbreast.csv"));
    plan.patientsKnown = true;
    const patients = new Map<string, string>();
    for (const name of names.toSorted()) {
      const found = picture.exec(name);
      if (found) {
        const [, number, patient] = found;
        plan.images.push({ name: number, path: name });
        patients.set(number, patient);
      } else if (
        name !== file && name !== excel && !unused.test(name) &&
        !(await takeCommon(plan, source, name))
      ) {
        skip(plan, source, name, "not a part of INbreast");
      }
    }
    plan.description.positive_label ??= "malignant";
    if (file) {
      const mapping = { ...labelOf, ...plan.description.birads };
      plan.labels = readBirads(await read(file), full(file), mapping);
    } else noTable(plan, excel && full(excel));
    const labelled = new Set(plan.labels.map(({ image }) => image));
    for (const image of patients.keys()) {
      if (!labelled.has(image)) plan.labels.push({ image });
    }
    for (const label of plan.labels) label.patient = patients.get(label.image) ?? null;
    return plan;
  },
};

function noTable(plan: Plan, excel?: string): void {
  const what = excel
    ? "an old Excel table is not read: open it, save it as CSV under the name INbreast.csv"
    : "there is no INbreast.csv with the columns File Name and Bi-Rads";
  note(plan, `No image has a label: ${what}, put it beside AllDICOMs/ and upload again`, excel);
}

/** Throws InvalidInput with every line that does not name a picture and a category. */
function readBirads(
  bytes: Uint8Array,
  file: string,
  mapping: Record<string, string>,
): ImageLabel[] {
  const { headers, rows } = readTable(bytes, file);
  const [name, category] = [headers.indexOf("file name"), headers.indexOf("bi-rads")];
  if (name < 0 || category < 0) {
    const message = "Cannot find the columns File Name and Bi-Rads";
    throw new InvalidInput(`Cannot read ${file}`, [{ file, line: 1, message }]);
  }
  const problems: Problem[] = [];
  const labels: ImageLabel[] = [];
  for (const { line, cells } of rows) {
    const number = /^\d+/.exec(cells[name])?.[0];
    const digit = /^[0-6](?=[a-c]?$)/i.exec(cells[category])?.[0];
    if (!number || !digit) {
      const message = `Cannot use file name "${cells[name]}" with BI-RADS "${cells[category]}"`;
      problems.push({ file, line, message });
    } else labels.push({ image: number, line, label: mapping[digit] ?? null });
  }
  if (problems.length > 0) throw new InvalidInput(`Cannot read ${file}`, problems.slice(0, 100));
  return labels;
}
