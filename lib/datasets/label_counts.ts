/** How many images of a data set a classifier can be trained on, and of which classes; the rows are not read. */
import { findingsOf } from "./multi_label.ts";
import type { DatasetRow, Store } from "@/lib/store/mod.ts";

export interface LabelCounts {
  /** Images by label, those without under null; of a multi-label set those with a known finding under "". */
  counts: Map<string | null, number>;
  /** In their order. */
  classes: string[];
  multi_label: boolean;
}

export async function labelCounts(
  { images }: { images: Pick<Store["images"], "labels" | "withFindings"> },
  dataset: Pick<DatasetRow, "id" | "meta">,
): Promise<LabelCounts> {
  const counts = await images.labels(dataset.id);
  const findings = findingsOf(dataset);
  if (findings === null) {
    const classes = [...counts.keys()].filter((label) => label !== null).sort();
    return { counts, classes, multi_label: false };
  }
  const known = await images.withFindings(dataset.id);
  const all = counts.get(null) ?? 0;
  return {
    counts: new Map<string | null, number>([["", known], [null, all - known]]),
    classes: findings,
    multi_label: true,
  };
}
