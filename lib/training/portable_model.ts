/** What a model says of itself when it leaves: what its use needs, where it comes from, how good it was found to be. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { figures } from "@/lib/evaluation/evaluation.ts";
import { isMultiLabelMetrics } from "@/lib/evaluation/multi_label_evaluation.ts";
import type { LeavingMetadata } from "@/lib/models/model_metadata.ts";
import type { EvaluationRow, ModelRow, Store } from "@/lib/store/mod.ts";
import { version } from "@/lib/version.ts";
import type { ClassifierLineage, PretrainedLineage, UploadedLineage } from "./lineage.ts";

/** Evaluations that are told, the newest. */
const MOST_EVALUATIONS = 5;
/** Models that a model was started from, one from the other. */
const MOST_STARTS = 8;

const portableEvaluationSchema = z.object({
  evaluation: z.string(),
  dataset_digest: z.string().nullable(),
  images: z.number(),
  created_at: z.string(),
  folds: z.number().nullable().describe(
    "Of a cross-validation, whose models are pooled; null without",
  ),
  level: z.number().nullable().describe("Of the intervals"),
  units: z.number().nullable().describe(
    "Patients that were drawn; an image without a patient is one",
  ),
  figures: z.record(z.string(), z.number().nullable()),
  intervals: z.record(z.string(), z.tuple([z.number(), z.number()]).nullable())
    .describe("Of patients drawn with replacement; null where there is none"),
  seen: z.unknown().describe("What the model had seen of the tested images; null: not known"),
  warnings: z.array(z.string()),
});
export type PortableEvaluation = z.output<typeof portableEvaluationSchema>;

/** Free JSON: the forms of lineage differ between kinds and versions. */
const lineageSchema = z.record(z.string(), z.unknown());
export type PortableLineage = z.output<typeof lineageSchema>;

export type PortableMetadata = LeavingMetadata & {
  written_by: string;
  /** What goes in and what comes out, in words. */
  input: string;
  outputs: string;
  model: Pick<ModelRow, "id" | "name" | "version" | "kind">;
  lineage: PortableLineage;
  evaluations: PortableEvaluation[];
};

export async function portableMetadata(store: Store, row: ModelRow): Promise<PortableMetadata> {
  const { backbone, width, channels, image_size, classes, multi_label, normalization } = row.spec;
  const { data } = await store.evaluations.list({ limit: MOST_EVALUATIONS }, [[
    "model_id = ?",
    row.id,
  ]]);
  const evaluations = await Promise.all(
    data.map(async (found) => await portableEvaluation(store, found)),
  );
  const origin = originOf(row);
  return {
    version: 1,
    written_by: `McGIP Server ${version}`,
    ...{ architecture: backbone, width, channels, image_size, classes, normalization },
    ...(multi_label && { multi_label }),
    input: "Pixels in 0 to 1 of the whole picture resized to image_size, minus mean, by std; " +
      (channels === 1
        ? "one grey channel"
        : "red, green, blue; of a grey picture three times the grey"),
    outputs: classes.length === 0
      ? "features"
      : multi_label
      ? "logits; a sigmoid of each gives its probability, which do not add up to 1"
      : "logits; a softmax gives probabilities",
    model: { id: row.id, name: row.name, version: row.version, kind: row.kind },
    lineage: await portableLineage(store, row, MOST_STARTS),
    evaluations: [...evaluations, ...origin?.evaluations ?? []],
  };
}

/** What an uploaded model's file said of its past, where that can be read. */
const originSchema = z.object({
  lineage: lineageSchema.optional().catch(undefined),
  evaluations: z.array(portableEvaluationSchema).catch([]),
});

function originOf(row: ModelRow): z.output<typeof originSchema> | undefined {
  if (row.kind !== "uploaded") return undefined;
  return originSchema.safeParse((row.lineage as UploadedLineage).origin).data;
}

/** Names of images stay here: they may tell who a patient is. Their digests tell whether two parts are the same. */
async function portableLineage(
  store: Store,
  row: ModelRow,
  starts: number,
): Promise<PortableLineage> {
  if (row.kind === "uploaded") {
    const { uploaded, source } = row.lineage as UploadedLineage;
    return originOf(row)?.lineage ?? { kind: row.kind, uploaded, source };
  }
  const lineage = row.lineage as PretrainedLineage | ClassifierLineage;
  const { spec, job, dataset_digest, code_version, adapter, init, warnings } = lineage;
  const first = starts > 0 && init !== "scratch" ? await store.models.find(init) : undefined;
  const shared = {
    kind: row.kind,
    ...{ job, dataset: spec.dataset, dataset_digest, seed: spec.seed, code_version, adapter, init },
    ...(first ? { start: await portableLineage(store, first, starts - 1) } : {}),
    created_at: row.created_at,
    ...(warnings ? { warnings } : {}),
    spec,
  };
  if (!("split" in lineage)) {
    const { method, arm, leave_out } = (lineage as PretrainedLineage).spec;
    const { positives, images, steps, loss } = lineage as PretrainedLineage;
    const split = { leave_out, ...(images ? { images } : {}) };
    return { ...shared, method, arm, split, positives, steps, loss };
  }
  const { best, fold, split: names } = lineage;
  const { split, folds } = lineage.spec;
  const parts = Object.entries(names).map(([part, images]) => [
    part,
    { images: images.length, names_sha256: digestOfNames(images) },
  ]);
  return {
    ...shared,
    method: "finetune",
    mode: lineage.spec.mode,
    best,
    split: { shares: split, folds, fold, ...Object.fromEntries(parts) },
  };
}

/** SHA-256 of the sorted names as a JSON array. */
function digestOfNames(names: string[]): string {
  return createHash("sha256").update(JSON.stringify(names.toSorted())).digest("hex");
}

async function portableEvaluation(store: Store, row: EvaluationRow): Promise<PortableEvaluation> {
  const spec = (await store.jobs.find(row.job_id))?.spec as { dataset_digest?: string } | undefined;
  const { folds, warnings } = row.metrics;
  const { values, intervals } = portableFigures(row.metrics);
  return {
    evaluation: row.id,
    dataset_digest: row.dataset_digest ?? spec?.dataset_digest ?? null,
    images: row.scores.length,
    folds: folds?.length ?? null,
    created_at: row.created_at,
    level: row.metrics.intervals?.level ?? null,
    units: row.metrics.intervals?.units ?? null,
    ...{ figures: values, intervals },
    seen: row.seen ?? null,
    warnings: [...new Set([...row.warnings ?? [], ...warnings ?? []])],
  };
}

type Values = Record<string, number | null>;

/** The single numbers and their intervals; of a multi-label model averages, and the AUC of each finding. */
function portableFigures(
  metrics: EvaluationRow["metrics"],
): { values: Values; intervals: PortableEvaluation["intervals"] } {
  if (!isMultiLabelMetrics(metrics)) {
    const { images: _, ...values } = figures(metrics);
    return { values, intervals: metrics.intervals?.figures ?? {} };
  }
  const named = <T>(of: Record<string, T>, end: string) =>
    Object.entries(of).map(([name, value]) => [`${name}_${end}`, value] as const);
  const { macro, micro, findings, m_auc, intervals } = metrics;
  return {
    values: Object.fromEntries([
      ...[["m_auc", m_auc] as const, ...named(macro, "macro"), ...named(micro, "micro")],
      ...findings.map(({ finding, auc }) => [`auc ${finding}`, auc] as const),
    ]),
    intervals: Object.fromEntries([
      ...[...named(intervals.macro, "macro"), ...named(intervals.micro, "micro")],
      ...findings.map((one) => [`auc ${one.finding}`, one.intervals.auc] as const),
    ]),
  };
}
