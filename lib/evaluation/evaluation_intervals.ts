/**
 * Intervals of everything that an evaluation says: patients are drawn with replacement, all images of a patient
 * together. The folds of a cross-validation stand as they are: they share no patients, and drawing them as well would
 * count their spread twice.
 */
import { z } from "zod";
import { below, stream } from "@/lib/random.ts";
import { quantile } from "./quantile.ts";
import { BY_CLASS, RESAMPLED, type ResampledFigures, Resampler } from "./resampled.ts";
import { classRanks } from "./ordinal.ts";
import { concatenate, type Scores } from "./scores.ts";

export const LEVEL = 0.95;
/** Passes over image and class that an evaluation's resamples may take together: a second or two. */
const WORK = 5e7;

const interval = z.tuple([z.number(), z.number()]).nullable();
const intervalsOf = <Name extends string>(names: readonly Name[]) =>
  z.object(Object.fromEntries(names.map((name) => [name, interval])) as Record<
    Name,
    typeof interval
  >);

export const evaluationIntervalsSchema = z.object({
  level: z.number(),
  resamples: z.number().describe("2,000, and fewer of very large sets"),
  units: z.number().describe("Patients that are drawn; an image without a patient is one"),
  figures: intervalsOf(RESAMPLED).describe(
    "Percentiles over resamples of patients. Of a figure at its end (accuracy 1, AUC 1) in which no " +
      "resample differs: what a true value may be for patients, as many as its smallest class has, to come " +
      "out so. null where the figure is not defined, one patient alone stands behind it, or no resample differs " +
      "elsewhere on the scale",
  ),
  by_class: z.array(z.object({ label: z.string(), ...intervalsOf(BY_CLASS).shape })),
  mean: intervalsOf(RESAMPLED).optional().describe("With folds: of the means over them"),
}).meta({ id: "EvaluationIntervals" });
export type EvaluationIntervals = z.output<typeof evaluationIntervalsSchema>;

type Pair = [number, number] | null;

/** Of a share of the tested images that a flag marks: a sensitivity at a threshold. */
export interface Share {
  /** The images that count, and those of them that are marked. */
  counts: boolean[];
  marked: boolean[];
}

/**
 * @param parts one set of scores, or one per fold
 * @param units number of each image's patient, part by part
 * @param shares over all images, part after part
 */
export function evaluationIntervals(
  parts: Scores[],
  { units, positive, shares = [] }: {
    units: number[][];
    positive: string | null;
    shares?: Share[];
  },
): { intervals: EvaluationIntervals; shares: Pair[] } {
  const pooled = concatenate(parts);
  const { classes, labels } = pooled;
  const all = units.flat();
  const ranks = classRanks(classes);
  const whole = new Resampler(pooled, { units: all, positive, ranks });
  const folds = parts.length > 1
    ? parts.map((part, p) => new Resampler(part, { units: units[p], positive, ranks }))
    : [];
  const patients = all.reduce((most, unit) => Math.max(most, unit), -1) + 1;
  const resamples = resamplesFor(labels.length * classes.length * (folds.length > 0 ? 4 : 2));
  const drawn = new Series();
  const place = stream("evaluation interval");
  const collect = (weights: ArrayLike<number>) => {
    drawn.add(whole.at(weights), "");
    const each = folds.map((fold) => fold.at(weights));
    if (folds.length > 0) {
      for (const name of RESAMPLED) drawn.push(`mean ${name}`, over(each, name));
    }
    shares.forEach((share, s) => drawn.push(`share ${s}`, shareOf(share, all, weights)));
  };
  const first = new Uint16Array(patients).fill(1);
  collect(first);
  for (let r = 0; r < resamples; r++) {
    const weights = new Uint16Array(patients);
    for (let i = 0; i < patients; i++) weights[below(patients, 0, place, r, i)]++;
    collect(weights);
  }
  const patientsOf = (rows: (label: number, i: number) => boolean) =>
    new Set(all.filter((_, i) => rows(labels[i], i))).size;
  const perClass = classes.map((_, c) => patientsOf((label) => label === c));
  const smallest = Math.min(...perClass.filter((n) => n > 0));
  // Accuracy rests on all patients; what weighs classes alike rests on the smallest.
  const behind = (name: string) => name === "accuracy" ? patients : smallest;
  const told = (key: string, n: number, ends: readonly number[]) => drawn.interval(key, n, ends);
  const ends = (name: string) => BOUNDED.includes(name) ? [0, 1] : [];
  return {
    intervals: {
      ...{ level: LEVEL, resamples, units: patients },
      figures: byName(RESAMPLED, (name) => told(name, behind(name), ends(name))),
      by_class: classes.map((label, c) => {
        const others = patientsOf((truth) => truth !== c);
        const n = { sensitivity: perClass[c], specificity: others };
        return {
          label,
          ...byName(BY_CLASS, (name) =>
            told(
              `${c} ${name}`,
              n[name as keyof typeof n] ?? Math.min(perClass[c], others),
              name === "precision" || name === "f1" ? [1] : [0, 1],
            )),
        };
      }),
      ...(folds.length > 0 &&
        { mean: byName(RESAMPLED, (name) => told(`mean ${name}`, behind(name), ends(name))) }),
    },
    shares: shares.map(({ counts }, s) =>
      told(`share ${s}`, patientsOf((_, i) => counts[i]), [0, 1])
    ),
  };
}

/**
 * Intervals of shares alone, each as that of a share of an evaluation.
 * @param units number of each image's patient, from 0: [N]
 */
export function shareIntervals(shares: Share[], units: number[]): Pair[] {
  const patients = units.reduce((most, unit) => Math.max(most, unit), -1) + 1;
  const resamples = resamplesFor(units.length * shares.length);
  const place = stream("evaluation interval");
  const drawn = new Series();
  const collect = (weights: ArrayLike<number>) =>
    shares.forEach((share, s) => drawn.push(`share ${s}`, shareOf(share, units, weights)));
  collect(new Uint16Array(patients).fill(1));
  for (let r = 0; r < resamples; r++) {
    const weights = new Uint16Array(patients);
    for (let i = 0; i < patients; i++) weights[below(patients, 0, place, r, i)]++;
    collect(weights);
  }
  return shares.map(({ counts }, s) =>
    drawn.interval(`share ${s}`, new Set(units.filter((_, i) => counts[i])).size, [0, 1])
  );
}

/** Figures whose ends mean that nothing, or everything, was told apart. */
const BOUNDED: readonly string[] = [
  ...["accuracy", "balanced_accuracy", "auc_macro_one_vs_rest", "auc_macro_one_vs_one"],
  ...["auc_micro_one_vs_rest", "m_auc", "f1_macro"],
];

/** How many resamples of this much work each: 2,000 where that is no more than a second or two, 200 at least. */
export function resamplesFor(work: number): number {
  return Math.max(200, Math.min(2000, Math.floor(WORK / Math.max(1, work))));
}

/**
 * What a true share may be when all of `n` came out alike: the exact bound of Clopper and Pearson. It holds for an
 * AUC of 1 as well: among n positives and no fewer negatives are n disjoint pairs, all in order.
 */
export function endInterval(value: number, n: number, level = LEVEL): [number, number] {
  const bound = ((1 - level) / 2) ** (1 / n);
  return value === 1 ? [bound, 1] : [0, 1 - bound];
}

/** Values of figures over resamples; the first is that of the whole set. */
export class Series {
  readonly #values = new Map<string, (number | null)[]>();

  push(key: string, value: number | null): void {
    const known = this.#values.get(key);
    if (known) known.push(value);
    else this.#values.set(key, [value]);
  }

  add({ whole, by_class }: ResampledFigures, prefix: string): void {
    for (const name of RESAMPLED) this.push(prefix + name, whole[name]);
    by_class.forEach((figures, c) => {
      for (const name of BY_CLASS) this.push(`${prefix}${c} ${name}`, figures[name]);
    });
  }

  interval(key: string, n: number, ends: readonly number[]): Pair {
    const [first, ...rest] = this.#values.get(key)!;
    const known = rest.filter((value) => value !== null);
    // Where most resamples lack the figure, those that have it are no fair draw.
    if (first === null || n < 2 || known.length < rest.length / 2) return null;
    const sorted = Float64Array.from(known).sort();
    const [low, high] = [(1 - LEVEL) / 2, (1 + LEVEL) / 2].map((q) => quantile(sorted, q));
    if (low < high) return [low, high];
    return ends.includes(first) ? endInterval(first, n) : null;
  }
}

/** Mean over the folds in which a figure is defined. */
function over(each: ResampledFigures[], name: typeof RESAMPLED[number]): number | null {
  const known = each.flatMap(({ whole }) => whole[name] ?? []);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

function shareOf(
  { counts, marked }: Share,
  units: number[],
  weights: ArrayLike<number>,
): number | null {
  let [hit, all] = [0, 0];
  for (let i = 0; i < units.length; i++) {
    if (!counts[i]) continue;
    all += weights[units[i]];
    if (marked[i]) hit += weights[units[i]];
  }
  return all > 0 ? hit / all : null;
}

function byName<Name extends string, T>(names: readonly Name[], make: (name: Name) => T) {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, T>;
}
