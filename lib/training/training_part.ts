/** Whether a classifier could learn all of its classes, and its epoch be chosen by them. */
import type { Split } from "@/lib/datasets/splits.ts";

const quoted = (names: string[]) => names.map((name) => JSON.stringify(name)).join(", ");

/**
 * In words, which classes the training and the validation images of each split lack.
 * @param labels class of each image that the splits count
 */
export function trainingPartWarnings(
  splits: Pick<Split, "train" | "validation">[],
  labels: number[],
  classes: string[],
): string[] {
  return splits.flatMap(({ train, validation }, fold) => {
    const prefix = splits.length > 1 ? `Fold ${fold}: ` : "";
    const lacking = (part: number[]) => {
      const known = new Set(part.map((i) => labels[i]));
      return classes.filter((_, c) => !known.has(c));
    };
    const [unlearnt, unchosen] = [lacking(train), lacking(validation)];
    const warnings: string[] = [];
    if (unlearnt.length > 0) {
      warnings.push(
        `${prefix}none of the ${train.length} training images is of class ${
          quoted(unlearnt)
        }: the ` +
          "model cannot tell it, whatever the figures say",
      );
    }
    if (validation.length > 0 && unchosen.length > 0) {
      warnings.push(
        `${prefix}none of the ${validation.length} validation images is of class ` +
          `${
            quoted(unchosen)
          }: the epoch was chosen without it, and by the loss where AUC was asked for`,
      );
    }
    return warnings;
  });
}
