/**
 * What readers' decisions on the same images say: each reader's AUC, sensitivity and specificity, how far readers agree,
 * and, with readers and cases both random, mean AUC and differences of conditions (mrmc.ts); a classifier beside them.
 */
import { InvalidInput } from "@/lib/errors.ts";
import { type AucEstimate, delong } from "./delong.ts";
import { shareIntervals } from "./evaluation_intervals.ts";
import { mrmc, type MrmcAnalysis } from "./mrmc.ts";
import { numbering } from "./patient_numbering.ts";
import { cohenKappa, fleissKappa } from "./reader_kappa.ts";
import { type Beside, besideReaders } from "./reader_comparison.ts";
import { readerDesign, type ReaderSeries, type ReadingFacts } from "./reader_design.ts";
import { scoreWarnings } from "./warnings.ts";

export interface ReaderStudyRequest {
  readings: ReadingFacts[];
  /** Class of each image that has one. */
  labels: Map<string, string>;
  /** Patient of each image, where known. */
  patients: Map<string, string | null>;
  positive: string;
  /** Whether ratings are suspicions of `positive`, and not of another class. */
  rated: boolean;
  /** A classifier's probability of `positive` by image. */
  model: Map<string, number> | null;
}

type Pair = [number, number];

export interface ReaderFigures {
  reader: string;
  condition: string;
  score: ReaderSeries["score"];
  /** Null where a side has images of fewer than two patients. */
  auc: AucEstimate | null;
  /** Of the decisions; null where not every image has one, or the side is empty. */
  sensitivity: number | null;
  specificity: number | null;
  sensitivity_interval: Pair | null;
  specificity_interval: Pair | null;
  /** Images of these that the reader's gaze is known on. */
  gaze: number;
}

export interface Agreement {
  condition: string;
  pairs: { a: string; b: string; images: number; agreed: number; kappa: number | null }[];
  fleiss_kappa: number | null;
}

export interface ReaderStudyResult {
  images: number;
  positives: number;
  patients: number;
  readers: string[];
  conditions: string[];
  figures: ReaderFigures[];
  agreement: Agreement[];
  mrmc: MrmcAnalysis | null;
  model: Beside | null;
  warnings: string[];
}

/** Images times the pairs of readers and conditions whose covariance is taken: about a minute. */
const MOST_WORK = 5e8;

/** @throws {InvalidInput} where no image has been read by all readers, or none of a side */
export function readerStudy(request: ReaderStudyRequest): ReaderStudyResult {
  const { positive, labels, patients, model } = request;
  const design = readerDesign(request);
  const { images, readers, conditions, series, warnings } = design;
  const work = series.length ** 2 * images.length;
  if (work > MOST_WORK) {
    throw new InvalidInput(
      `Cannot analyse ${readers.length} readers under ${conditions.length} conditions on ${images.length} images at ` +
        "once: name some with readers= or conditions=",
    );
  }
  const { unitOf, size } = numbering(patients);
  const units = images.map(unitOf);
  const truth = images.map((image) => labels.get(image) === positive);
  const positives = truth.filter(Boolean).length;
  warnings.push(...scoreWarnings(
    {
      classes: [positive, `not ${positive}`],
      labels: truth.map((is) => is ? 0 : 1),
    },
    units,
  ));
  const estimate = mrmc({
    ...{ positive: truth, units, conditions },
    scores: conditions.map((condition) =>
      series.filter((one) => one.condition === condition).map(({ scores }) => scores)
    ),
  });
  warnings.push(...mrmcWarnings(readers.length, estimate));
  return {
    ...{ images: images.length, positives, patients: size() },
    ...{ readers, conditions },
    figures: figuresOf(series, { truth, units, positive }),
    agreement: conditions.map((condition) =>
      agreementOf(condition, series.filter((one) => one.condition === condition))
    ),
    mrmc: estimate,
    model: model && besideReaders({ images, truth, series, model, patients }, warnings),
    warnings,
  };
}

function mrmcWarnings(readers: number, estimate: MrmcAnalysis | null): string[] {
  if (readers === 1) {
    return ["One reader: nothing can be said of agreement, nor of other readers (no mrmc)"];
  }
  if (!estimate) {
    return ["No mrmc: a side has images of fewer than two patients"];
  }
  return readers < 4
    ? [
      `${readers} readers: what mrmc says of other readers rests on very few; its intervals are wide, and hold only if ` +
      "these are readers like the others",
    ]
    : [];
}

function figuresOf(
  series: ReaderSeries[],
  { truth, units, positive }: { truth: boolean[]; units: number[]; positive: string },
): ReaderFigures[] {
  const sides = [truth, truth.map((is) => !is)];
  const shares = series.flatMap(({ labels }) =>
    sides.map((counts, side) => ({
      counts,
      marked: labels.map((label) => (label === positive) === (side === 0)),
    }))
  );
  const intervals = shareIntervals(shares, units);
  return series.map(({ reader, condition, score, scores, labels, gaze }, s) => {
    const decided = labels.every((label) => label !== null);
    const [sensitivity, specificity] = [0, 1].map((side) => {
      const { counts, marked } = shares[2 * s + side];
      const all = counts.filter(Boolean).length;
      return decided && all > 0 ? marked.filter((is, i) => is && counts[i]).length / all : null;
    });
    return {
      ...{ reader, condition, score, gaze, sensitivity, specificity },
      auc: delong(truth, scores, units),
      sensitivity_interval: sensitivity === null ? null : intervals[2 * s],
      specificity_interval: specificity === null ? null : intervals[2 * s + 1],
    };
  });
}

/** Of the decisions as they stand, classes of any number; an image counts for those who decided on it. */
function agreementOf(condition: string, series: ReaderSeries[]): Agreement {
  const classes = [...new Set(series.flatMap(({ labels }) => labels))].filter((label) =>
    label !== null
  );
  const numbers = series.map(({ labels }) =>
    labels.map((label) => label === null ? null : classes.indexOf(label))
  );
  const pairs = series.flatMap((one, i) =>
    series.slice(i + 1).map((other, k) => {
      const [a, b] = [numbers[i], numbers[i + 1 + k]];
      const both = a.flatMap((value, n) =>
        value === null || b[n] === null ? [] : [[value, b[n]] as Pair]
      );
      return {
        ...{ a: one.reader, b: other.reader, images: both.length },
        agreed: both.filter(([x, y]) => x === y).length,
        kappa: cohenKappa(both.map(([x]) => x), both.map(([, y]) => y)),
      };
    })
  );
  const cases = (numbers[0] ?? []).map((_, n) => numbers.flatMap((given) => given[n] ?? []));
  return { condition, pairs, fleiss_kappa: fleissKappa(cases) };
}
