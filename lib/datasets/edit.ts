/** Changes to a data set that exists. Each is whole or not at all, and refused while a job reads it. */
import { z } from "zod";
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import { assertFindings } from "./description.ts";
import { findImage } from "./find_image.ts";
import { change, changeable, sameNames } from "./mutation.ts";
import { beginDataset, filesOfImage, filesOfImages } from "./write_content.ts";
import { ImageNames, withoutExtension } from "./image_names.ts";
import { findingsOf, mergedFindings } from "./multi_label.ts";
import { notAClassWarning, positiveMissing } from "./positive_label.ts";
import { labelsAlike, patientsMissing, quoted } from "./label_columns.ts";
import { imagesNamed } from "./images_named.ts";
import { checkSplits, type LabelTable, readKnownLabels, readLabels, twoNames } from "./labels.ts";
import { putLabelsInThread, removeRowsInThread } from "./edit_thread.ts";
import { datasetName, imageName } from "./name.ts";
import { type StoredPicture, type StoreOptions, storePicture, storing } from "./picture.ts";
import { clearPixels } from "./pixel_cache.ts";
import { dicomName, HASHED, patientName } from "./pseudonym.ts";
import { keepReport } from "./report.ts";
import { forgetImports } from "./upload_import.ts";
import { problemSchema } from "@/lib/problems.ts";
import { Turns } from "@/lib/turns.ts";
import {
  type DatasetRow,
  type ImageRow,
  type NameMode,
  newId,
  type Store,
} from "@/lib/store/mod.ts";

/**
 * Adds or replaces one image (its name is taken without a picture's file ending); a replaced one keeps label, patient
 * and split, and its gaze if the size is the same. A data set that is not there begins with it. Throws Conflict,
 * InvalidInput.
 */
export async function putImage(
  store: Store,
  dataset: string,
  image: string,
  bytes: Uint8Array<ArrayBuffer>,
  { names, ...options }: StoreOptions & { names?: NameMode } = {},
): Promise<{ image: ImageRow; created: boolean; notes: string[] }> {
  const known = await store.datasets.findByName(dataset);
  if (known) sameNames(await changeable(store, dataset), names);
  else dataset = datasetName(dataset);
  const sent = imageName(withoutExtension(image));
  const { picture, notes } = await storePicture(bytes, store.files, options);
  const old: string[] = [];
  const begin = async () =>
    known ?? await store.datasets.findByName(dataset) ??
      await beginDataset(store, dataset, names ?? "hash");
  const put = async (row: DatasetRow) => {
    sameNames(row, names);
    const name = await nameOf(store, row, sent, picture);
    return await place(store, { dataset_id: row.id, name, picture }, old);
  };
  const result = await storing.pass(() => change(store, dataset, [picture.file], put, begin));
  await store.collectGarbage(old);
  if (old.length > 0) await clearPixels(store, result.image.dataset_id);
  if (result.created && result.image.name !== sent) notes.push(HASHED);
  return { ...result, notes };
}

/** What an image that is sent under a name is called: as it is known already, a new DICOM file's after a hash. */
async function nameOf(
  store: Store,
  set: DatasetRow,
  sent: string,
  { format }: StoredPicture,
): Promise<string> {
  const known = await findImage(store, set.id, sent);
  if (known) return known.name;
  return format === "dicom" && set.names === "hash" ? dicomName(store, sent) : sent;
}

/** Puts the row of a picture in, in the place of one of the same name; `old` gets files that it may have freed. */
export async function place(
  store: Store,
  { dataset_id, name, picture }: { dataset_id: string; name: string; picture: StoredPicture },
  old: string[],
): Promise<{ image: ImageRow; created: boolean }> {
  const known = await store.images.findByName(dataset_id, name);
  if (known && known.width === picture.width && known.height === picture.height) {
    old.push(known.file);
    await store.images.update(known.id, picture);
    return { image: { ...known, ...picture }, created: false };
  }
  const row: ImageRow = {
    id: newId("im"),
    dataset_id,
    name,
    label: known?.label ?? null,
    findings: known?.findings ?? null,
    patient: known?.patient ?? null,
    split: known?.split ?? null,
    ...picture,
  };
  if (known) {
    old.push(...await filesOfImage(store, known));
    await store.images.remove(known.id);
  }
  return { image: await store.images.insert(row), created: !known };
}

/** Patients whose images are read at a time: what a statement may hold is bounded. */
const PATIENTS_AT_ONCE = 500;

export const labelsReportSchema = z.object({
  labels: z.number().describe("Images named"),
  warnings: z.array(problemSchema),
}).meta({ id: "LabelsReport" });
export type LabelsReport = z.output<typeof labelsReportSchema>;

/** Tables that take less time than a thread takes to start, bytes, and sets that can be looked through meanwhile. */
const SMALL = 2 ** 15;
const FEW_IMAGES = 500;

/**
 * Sets labels, patients and splits by a CSV; columns that it lacks stay as they are. Throws
 * NotFound, Conflict, Overloaded, and InvalidInput, also for images that do not exist; the bytes of a large table are
 * gone afterwards.
 */
export async function putLabels(
  store: Store,
  dataset: string,
  bytes: Uint8Array<ArrayBuffer>,
  file = "labels.csv",
): Promise<LabelsReport> {
  const known = await changeable(store, dataset);
  const here = bytes.length <= SMALL && (
    await store.images.count([["dataset_id = ?", known.id]]) <= FEW_IMAGES ||
    await readNamed(store, known, bytes, file) !== undefined
  );
  if (here) return await putLabelsHere(store, dataset, bytes, file);
  return await putLabelsInThread<LabelsReport>(store, dataset, bytes, file);
}

/** The same in this thread. */
export async function putLabelsHere(
  store: Store,
  dataset: string,
  bytes: Uint8Array<ArrayBuffer>,
  file: string,
): Promise<LabelsReport> {
  const known = await changeable(store, dataset);
  const read = await readKnown(store, known, bytes, file);
  const { labels, unknown, warnings } = read;
  return await change(store, dataset, [], async (row) => {
    const { id, names: mode, positive_label } = row;
    const classes = await classesAfter(store, row, read, file);
    const named = await imagesNamed(store, id, labels.map(({ image }) => image));
    const names = new ImageNames(named ?? await store.images.all(id), { keyed: store });
    const lines = new Map<string, { image: string; line?: number }>();
    const patients = new Set<string>();
    const problems: Problem[] = [...unknown];
    const turns = new Turns();
    for (const { image, line, label, findings, patient, split } of labels) {
      const known = names.findInFolder(image);
      if (!known) problems.push({ file, line, message: `Cannot find image "${image}"` });
      else {
        const first = lines.get(known.id);
        if (first) problems.push({ file, line, message: twoNames(image, first) });
        lines.set(known.id, { image, line });
        const kept = patient && mode === "hash" ? patientName(store, patient) : patient;
        const now = kept === undefined ? known.patient : kept;
        if (now !== null) patients.add(now);
        await store.images.update(known.id, {
          ...(label === undefined ? {} : { label }),
          ...(findings === undefined ? {} : { findings: mergedFindings(known.findings, findings) }),
          ...(patient === undefined ? {} : { patient: kept }),
          ...(split === undefined ? {} : { split }),
        });
      }
      await turns.give();
    }
    const told = [];
    const persons = [...patients];
    for (let from = 0; from < persons.length; from += PATIENTS_AT_ONCE) {
      const part = persons.slice(from, from + PATIENTS_AT_ONCE);
      for (const image of await store.images.ofPatients(id, part)) {
        told.push({ ...image, line: lines.get(image.id)?.line });
      }
      await turns.give();
    }
    problems.push(...checkSplits(told, file));
    if (problems.length > 0) throw new InvalidInput(`Cannot use ${file}`, problems.slice(0, 100));
    const missing = patientsMissing(await store.images.patientCounts(id), warnings);
    if (missing) warnings.push({ file, message: missing });
    const counted = Array.from((await store.images.labels(id)).keys(), (label) => ({ label }));
    const alike = labelsAlike([...counted, ...(classes ?? []).map((label) => ({ label }))]);
    if (alike) warnings.push({ file, message: alike });
    const positive = classes === null ? positiveMissing(positive_label, counted) : undefined;
    if (positive) warnings.push({ message: positive });
    if (classes !== null && positive_label !== null && !classes.includes(positive_label)) {
      warnings.push({ message: notAClassWarning(positive_label, classes) });
    }
    const report = { labels: labels.length, warnings };
    await keepReport(store, dataset, "labels", report);
    return report;
  });
}

/**
 * The findings of the set once the table is in; null where it is one of one label an image. A set without any label
 * becomes multi-label by its first table. Throws InvalidInput for a table of the other kind.
 */
async function classesAfter(
  store: Store,
  { id, name, meta }: DatasetRow,
  { classes }: LabelTable,
  file: string,
): Promise<string[] | null> {
  const there = findingsOf({ meta });
  if (there !== null || classes === undefined) return there;
  assertFindings(classes, file);
  const labels = [...(await store.images.labels(id)).keys()].filter((label) => label !== null);
  if (labels.length > 0) {
    const message =
      `Cannot use findings (${
        quoted(classes)
      }): dataset "${name}" has one label an image, such as ` +
      `"${labels[0]}". Send a column label, or import the set anew with a column for each finding`;
    throw new InvalidInput(`Cannot use ${file}`, [{ file, line: 1, message }]);
  }
  const readings = await store.readings.countOf(id);
  if (readings > 0) {
    const message =
      `Cannot use findings (${
        quoted(classes)
      }): dataset "${name}" has ${readings} readings, which are one ` +
      "class an image each; delete them first";
    throw new InvalidInput(`Cannot use ${file}`, [{ file, line: 1, message }]);
  }
  await store.datasets.update(id, { meta: { ...meta, classes } });
  return classes;
}

/** Reads a table of labels; of a small one that names images wholly, only these are looked at. */
async function readKnown(
  store: Store,
  dataset: DatasetRow,
  bytes: Uint8Array<ArrayBuffer>,
  file: string,
): Promise<LabelTable & { unknown: Problem[] }> {
  const table = bytes.length <= SMALL ? await readNamed(store, dataset, bytes, file) : undefined;
  if (table) return { ...table, unknown: [] };
  const images = (await store.images.all(dataset.id)).map(({ name }) => ({ name }));
  const names = new ImageNames(images, { keyed: store });
  const classes = findingsOf(dataset) ?? undefined;
  return readKnownLabels(bytes, file, (image) => names.findInFolder(image), { classes });
}

/** A table that is sound and names images wholly; undefined for any other. */
async function readNamed(
  store: Store,
  dataset: DatasetRow,
  bytes: Uint8Array<ArrayBuffer>,
  file: string,
): Promise<LabelTable | undefined> {
  const table = soundLabels(bytes, file, findingsOf(dataset) ?? undefined);
  const references = table?.labels.map(({ image }) => image);
  return references && await imagesNamed(store, dataset.id, references) ? table : undefined;
}

/** What is wrong with a table is said by who knows all images. */
function soundLabels(
  bytes: Uint8Array,
  file: string,
  classes?: string[],
): LabelTable | undefined {
  try {
    return readLabels(bytes, file, { classes });
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
  }
}

/** Images that are removed by one statement. */
const REMOVED_AT_ONCE = 100;

/** What a data set that was removed leaves: its id, and files that nothing may refer to any more. */
export interface Removed {
  id: string;
  files: string[];
}

/** Removes all rows of a data set, in one transaction. Throws NotFound, and Conflict while a job reads it. */
export async function removeRows(store: Store, name: string): Promise<Removed> {
  return await store.db.transaction(async () => {
    const { id } = await changeable(store, name);
    const ids = await store.images.idsOf(id);
    const files = new Set<string>();
    for (let from = 0; from < ids.length; from += REMOVED_AT_ONCE) {
      const part = ids.slice(from, from + REMOVED_AT_ONCE);
      for (const file of await filesOfImages(store, part)) files.add(file);
      await store.images.removeAll(part);
    }
    await store.datasets.remove(id);
    return { id, files: [...files] };
  });
}

/** Deletes a data set with its files; models and similarities made from it stay. */
export async function deleteDataset(store: Store, name: string): Promise<void> {
  const images = await store.images.count([
    ["dataset_id = ?", (await changeable(store, name)).id],
  ]);
  const { id, files } = images > FEW_IMAGES
    ? await removeRowsInThread<Removed>(store, name, images)
    : await removeRows(store, name);
  await clearPixels(store, id);
  forgetImports(store, name);
  // What a crash leaves here, the next start sets aside.
  await store.collectGarbage(files);
}
