/** How far two classifiers differ on the same images. */
import { quoted } from "@/lib/quoted.ts";
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import type { ImageScore } from "./evaluation.ts";
import { type AnyScores, isMultiLabel } from "./scores.ts";
import type { MultiLabelImageScore } from "./multi_label_evaluation.ts";
import { type AucComparison, delongDifference } from "./delong.ts";
import { LEVEL, type Spread, spreads } from "./interval.ts";
import { numbering } from "./patient_numbering.ts";
import { prepare, runsOf } from "./runs.ts";
import { fewPatients } from "./warnings.ts";
import { type FigureName, FIGURES } from "./weighted.ts";

export interface DifferenceRequest {
  /** Scores of two evaluations. */
  a: ImageScore[] | MultiLabelImageScore[];
  b: ImageScore[] | MultiLabelImageScore[];
  positive_label: string | null;
  /** Patient of each image, where known. */
  patients: Map<string, string | null>;
}

export interface EvaluationDifference {
  images: number;
  /** Of `a` less those of `b`: means over the folds or repeats where there are any. */
  figures: Record<FigureName, Spread | null>;
  /** Patients that were drawn. */
  units: number;
  /** Of the positive class; null without one, with folds or repeats, and where a side has fewer than two patients. */
  delong: (AucComparison & { class: string }) | null;
}

const pairSchema = z.tuple([z.number(), z.number()]);
const estimateSchema = z.object({
  auc: z.number(),
  standard_error: z.number(),
  interval: pairSchema.nullable().describe("null without any spread"),
});

export const differenceSchema = z.object({
  evaluation: z.string().describe("Id"),
  to: z.string().describe("Id of the other"),
  images: z.number(),
  level: z.number().describe("Of the intervals"),
  figures: z.record(
    z.enum(FIGURES),
    z.object({
      value: z.number()
        .describe("Of the evaluation less that of the other; of folds or repeats, their mean"),
      n: z.number().describe("Folds or repeats; 1 without"),
      interval: pairSchema,
      p: z.number().nullable().describe(
        "Two-sided, by the spread over resamples of patients; null where there is none",
      ),
    }).nullable(),
  ).describe("null where one is not defined"),
  patients: z.number().describe("That are drawn; an image without a patient is one"),
  delong: z.object({
    class: z.string().describe("The positive class, against all others"),
    a: estimateSchema,
    b: estimateSchema,
    difference: z.number(),
    standard_error: z.number(),
    interval: pairSchema,
    z: z.number().nullable(),
    p: z.number().nullable().describe("Two-sided"),
  }).nullable().describe(
    "DeLong's test of the two AUC, by patients where one has several images (Obuchowski). null without a " +
      "positive class, with folds or repeats (whose scores are of several models), and where a side has fewer than two " +
      "patients",
  ),
  warnings: z.array(z.string()).describe(
    "What to know of both evaluations before an interval or a p is believed: classes and patients that are too few, " +
      "tested images that a model had seen",
  ),
}).meta({ id: "EvaluationDifference" });

/** What an evaluation warns of: of its figures, and of its model. */
export interface Warned {
  id: string;
  warnings?: string[] | null;
  metrics: { warnings?: string[] | null };
}

/** A difference as it is told, of the first evaluation less the second. */
export function toDifferenceView(
  { images, figures, units, delong }: EvaluationDifference,
  [evaluation, to]: [Warned, Warned],
): z.output<typeof differenceSchema> {
  const told = FIGURES.map((name) => {
    const found = figures[name];
    if (!found) return [name, null];
    const { value, n, low, high, p } = found;
    return [name, { value, n, interval: [low, high], p }];
  });
  const estimate = ({ auc, standard_error, low, high }: AucComparison["a"]) => ({
    ...{ auc, standard_error },
    interval: standard_error > 0 ? [low, high] as [number, number] : null,
  });
  return {
    ...{ evaluation: evaluation.id, to: to.id },
    ...{ images, level: LEVEL, figures: Object.fromEntries(told), patients: units },
    delong: delong && {
      class: delong.class,
      ...{ a: estimate(delong.a), b: estimate(delong.b), difference: delong.difference },
      standard_error: delong.standard_error,
      interval: [delong.low, delong.high],
      ...{ z: delong.z, p: delong.p },
    },
    warnings: warningsOf([evaluation, to], units),
  };
}

/** Both are of the same images: what is said of these is said once, what of a model by its evaluation. */
function warningsOf(pair: Warned[], units: number): string[] {
  const ofImages = pair.flatMap(({ metrics }) => metrics.warnings ?? []);
  const ofModels = pair.flatMap(({ id, warnings }) =>
    (warnings ?? []).map((text) => `Evaluation "${id}": ${text}`)
  );
  return [...new Set([...ofImages, ...fewPatients(units), ...ofModels])];
}

/**
 * Paired bootstrap: patients are drawn with replacement, the same ones for both; folds stand as they are.
 * @throws {InvalidInput} when the two are not about the same images, fold by fold and repeat by repeat
 */
export function difference(
  { a, b, positive_label, patients }: DifferenceRequest,
): EvaluationDifference {
  const [runs, others] = [runsOf(a), runsOf(b)];
  if (namesIn(runs) !== namesIn(others)) {
    throw new InvalidInput(
      "Cannot compare two evaluations that are not of the same images, fold by fold and repeat by repeat",
    );
  }
  if (isMultiLabel(runs[0]) !== isMultiLabel(others[0])) {
    throw new InvalidInput(
      "Cannot compare an evaluation of one label an image with a multi-label one: their figures are of other things",
    );
  }
  if (isMultiLabel(runs[0]) && findingsIn(runs) !== findingsIn(others)) {
    throw new InvalidInput(
      "Cannot compare multi-label evaluations of other findings: averages would be over different ones. One has " +
        `${quoted(runs[0].classes)}, the other ${quoted(others[0].classes)}`,
    );
  }
  const source = { positive_label, patients };
  const { runs: ready, units } = prepare([...runs, ...others], source);
  return {
    images: new Set(a.map(({ image }) => image)).size,
    figures: spreads(ready.slice(0, runs.length), ready.slice(runs.length), units, {
      run_kind: "fold",
    }),
    units,
    delong: runs.length === 1 ? delongOf(runs[0], others[0], source) : null,
  };
}

function delongOf(
  a: AnyScores,
  b: AnyScores,
  { positive_label, patients }: {
    positive_label: string | null;
    patients: DifferenceRequest["patients"];
  },
): EvaluationDifference["delong"] {
  if (positive_label === null) return null;
  const [own, other] = [a, b].map(({ classes }) => classes.indexOf(positive_label));
  if (own < 0 || other < 0) return null;
  const { unitOf } = numbering(patients);
  // Where it is not known whether an image has a finding, it says nothing of the two.
  const rows = a.images.flatMap((_, i) => isMultiLabel(a) && a.truths[i][own] === null ? [] : [i]);
  const found = delongDifference(
    rows.map((i) => isMultiLabel(a) ? a.truths[i][own] === 1 : a.labels[i] === own),
    {
      a: rows.map((i) => a.probabilities[i][own]),
      b: rows.map((i) => b.probabilities[i][other]),
    },
    rows.map((i) => unitOf(a.images[i])),
  );
  return found && { ...found, class: positive_label };
}

/** Sorted, as their order changes nothing. */
function findingsIn(runs: AnyScores[]): string {
  return JSON.stringify(runs[0].classes.toSorted());
}

function namesIn(runs: AnyScores[]): string {
  return JSON.stringify(runs.map(({ images }) => images));
}
