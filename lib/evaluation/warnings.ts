/** What a reader of figures has to know first: classes and patients that are too few to say anything. */
import type { Scores } from "./scores.ts";

/** Patients in all below which figures say next to nothing. */
const FEW_PATIENTS = 10;

/**
 * Plain sentences about a set of scores.
 * @param units number of each image's patient: [N]
 */
export function scoreWarnings(
  { classes, labels }: Pick<Scores, "classes" | "labels">,
  units: ArrayLike<number>,
): string[] {
  const warnings: string[] = [];
  classes.forEach((name, c) => {
    const rows = labels.flatMap((label, i) => label === c ? [i] : []);
    const patients = new Set(rows.map((i) => units[i])).size;
    if (rows.length === 0) {
      warnings.push(
        `Class "${name}" has no image among the tested ones: its sensitivity and AUC, and means over ` +
          "classes that need them, are not defined",
      );
    } else if (rows.length === 1) {
      warnings.push(
        `Class "${name}" has one image among the tested ones: its sensitivity and AUC rest on that ` +
          "image alone",
      );
    } else if (patients < 2) {
      warnings.push(
        `Class "${name}" has images of one patient only among the tested ones: its figures rest on ` +
          "that patient alone",
      );
    }
  });
  return [...warnings, ...fewPatients(new Set(Array.from(units)).size)];
}

/** What is said where so few patients are tested that no figure means much. */
export function fewPatients(patients: number): string[] {
  if (patients >= FEW_PATIENTS) return [];
  return [
    `${patients === 1 ? "One patient is" : `${patients} patients are`} tested: figures of fewer ` +
    `than ${FEW_PATIENTS} say next to nothing, whatever their value`,
  ];
}

/** What is said of figures over all images of a cross-validation: each fold's scores are on a scale of their own. */
export function pooledFolds(folds: number): string[] {
  if (folds < 2) return [];
  return [
    `The scores of several models, of ${folds} folds, are pooled in the figures over all images, though they do not ` +
    "compare with each other: `mean` is over the folds, with intervals of its own",
  ];
}
