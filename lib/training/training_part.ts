/** Whether a classifier could learn all of its classes, and its epoch be chosen by them. */
import { quoted } from "@/lib/quoted.ts";
import type { MultiLabelled, OneLabelled } from "@/lib/datasets/labelled.ts";
import type { Split } from "@/lib/datasets/splits.ts";

type Known = Pick<OneLabelled, "labels" | "classes"> | Pick<MultiLabelled, "truths" | "classes">;

/**
 * In words, which classes the training and the validation images of each split lack.
 * @param splits as they are trained on, with the training images whose labels were drawn
 * @param known the images that the splits count
 * @param counted what several splits are: those of folds, or drawings of one
 */
export function trainingPartWarnings(
  splits: Pick<Split, "train" | "validation">[],
  known: Known,
  counted: "Fold" | "Repeat" = "Fold",
): string[] {
  if ("truths" in known) return findingWarnings(splits, known, counted);
  const { labels, classes } = known;
  return splits.flatMap(({ train, validation }, fold) => {
    const prefix = splits.length > 1 ? `${counted} ${fold}: ` : "";
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
    // Repeats share their validation images.
    const told = counted === "Repeat" ? "" : prefix;
    if (!(counted === "Repeat" && fold > 0) && validation.length > 0 && unchosen.length > 0) {
      warnings.push(
        `${told}none of the ${validation.length} validation images is of class ` +
          `${
            quoted(unchosen)
          }: the epoch was chosen without it, and by the loss where AUC was asked for`,
      );
    }
    return warnings;
  });
}

/** Findings that a part knows of one side only. */
function findingWarnings(
  splits: Pick<Split, "train" | "validation">[],
  { truths, classes }: Extract<Known, { truths: unknown }>,
  counted: "Fold" | "Repeat",
): string[] {
  return splits.flatMap(({ train, validation }, fold) => {
    const prefix = splits.length > 1 ? `${counted} ${fold}: ` : "";
    const lacking = (part: number[], side: 0 | 1) =>
      classes.filter((_, k) => !part.some((i) => truths[i][k] === side));
    const warnings: string[] = [];
    for (const [side, what] of [[1, "has"], [0, "is known to lack"]] as const) {
      const names = lacking(train, side);
      if (names.length === 0) continue;
      warnings.push(
        `${prefix}none of the ${train.length} training images ${what} ${
          quoted(names)
        }: the model cannot tell it, ` +
          "whatever the figures say",
      );
    }
    const unchosen = classes.filter((name) =>
      lacking(validation, 1).includes(name) || lacking(validation, 0).includes(name)
    );
    // Repeats share their validation images.
    const told = counted === "Repeat" ? "" : prefix;
    if (!(counted === "Repeat" && fold > 0) && validation.length > 0 && unchosen.length > 0) {
      warnings.push(
        `${told}the ${validation.length} validation images do not hold both sides of ${
          quoted(unchosen)
        }: the ` +
          "epoch was chosen by the AUC of the other findings, and by the loss where there are none",
      );
    }
    return warnings;
  });
}
