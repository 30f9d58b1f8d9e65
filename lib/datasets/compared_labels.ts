/** What the images of a data set are compared by: their classes, or in a multi-label set their findings. */
import type { DatasetRow, Store } from "@/lib/store/mod.ts";
import { comparedLabel, findingsOf } from "./multi_label.ts";

/** By name; of a set that is gone none. */
export async function comparedLabels(
  { datasets, images }: Pick<Store, "datasets" | "images">,
  dataset_id: string,
): Promise<Map<string, string | null>> {
  const dataset = await datasets.find(dataset_id);
  const classes = dataset ? findingsOf(dataset) : null;
  if (classes === null) return await images.labelsByName(dataset_id);
  const rows = await images.all(dataset_id);
  return new Map(rows.map((row) => [row.name, comparedLabel(row, classes)]));
}

/** What is to be known of a comparison by findings; nothing for a set of one label an image. */
export async function comparisonNotes(
  { images }: { images: Pick<Store["images"], "all"> },
  dataset: Pick<DatasetRow, "id" | "meta">,
): Promise<string[]> {
  const classes = findingsOf(dataset);
  if (classes === null) return [];
  const rows = await images.all(dataset.id);
  const partly = rows.filter((row) => row.findings && comparedLabel(row, classes) === null);
  return [
    `The set is multi-label: two images share a label where all of its ${classes.length} findings are known and equal`,
    ...(partly.length > 0
      ? [
        `Of ${partly.length} of ${rows.length} images some finding is not known: they count as unlabelled here`,
      ]
      : []),
  ];
}
