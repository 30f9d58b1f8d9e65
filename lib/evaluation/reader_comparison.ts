/** A classifier beside readers: its AUC against each reader's, by DeLong on the images that both know. */
import { InvalidInput } from "@/lib/errors.ts";
import { type AucComparison, type AucEstimate, delong, delongDifference } from "./delong.ts";
import { holm } from "./holm.ts";
import { numbering } from "./patient_numbering.ts";
import type { ReaderSeries } from "./reader_design.ts";
import { fewPatients } from "./warnings.ts";

export interface Beside {
  images: number;
  positives: number;
  auc: AucEstimate | null;
  /** The classifier less each reader; null where a side has images of fewer than two patients. */
  readers: {
    reader: string;
    condition: string;
    /** On these images. */
    difference: (AucComparison & { p_holm: number | null }) | null;
  }[];
}

/**
 * @param given `model` is the probability of the positive class by image
 * @throws {InvalidInput} where no image is common
 */
export function besideReaders(
  { images, truth, series, model, patients }: {
    images: string[];
    truth: boolean[];
    series: ReaderSeries[];
    model: Map<string, number>;
    patients: Map<string, string | null>;
  },
  warnings: string[],
): Beside {
  const rows = images.flatMap((image, i) => model.has(image) ? [i] : []);
  if (rows.length === 0) {
    throw new InvalidInput(
      `Cannot compare with the evaluation: none of the ${images.length} images that all readers have read is ` +
        `among the ${model.size} that it tested`,
    );
  }
  if (rows.length < images.length) {
    warnings.push(
      `The model is compared on ${rows.length} of the ${images.length} images that all readers have read: the ` +
        "evaluation tested no others of them",
    );
  }
  const graded = series.filter(({ score }) => score === "decision").length;
  if (graded > 0) {
    warnings.push(
      "A model's graded score beside decisions alone: part of its lead in AUC is that it is graded. Compare its " +
        "sensitivity at the reader's specificity",
    );
  }
  const { unitOf, size } = numbering(patients);
  const units = rows.map((i) => unitOf(images[i]));
  const positive = rows.map((i) => truth[i]);
  const a = rows.map((i) => model.get(images[i])!);
  const found = series.map(({ scores }) =>
    delongDifference(positive, { a, b: rows.map((i) => scores[i]) }, units)
  );
  if (found.some((one) => one === null)) {
    warnings.push(
      `No difference between the model and readers: a side has images of fewer than two patients among the ` +
        `${rows.length} that are compared`,
    );
  }
  warnings.push(...fewPatients(size()).map((text) => `The model beside readers: ${text}`));
  const adjusted = holm(found.map((one) => one?.p ?? null));
  return {
    images: rows.length,
    positives: positive.filter(Boolean).length,
    auc: delong(positive, a, units),
    readers: series.map(({ reader, condition }, i) => {
      const one = found[i];
      return { reader, condition, difference: one && { ...one, p_holm: adjusted[i] } };
    }),
  };
}
