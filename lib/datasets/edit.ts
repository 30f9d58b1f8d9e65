/** Changes to a data set that exists. Each is whole or not at all, and refused while a job reads it. */
import { z } from "zod";
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import { change, changeable } from "./mutation.ts";
import { beginDataset, filesOf, filesOfImage } from "./write_content.ts";
import { ImageNames, withoutExtension } from "./image_names.ts";
import { labelsAlike, patientsMissing } from "./label_columns.ts";
import { checkSplits } from "./labels.ts";
import { readLabelsFile } from "./labels_thread.ts";
import { datasetName, imageName } from "./name.ts";
import { type StoredPicture, type StoreOptions, storePicture } from "./picture.ts";
import { clearPixels } from "./pixel_cache.ts";
import { keepReport } from "./report.ts";
import { problemSchema } from "@/lib/problems.ts";
import { type ImageRow, newId, type Store } from "@/lib/store/mod.ts";

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
  options: StoreOptions = {},
): Promise<{ image: ImageRow; created: boolean; notes: string[] }> {
  const known = await store.datasets.findByName(dataset);
  if (known) await changeable(store, dataset);
  else dataset = datasetName(dataset);
  const name = imageName(withoutExtension(image));
  const { picture, notes } = await storePicture(bytes, store.files, options);
  const old: string[] = [];
  const begin = async () =>
    known ?? await store.datasets.findByName(dataset) ?? await beginDataset(store, dataset);
  const result = await change(
    store,
    dataset,
    [picture.file],
    async ({ id }) => await place(store, { dataset_id: id, name, picture }, old),
    begin,
  );
  await store.collectGarbage(old);
  if (old.length > 0) clearPixels(store, result.image.dataset_id);
  return { ...result, notes };
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

export const labelsReportSchema = z.object({
  labels: z.number().describe("Images named"),
  warnings: z.array(problemSchema),
}).meta({ id: "LabelsReport" });
export type LabelsReport = z.output<typeof labelsReportSchema>;

/**
 * Sets labels, patients and splits by a CSV; columns that it lacks stay as they are. Throws
 * NotFound, Conflict, and InvalidInput, also for images that do not exist.
 */
export async function putLabels(
  store: Store,
  dataset: string,
  bytes: Uint8Array<ArrayBuffer>,
  file = "labels.csv",
): Promise<LabelsReport> {
  const { id } = await changeable(store, dataset);
  const images = (await store.images.all(id)).map(({ name }) => name);
  const { labels, unknown, warnings } = await readLabelsFile({ bytes, file, images });
  return await change(store, dataset, [], async ({ id }) => {
    const names = new ImageNames(await store.images.all(id));
    const problems: Problem[] = [...unknown];
    for (const { image, line, label, patient, split } of labels) {
      const known = names.findInFolder(image);
      if (!known) problems.push({ file, line, message: `Cannot find image "${image}"` });
      else {
        await store.images.update(known.id, {
          ...(label === undefined ? {} : { label }),
          ...(patient === undefined ? {} : { patient }),
          ...(split === undefined ? {} : { split }),
        });
      }
    }
    const now = await store.images.all(id);
    problems.push(...checkSplits(now, file));
    if (problems.length > 0) throw new InvalidInput(`Cannot use ${file}`, problems.slice(0, 100));
    const missing = patientsMissing(now, warnings);
    if (missing) warnings.push({ file, message: missing });
    const alike = labelsAlike(now);
    if (alike) warnings.push({ file, message: alike });
    const report = { labels: labels.length, warnings };
    await keepReport(store, dataset, "labels", report);
    return report;
  });
}

/** Deletes a data set with its files; models and similarities made from it stay. */
export async function deleteDataset(store: Store, name: string): Promise<void> {
  const { id, files } = await store.db.transaction(async () => {
    const { id } = await changeable(store, name);
    const files = await filesOf(store, id);
    await store.datasets.remove(id);
    return { id, files };
  });
  await store.collectGarbage(files);
  clearPixels(store, id);
}
