/** The whole way over HTTP: upload, similarity, audit, pre-training by arms, fine-tuning, evaluation, prediction. */
import type { Client, Job } from "./client.ts";
import { step, table } from "./terminal.ts";

/** Sizes of the runs; small enough for two cores without a GPU. */
export interface StorySizes {
  width: number;
  imageSize: number;
  batchSize: number;
  pretrainEpochs: number;
  finetuneEpochs: number;
  /** Of the cross-validation that every figure of the table comes from. */
  folds: number;
  /** Top share of pairs that count as positive. */
  quantile: number;
}

export const SIZES: StorySizes = {
  width: 16,
  imageSize: 32,
  batchSize: 16,
  pretrainEpochs: 16,
  finetuneEpochs: 10,
  folds: 4,
  quantile: 0.15,
};

/** What starts the fine-tuning; `scratch` is no pre-training at all. */
const ARMS = ["scratch", "none", "shuffled", "gaze"] as const;
type Arm = typeof ARMS[number];

const ARM_WORDS: Record<Arm, string> = {
  scratch: "from scratch",
  none: "BYOL, no gaze",
  shuffled: "BYOL, gaze shuffled",
  gaze: "BYOL + gaze (McGIP)",
};

interface ImportReport {
  images: number;
  gaze: number;
  warnings: unknown[];
}

interface FoldMetrics {
  mean: Record<string, number | null>;
  standard_deviation: Record<string, number | null>;
}

/** Heads of the table, and the figures below them; with two classes M-AUC is the AUC. */
const COLUMNS = [
  ["ACC", "accuracy"],
  ["AUC", "auc_macro_one_vs_rest"],
] as const;

/** Uploads the archive as `name` and tells the story; returns when everything has succeeded. */
export async function tellStory(
  client: Client,
  options: { name: string; archive: Uint8Array; measure: string; sizes: StorySizes },
): Promise<void> {
  const { name, archive, measure, sizes } = options;
  await upload(client, name, archive);
  const similarity = await computeSimilarity(client, name, measure);
  await audit(client, similarity);

  const rows: string[][] = [["", ...COLUMNS.map(([head]) => head)]];
  let gazeModel = "";
  for (const arm of ARMS) {
    const init = arm === "scratch"
      ? "scratch"
      : await pretrain(client, name, similarity, arm, sizes);
    const tuned = await run(client, `fine-tune ${ARM_WORDS[arm]}`, {
      kind: "finetune",
      dataset: name,
      init,
      ...(init === "scratch" ? { backbone: "resnet18", width: sizes.width } : {}),
      image_size: sizes.imageSize,
      epochs: sizes.finetuneEpochs,
      folds: sizes.folds,
      batch_size: sizes.batchSize,
      seed: 1,
    });
    const { metrics } = await client.call<{ metrics: FoldMetrics }>(
      "GET",
      `/v1/evaluations/${tuned.evaluation}`,
    );
    rows.push([ARM_WORDS[arm], ...COLUMNS.map(([, figure]) => cell(metrics, figure))]);
    gazeModel = tuned.model;
  }
  await evaluate(client, name, gazeModel);
  await predict(client, name, gazeModel);
  console.log(`\n${table(rows)}\n`);
  console.log(
    `Mean ± deviation over ${sizes.folds} folds, split by patient. These runs are tiny: few images, a thin\n` +
      "network, a handful of epochs, one seed. Differences between the rows are mostly noise; they\n" +
      "show that the machinery works, not that gaze helps. Pre-training has looked at the pictures\n" +
      "(not the labels) that the folds test on, as the evaluations say; a study leaves them out.",
  );
}

async function upload(client: Client, name: string, archive: Uint8Array): Promise<void> {
  const line = step("upload");
  const report = await client.call<ImportReport>("PUT", `/v1/datasets/${name}`, archive);
  const kilobytes = Math.round(archive.length / 1024);
  line.done(
    `${kilobytes} KiB: ${report.images} images, ${report.gaze} scanpaths, ${report.warnings.length} warnings`,
  );
}

async function computeSimilarity(client: Client, dataset: string, measure: string) {
  const { similarity } = await run(client, `similarity (${measure})`, {
    kind: "similarity",
    dataset,
    measure,
  });
  return similarity;
}

async function audit(client: Client, similarity: string): Promise<void> {
  const line = step("audit: does gaze know the label?");
  const { labels } = await client.call<{ labels: { auc: number; auc_p: number } | null }>(
    "GET",
    `/v1/similarities/${similarity}/audit`,
  );
  line.done(labels ? `AUC ${show(labels.auc)}, permutation p ${show(labels.auc_p)}` : "no labels");
}

async function pretrain(
  client: Client,
  dataset: string,
  similarity: string,
  arm: Exclude<Arm, "scratch">,
  sizes: StorySizes,
): Promise<string> {
  const { model } = await run(client, `pre-train ${ARM_WORDS[arm]}`, {
    kind: "pretrain",
    dataset,
    method: "byol",
    arm,
    ...(arm === "none" ? {} : { similarity, cut: { quantile: sizes.quantile } }),
    backbone: "resnet18",
    width: sizes.width,
    image_size: sizes.imageSize,
    epochs: sizes.pretrainEpochs,
    batch_size: sizes.batchSize,
    // Of folds, each tests on other images.
    leave_out: null,
    seed: 1,
  });
  return model;
}

/** The test images of the fold whose model was kept. */
async function evaluate(client: Client, dataset: string, model: string): Promise<void> {
  await run(client, "evaluate", { kind: "evaluate", model, dataset, split: "test" });
}

async function predict(client: Client, dataset: string, model: string): Promise<void> {
  const line = step("predict");
  const list = await client.call<{ data: { id: string; name: string; label: string }[] }>(
    "GET",
    `/v1/datasets/${dataset}/images?limit=8`,
  );
  const { data } = await client.call<{ data: { label: string }[] }>(
    "POST",
    `/v1/models/${model}/predictions`,
    { dataset, images: list.data.map((image) => image.name) },
  );
  const right = data.filter((prediction, index) => prediction.label === list.data[index].label);
  line.done(`${data.length} images, ${right.length} as labelled (most were trained on)`);
}

/** Runs one job with its progress bar. */
async function run(client: Client, name: string, spec: Record<string, unknown>) {
  const line = step(name);
  const result = await client.job(spec, (job: Job) => {
    const { done, total, unit } = job.progress;
    line.progress(total > 0 ? done / total : 0, `${done} of ${total} ${unit}`);
  });
  line.done("");
  return result;
}

/** Mean and population deviation over the folds. */
function cell({ mean, standard_deviation }: FoldMetrics, figure: string): string {
  return `${show(mean[figure])} ± ${show(standard_deviation[figure])}`;
}

function show(value: unknown): string {
  return typeof value === "number" ? value.toFixed(3) : "–";
}
