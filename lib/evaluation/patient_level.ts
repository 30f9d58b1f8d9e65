/** One score per patient from the scores of the patient's images: their mean, and the largest of the positive class. */
import { z } from "zod";
import { auc, macroOneVersusRest, oneVersusRest } from "./auc.ts";
import { type AucEstimate, delong } from "./delong.ts";
import { argmax, type Scores } from "./scores.ts";

const number = z.number().nullable();
const interval = z.tuple([z.number(), z.number()]).nullable()
  .describe(
    "95 %, DeLong; null where a side has fewer than two patients, and with folds, whose models' " +
      "scores do not compare",
  );

export const patientScoreSchema = z.object({
  patient: z.string(),
  label: z.string().nullable().describe(
    "The positive class where an image of the patient has it; null where the images differ otherwise",
  ),
  images: z.number(),
  mean: z.record(z.string(), z.number()).describe("Mean probability over the images, by class"),
  max: number.describe("Largest probability of the positive class; null without one"),
}).meta({ id: "PatientScore" });
export type PatientScore = z.output<typeof patientScoreSchema>;

export const patientLevelSchema = z.object({
  patients: z.number().describe("That have one label"),
  left_out: z.number().describe("Patients whose images have several labels, none of them positive"),
  mean: z.object({
    accuracy: number,
    auc_macro_one_vs_rest: number,
    m_auc: number,
    m_auc_interval: interval,
  }).describe("By the mean probability over the patient's images"),
  max: z.object({ m_auc: number, m_auc_interval: interval })
    .describe("By the largest probability of the positive class"),
}).meta({ id: "PatientLevel" });
export type PatientLevel = z.output<typeof patientLevelSchema>;

/** @param patients patient of each image, in the order of the scores; null: the image stands for itself */
export function patientScores(
  scores: Scores,
  patients: (string | null)[],
  positive: string | null,
): PatientScore[] {
  const { classes, images, labels, probabilities } = scores;
  const groups = Map.groupBy(images.keys(), (i) => patients[i] ?? `image ${images[i]}`);
  const p = positive === null ? -1 : classes.indexOf(positive);
  return [...groups].map(([patient, rows]) => {
    const own = new Set(rows.map((i) => labels[i]));
    const label = own.size === 1 ? rows.map((i) => labels[i])[0] : own.has(p) ? p : -1;
    return {
      patient,
      label: label < 0 ? null : classes[label],
      images: rows.length,
      mean: Object.fromEntries(classes.map((name, c) => [
        name,
        rows.reduce((sum, i) => sum + probabilities[i][c], 0) / rows.length,
      ])),
      max: p < 0 ? null : Math.max(...rows.map((i) => probabilities[i][p])),
    };
  });
}

/** @param given `folded`: the scores are of several folds' models */
export function patientLevel(
  found: PatientScore[],
  { classes, positive, folded }: { classes: string[]; positive: string | null; folded: boolean },
): PatientLevel {
  const known = found.filter(({ label }) => label !== null);
  const scores: Scores = {
    classes,
    images: known.map(({ patient }) => patient),
    labels: known.map(({ label }) => classes.indexOf(label!)),
    probabilities: known.map(({ mean }) => classes.map((name) => mean[name])),
  };
  const p = positive === null ? -1 : classes.indexOf(positive);
  const truth = scores.labels.map((label) => label === p);
  const units = known.map((_, i) => i);
  const of = (score: number[]) => p < 0 || folded ? null : told(delong(truth, score, units));
  const max = known.map(({ max }) => max ?? 0);
  const right = scores.labels.filter((label, i) => argmax(scores.probabilities[i]) === label);
  return {
    patients: known.length,
    left_out: found.length - known.length,
    mean: {
      accuracy: known.length ? right.length / known.length : null,
      auc_macro_one_vs_rest: macroOneVersusRest(scores),
      m_auc: p < 0 ? null : oneVersusRest(scores, p),
      m_auc_interval: of(scores.probabilities.map((row) => row[p])),
    },
    max: { m_auc: p < 0 ? null : auc(truth, max), m_auc_interval: of(max) },
  };
}

/** Without any spread there is no normal interval to be told. */
function told(found: AucEstimate | null): [number, number] | null {
  return found && found.standard_error > 0 ? [found.low, found.high] : null;
}
