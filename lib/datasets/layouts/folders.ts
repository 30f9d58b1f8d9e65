/**
 * Any other archive with pictures: flat, in folders that are classes, splits or persons, or with tables of labels as
 * RSNA, VinDr and NIH publish them. What was made of it is told.
 */
import { withoutExtension } from "../image_names.ts";
import { classTree } from "./class_tree.ts";
import { nothingFits } from "./found.ts";
import {
  document,
  emptyPlan,
  isForeignPicture,
  isPicture,
  note,
  skip,
  takeCommon,
} from "./shared_parts.ts";
import { takeTexts } from "./tables.ts";
import type { Layout, Plan, Source } from "./layout.ts";
import { sniffImage } from "@/lib/images/sniff.ts";

/** Folders of outlines, which look like pictures. */
const outlines =
  /(^|\/)(masks?|segmentations?|annotations?|ground_?truths?|gt|rois?|contours?|overlays?)\//i;
/** BUSI and others put the outline beside its picture. */
const outline = /[_-](mask|seg|gt)([_-]\d+)?$/i;
/** Kaggle's set of knees has its test pictures twice. */
const again = /(^|\/)auto_test\//;

export const folders: Layout = {
  title: "pictures in folders, with tables of labels",
  detect: () => true,
  async plan(source) {
    const plan = emptyPlan(source.full("labels.csv"));
    const texts: string[] = [];
    const stems = new Set(source.names.filter(isPicture).map(withoutExtension));
    for (const name of source.names.toSorted()) {
      if (await takeCommon(plan, source, name)) continue;
      const stem = withoutExtension(name);
      if (isForeignPicture(name)) {
        skip(plan, source, name, "PNG, JPEG, PGM, PPM and DICOM are read, this format is not");
      } else if (document.test(name)) skip(plan, source, name, "a document");
      else if (!await isImage(source, name)) texts.push(name);
      else if (
        outlines.test(name) || (outline.test(stem) && stems.has(stem.replace(outline, "")))
      ) {
        skip(plan, source, name, "an outline, no picture of its own");
      } else if (again.test(name) && source.names.includes(name.replace(again, "$1test/"))) {
        skip(plan, source, name, "the same picture is under test/");
      } else plan.images.push({ name: stem, path: name });
    }
    if (plan.images.length === 0 && !source.adding) {
      throw nothingFits(source.names.map(source.full));
    }
    await takeTexts(plan, source, texts);
    takeFolders(plan);
    return plan;
  },
};

async function isImage(source: Source, name: string): Promise<boolean> {
  if (isPicture(name)) return true;
  // DICOM files often have no ending.
  const last = name.slice(name.lastIndexOf("/") + 1);
  return !/\.[a-z]\w*$/i.test(last) && sniffImage(await source.read(name)) !== undefined;
}

/** What the folders say, where tables do not. */
function takeFolders(plan: Plan): void {
  const tree = classTree(plan.images.map(({ path }) => path));
  const withFindings = plan.labels.some(({ findings }) => findings);
  const tabled = withFindings || plan.labels.some(({ label }) => label);
  const known = plan.labels.some(({ patient }) => patient);
  const divided = plan.labels.some(({ split }) => split);
  const used = { label: !tabled, patient: !known, split: !divided };
  for (const { role, message } of tree.notes) if (used[role]) note(plan, message);
  if (withFindings && tree.notes.some(({ role }) => role === "label")) {
    note(plan, "The folders were not taken for classes: the findings are those of the table");
  }
  if (tree.patientsKnown && !known) plan.patientsKnown = true;
  plan.splitByFolder = !divided;
  for (const image of plan.images) {
    const { label, patient, split } = tree.labels.get(image.path)!;
    const own = {
      label: tabled ? undefined : label,
      patient: known ? undefined : patient,
      split: divided ? undefined : split,
    };
    if (own.label || own.patient || own.split) plan.labels.push({ image: image.name, ...own });
  }
}
