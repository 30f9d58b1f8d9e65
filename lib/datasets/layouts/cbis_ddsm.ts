/**
 * CBIS-DDSM as TCIA publishes it: `Mass-Training_P_00001_LEFT_CC/<study>/<series>/1-1.dcm`, with folders of the same
 * name and a number (`..._CC_1`) for crops and outlines, and `mass|calc_case_description_train|test_set.csv` with a row
 * for each abnormality; and the copy on Kaggle, `jpeg/<series>/1-x.jpg`, whose series stand in the tables' paths.
 */
import { InvalidInput } from "@/lib/errors.ts";
import { readTable } from "../csv_table.ts";
import { worstOf } from "../findings.ts";
import type { ImageLabel } from "../labels.ts";
import { emptyPlan, isPicture, note, skip, takeCommon } from "./shared_parts.ts";
import type { Layout, Plan, Source } from "./layout.ts";

const table = /(^|\/)(mass|calc)_case_description_(train|test)_set\.csv$/i;
const view = /^(?:Mass|Calc)-(Training|Test)_(P_\d+)_(?:LEFT|RIGHT)_(?:CC|MLO)(_\d+)?$/i;

export const cbis_ddsm: Layout = {
  title: "CBIS-DDSM",
  published: true,
  detect: (names) => names.some((name) => table.test(name)),
  async plan(source) {
    const plan = emptyPlan("case descriptions");
    const files = source.names.filter((name) => table.test(name));
    const { labels, series } = await readCases(source, files);
    const taken = new Set<string>();
    let parts = 0;
    for (const name of source.names.toSorted()) {
      if (files.includes(name) || await takeCommon(plan, source, name)) continue;
      if (!isPicture(name)) {
        skip(plan, source, name, "not a part of CBIS-DDSM that is used");
        continue;
      }
      const key = viewOf(name, series);
      if (key === undefined) parts++;
      else if (taken.has(key)) skip(plan, source, name, `"${key}" has a picture already`);
      else {
        taken.add(key);
        plan.images.push({ name: key, path: name });
      }
    }
    if (parts > 0) note(plan, `Skipped: ${parts} crops and outlines, or pictures of no case`);
    plan.description.positive_label ??= "malignant";
    plan.labels = [...labels.values()];
    keepPatientsApart(plan);
    return plan;
  },
};

/** The view that a picture is the whole mammogram of, undefined for its crops and outlines. */
function viewOf(name: string, series: Map<string, string>): string | undefined {
  const folders = name.split("/").slice(0, -1);
  const folder = folders.find((part) => view.test(part));
  if (folder) return view.exec(folder)![3] === undefined ? folder : undefined;
  return series.get(folders.at(-1) ?? "");
}

async function readCases(source: Source, files: string[]) {
  const labels = new Map<string, ImageLabel>();
  /** Series of whole mammograms to their view. */
  const series = new Map<string, string>();
  for (const name of files) {
    const file = source.full(name);
    const { headers, rows } = readTable(await source.read(name), file);
    const at = (header: string) => headers.indexOf(header);
    const [patient, pathology, path] = ["patient_id", "pathology", "image file path"].map(at);
    if (patient < 0 || pathology < 0 || path < 0) {
      const message = "Cannot find the columns patient_id, pathology and image file path";
      throw new InvalidInput(`Cannot read ${file}`, [{ file, line: 1, message }]);
    }
    for (const { line, cells } of rows) {
      const parts = cells[path].split("/");
      const image = parts[0];
      const found = view.exec(image);
      const label = worstOf([cells[pathology]])?.toLowerCase().replace(/_.*/, "");
      if (!found || !label) {
        const message = `Cannot use "${image}" with the pathology "${cells[pathology]}"`;
        throw new InvalidInput(`Cannot read ${file}`, [{ file, line, message }]);
      }
      if (parts.length > 2) series.set(parts.at(-2)!, image);
      const known = labels.get(image);
      // A view with several abnormalities is as bad as the worst.
      if (known) known.label = worstOf([known.label!, label]);
      else {
        const split = /train/i.test(found[1]) ? "train" : "test";
        labels.set(image, { image, line, file, label, patient: cells[patient], split });
      }
    }
  }
  return { labels, series };
}

/** Masses and calcifications were divided apart, so that some persons stand on both sides. */
function keepPatientsApart(plan: Plan): void {
  const sides = new Map<string, Set<string>>();
  for (const { patient, split } of plan.labels) {
    if (patient && split) sides.set(patient, (sides.get(patient) ?? new Set()).add(split));
  }
  const both = [...sides].filter(([, splits]) => splits.size > 1).map(([patient]) => patient);
  if (both.length === 0) return;
  for (const label of plan.labels) if (both.includes(label.patient!)) label.split = null;
  note(
    plan,
    `${both.length} patients stand on both sides of the published split (masses and calcifications were ` +
      `divided apart): their images have no split, e.g. ${both.slice(0, 3).join(", ")}`,
  );
}
