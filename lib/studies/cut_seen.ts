/**
 * Whether the labels of images that a study tests on had a say in where its pairs are cut. The audit leaves out the test
 * part of one split; runs of other seeds test on other images.
 */
import { splitsOf, withoutTest } from "@/lib/datasets/job_split.ts";
import { isLabelled, type SplitImage } from "@/lib/datasets/splits.ts";
import { arms } from "@/lib/gaze/arms/mod.ts";
import { gridRuns } from "@/lib/specs/study_grid.ts";
import type { StudySpec } from "@/lib/specs/study_schema.ts";
import { leftOut } from "@/lib/specs/pretrain.ts";

type Spec = Pick<StudySpec, "cut_leave_out" | "arms">;

/** Names of the images by whose labels the cut was chosen; none where that is not told, or nothing is cut. */
export function seenByCut({ cut_leave_out, arms: chosen }: Spec, images: SplitImage[]): string[] {
  if (cut_leave_out === null || !chosen.some(isCutByLabels)) return [];
  return (cut_leave_out === "none" ? images : withoutTest(images, cut_leave_out))
    .filter(isLabelled).map(({ name }) => name);
}

/** Whether an arm's pairs are those above the cut that the audit of a similarity suggests. */
export const isCutByLabels = (arm: StudySpec["arms"][number]) => arms[arm].needs === "similarity";

export const CUT_SEEN =
  "images that are tested on were among those by whose labels the cut was chosen: figures of pairs by gaze may look " +
  "better than they are";

/** Why a plan's figures would mean less, in words. */
export function cutWarnings(spec: StudySpec, images: SplitImage[]): string[] {
  const seen = new Set(seenByCut(spec, images));
  if (seen.size === 0) return [];
  const rows = images.filter(isLabelled);
  const { split, folds, split_seed } = { ...spec, split: spec.finetune.split };
  const tested = (run: number) =>
    splitsOf(
      leftOut.parse({
        ...{ split: split as object | undefined, folds, fold: folds === null ? null : run },
        seed: split_seed ?? (folds === null ? run : 0),
      })!,
      rows,
    ).flatMap(({ test }) => test.map((i) => rows[i].name));
  const runs = gridRuns(spec).filter((run) => tested(run).some((name) => seen.has(name)));
  if (runs.length === 0) return [];
  const kind = `${folds === null ? "Seed" : "Fold"}${runs.length > 1 ? "s" : ""}`;
  return [`${kind} ${runs.join(", ")}: ${CUT_SEEN}`];
}
