/** The analysis of a data set's readings, and as it is told. */
import { z } from "zod";
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import type { AucEstimate } from "@/lib/evaluation/delong.ts";
import { LEVEL } from "@/lib/evaluation/evaluation_intervals.ts";
import { holm } from "@/lib/evaluation/holm.ts";
import type { ReaderStudyResult } from "@/lib/evaluation/reader_study.ts";
import { readerStudyOf } from "@/lib/evaluation/reader_study_thread.ts";
import { shownNames } from "./image_names.ts";
import { readerName } from "./pseudonym.ts";
import { assertSingleLabel } from "./multi_label.ts";
import { classesOf } from "./reading_edit.ts";
import type { DatasetRow, EvaluationRow, NamedReading, Store } from "@/lib/store/mod.ts";

const number = z.number().nullable();
const pair = z.tuple([z.number(), z.number()]).nullable();
const aucSchema = z.object({
  auc: z.number(),
  standard_error: z.number(),
  interval: pair.describe("By DeLong, patients together (Obuchowski); null without any spread"),
}).nullable().describe("Null where a side has images of fewer than two patients");
const condition = z.string().nullable().describe("Null where none is named");
const p = number.describe("Two-sided");
const p_holm = number.describe("After Holm, over all of this list");

export const readingStudySchema = z.object({
  dataset: z.string(),
  positive: z.string().describe("The class that is looked for, against all others"),
  level: z.number().describe("Of the intervals"),
  images: z.number().describe("With a class, read by each of the readers under each condition"),
  positives: z.number(),
  patients: z.number().describe("An image without a patient is one"),
  conditions: z.array(condition),
  readers: z.array(z.object({
    reader: z.string(),
    condition,
    score: z.enum(["rating", "confidence", "decision"]).describe(
      "What the AUC is of: the finest that all of the reader's readings have. By confidence, decisions for the " +
        "positive class come above all others, the surer the higher, and the surer of another class, the lower",
    ),
    auc: aucSchema,
    sensitivity: number.describe("Of the decisions; null where not every image has one"),
    sensitivity_interval: pair.describe("Percentiles over resamples of patients"),
    specificity: number,
    specificity_interval: pair,
    gaze: z.number().describe("Images of these on which the reader's gaze is there"),
  })),
  agreement: z.array(z.object({
    condition,
    pairs: z.array(z.object({
      a: z.string(),
      b: z.string(),
      images: z.number().describe("On which both decided"),
      agreed: z.number().describe("On which both decided alike"),
      kappa: number.describe("Cohen's; null where both gave but one and the same answer"),
    })),
    fleiss_kappa: number.describe("Of all readers"),
  })).describe("Of the decisions as they stand, classes of any number"),
  mrmc: z.object({
    conditions: z.array(z.object({
      condition,
      auc: z.number().describe("Mean over readers"),
      standard_error: z.number(),
      df: number.describe("Null where readers do not differ at all"),
      interval: pair,
    })),
    differences: z.array(z.object({
      a: condition,
      b: condition,
      difference: z.number().describe("Mean AUC of `a` less that of `b`"),
      standard_error: z.number(),
      df: number,
      interval: pair,
      f: number,
      p,
      p_holm,
    })),
  }).nullable().describe(
    "Obuchowski and Rockette's analysis with Hillis' degrees of freedom, readers and cases both random; null with one " +
      "reader, and where a side has images of fewer than two patients",
  ),
  model: z.object({
    evaluation: z.string(),
    model: z.string().nullable().describe("Null where it was deleted"),
    images: z.number().describe("Of those above, that the evaluation tested"),
    positives: z.number(),
    auc: aucSchema,
    readers: z.array(z.object({
      reader: z.string(),
      condition,
      reader_auc: number.describe("On the images of the model"),
      difference: number.describe("AUC of the model less that of the reader, on the same images"),
      standard_error: number,
      interval: pair,
      p,
      p_holm,
    })).describe("By DeLong's test, patients together: of these readers, not of others"),
  }).nullable().describe("With `evaluation`: its model beside each reader"),
  warnings: z.array(z.string()).describe("What to know before a figure is believed"),
}).meta({ id: "ReadingStudy" });

export interface ReadingStudyOptions {
  /** By whatever name; all without. */
  readers?: string[];
  /** "" means the readings without one; all without. */
  conditions?: string[];
  positive?: string;
  evaluation?: string;
}

/**
 * @throws {NotFound} for an evaluation that is not there
 * @throws {InvalidInput} where there is nothing to analyse, or what is asked for is not there
 * @throws {Conflict} where the data set has changed since the evaluation
 */
export async function readingStudy(
  store: Store,
  dataset: DatasetRow,
  { readers, conditions, positive, evaluation }: ReadingStudyOptions,
): Promise<z.output<typeof readingStudySchema>> {
  assertSingleLabel(dataset, "analyse readings");
  const all = await store.readings.ofDataset(dataset.id);
  if (all.length === 0) {
    throw new InvalidInput(`Cannot analyse: data set "${dataset.name}" has no readings`);
  }
  const picked = (name: "reader" | "condition", wanted: string[] | undefined) => {
    const there = new Set(all.map((row) => row[name]));
    const missing = wanted?.find((one) => !there.has(one));
    if (missing !== undefined) {
      const message = `there are no readings of ${name} "${missing}", but of ` +
        shownNames([...there].sort());
      throw new InvalidInput(`Cannot analyse: ${message}`, [{ pointer: `/${name}s`, message }]);
    }
    return new Set(wanted ?? there);
  };
  const who = picked("reader", readers?.map((name) => readerName(store, name)));
  const how = picked("condition", conditions);
  const readings = all.filter((row) => who.has(row.reader) && how.has(row.condition));
  if (readings.length === 0) {
    throw new InvalidInput("Cannot analyse: none of these readers has read under these conditions");
  }
  const classes = await classesOf(store, dataset);
  const looked = positiveOf(dataset, classes, positive);
  refuseOthers(readings, classes);
  const images = await store.images.all(dataset.id);
  const row = evaluation === undefined ? undefined : await store.evaluations.get(evaluation);
  const found = await readerStudyOf({
    readings,
    labels: new Map(images.flatMap(({ name, label }) => label === null ? [] : [[name, label]])),
    patients: new Map(images.map(({ name, patient }) => [name, patient])),
    positive: looked,
    rated: dataset.positive_label === null || dataset.positive_label === looked,
    model: row ? await probabilities(store, dataset, row, looked) : null,
  });
  if (row) found.warnings.push(...modelWarnings(row));
  return toView(found, { dataset: dataset.name, positive: looked, row });
}

function positiveOf(
  { name, positive_label }: DatasetRow,
  classes: Set<string>,
  asked = positive_label ?? undefined,
): string {
  const there = classes.size === 0
    ? "it has no labels"
    : `its classes are ${shownNames([...classes].sort())}`;
  if (asked === undefined) {
    throw new InvalidInput(
      `Cannot analyse: data set "${name}" names no positive label; say positive=CLASS (${there})`,
    );
  }
  if (!classes.has(asked)) {
    throw new InvalidInput(
      `Cannot analyse: "${asked}" is no class of data set "${name}": ${there}`,
    );
  }
  return asked;
}

/** Labels of the set may have changed since the readings came. */
function refuseOthers(readings: NamedReading[], classes: Set<string>): void {
  const others = readings.filter(({ label }) => label !== null && !classes.has(label));
  if (others.length === 0) return;
  const [{ image, reader, label }] = others;
  throw new InvalidInput(
    `Cannot analyse: ${others.length} of ${readings.length} readings decided for what is no class of the data set ` +
      `any more, such as "${label}" for "${image}" by "${reader}"; its classes are ` +
      `${shownNames([...classes].sort())}. Send the readings again`,
  );
}

/** By image. */
async function probabilities(
  store: Store,
  dataset: DatasetRow,
  row: EvaluationRow,
  positive: string,
): Promise<Map<string, number>> {
  const refuse = (message: string) =>
    new InvalidInput(`Cannot compare with evaluation "${row.id}": ${message}`, [
      { pointer: "/evaluation", message },
    ]);
  if (row.dataset_id !== dataset.id) throw refuse("it is of another data set");
  if (row.dataset_digest && row.dataset_digest !== await store.datasets.digestOf(dataset)) {
    throw new Conflict(
      `Cannot compare: the data set has changed since evaluation "${row.id}"; evaluate the model anew`,
    );
  }
  if (row.scores.some(({ fold }) => fold !== undefined)) {
    throw refuse(
      "its scores are of the models of several folds, which do not compare with each other",
    );
  }
  if (!row.metrics.classes.includes(positive)) {
    throw refuse(`its model has no class "${positive}"`);
  }
  return new Map(row.scores.map(({ image, probabilities }) => [image, probabilities[positive]]));
}

function modelWarnings({ warnings, seen, dataset_digest }: EvaluationRow): string[] {
  return [
    ...dataset_digest ? [] : [
      "Whether the data set has changed since the evaluation is not known: it is of an older version",
    ],
    ...(seen ? [] : ["What the model had seen of the images is not known"]),
    ...(warnings ?? []).map((message) => `Of the evaluation: ${message}`),
  ];
}

function toView(
  found: ReaderStudyResult,
  { dataset, positive, row }: { dataset: string; positive: string; row?: EvaluationRow },
): z.output<typeof readingStudySchema> {
  const named = (condition: string) => condition === "" ? null : condition;
  const { images, positives, patients, conditions, warnings, mrmc, model } = found;
  const adjusted = holm(mrmc?.differences.map(({ p }) => p) ?? []);
  return {
    ...{ dataset, positive, level: LEVEL, images, positives, patients },
    conditions: conditions.map(named),
    readers: found.figures.map(({ auc, condition, ...figures }) => ({
      ...figures,
      condition: named(condition),
      auc: auc && estimateOf(auc),
    })),
    agreement: found.agreement.map((one) => ({ ...one, condition: named(one.condition) })),
    mrmc: mrmc && {
      conditions: mrmc.conditions.map(({ condition, auc, standard_error, df, ...ends }) => ({
        ...{ condition: named(condition), auc, standard_error, df },
        interval: spreadOf(standard_error, ends),
      })),
      differences: mrmc.differences.map(({ a, b, low, high, ...rest }, i) => ({
        ...{ a: named(a), b: named(b) },
        ...rest,
        interval: spreadOf(rest.standard_error, { low, high }),
        p_holm: adjusted[i],
      })),
    },
    model: model && row
      ? {
        ...{ evaluation: row.id, model: row.model_id },
        ...{ images: model.images, positives: model.positives },
        auc: model.auc && estimateOf(model.auc),
        readers: model.readers.map(({ reader, condition, difference: one }) => ({
          ...{ reader, condition: named(condition) },
          reader_auc: one?.b.auc ?? null,
          difference: one?.difference ?? null,
          standard_error: one?.standard_error ?? null,
          interval: one && spreadOf(one.standard_error, one),
          ...{ p: one?.p ?? null, p_holm: one?.p_holm ?? null },
        })),
      }
      : null,
    warnings,
  };
}

const estimateOf = ({ auc, standard_error, ...ends }: AucEstimate) => ({
  ...{ auc, standard_error },
  interval: spreadOf(standard_error, ends),
});

/** Without any spread the normal interval is a point, which nobody should believe. */
function spreadOf(error: number, { low, high }: { low: number; high: number }) {
  return error > 0 ? [low, high] as [number, number] : null;
}
