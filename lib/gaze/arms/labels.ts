/** What the best pairs could give: those of one class. */
import { InvalidInput } from "@/lib/errors.ts";
import { labelPositives } from "../positives.ts";
import type { Arm } from "./arm.ts";

export const labels: Arm = {
  title: "Ground-truth labels",
  about:
    "Images of one class, in a multi-label set of the same findings, are positive, whatever their gaze; needs labels.",
  row: (method) => `${method}, ground-truth labels`,
  needs: "labels",
  positives({ n, labels }) {
    if (labels.length !== n) {
      throw new InvalidInput(`Cannot pair by labels: ${n} labels expected, got ${labels.length}`);
    }
    return labelPositives(labels);
  },
};
