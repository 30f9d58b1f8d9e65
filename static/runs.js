/** The runs of a data set by name, those that differ in the seed alone together. */
import { aucOf } from "./findings.js";
import { get, list } from "./api.js";
import { groupName, groupOfModel, toldApart } from "./names.js";
import { MODEL_FIELDS } from "./model_fields.js";

const SPEC = [
  ...["dataset", "method", "arm", "cut", "similarity", "backbone", "seed", "split_seed", "init"],
  ...["fold", "folds", "mode", "name", "epochs", "config.output"],
].map((field) => `spec.${field}`);
const FIELDS = [
  ...["id", "kind", "state", "progress", "estimated_finish", "started_at", "finished_at"],
  ...["created_at", "result", "study", "error", "requested", "queue_position", "waits_for"],
  ...SPEC,
].join(",");
const FIGURES =
  "id,model,metrics.m_auc,metrics.auc_macro_one_vs_rest,metrics.accuracy,metrics.macro.auc,metrics.macro.accuracy";

/** Runs that are read at most. */
const MOST = 2000;
const TRAININGS = ["pretrain", "finetune"];

/**
 * @typedef {object} Run
 * @property {any} job
 * @property {string} group what it shares with others that differ in the seed
 * @property {number | null} auc of what was fine-tuned from it, or of itself
 * @property {string[]} evaluations ids of those that the AUC is of
 */

/** Newest jobs that are looked at again while something is on its way. */
const FRESH = 60;

/**
 * The newest runs as they are now, put into those that are known; undefined where something has ended or come, and all
 * is to be read anew.
 * @param {Run[]} runs
 * @returns {Promise<Run[] | undefined>}
 */
export async function refreshed(runs, name, signal) {
  const { data } = await get(
    `/v1/jobs?dataset=${encodeURIComponent(name)}&limit=${FRESH}&fields=${FIELDS}`,
    signal,
  );
  const known = new Map(runs.map((run) => [run.job.id, run]));
  const over = ({ finished_at }) => finished_at !== null;
  const now = data.filter(({ kind }) => TRAININGS.includes(kind));
  if (now.some((job) => !known.has(job.id) || over(job) !== over(known.get(job.id).job))) {
    return undefined;
  }
  const fresh = new Map(now.map((job) => [job.id, job]));
  return runs.map((run) => ({ ...run, job: fresh.get(run.job.id) ?? run.job }));
}

/** Pre-trainings and fine-tunings of a data set, the newest first. @returns {Promise<Run[]>} */
export async function readRuns(name, signal) {
  const [jobs, models, evaluations] = await Promise.all([
    list(`/v1/jobs?dataset=${encodeURIComponent(name)}&fields=${FIELDS}`, signal, MOST),
    list(`/v1/models?fields=${MODEL_FIELDS}`, signal, MOST),
    list(`/v1/evaluations?fields=${FIGURES}`, signal, MOST),
  ]);
  const modelById = new Map(models.map((model) => [model.id, model]));
  const modelOf = (id) => modelById.get(id);
  const auc = new Map(
    evaluations.map(({ id, metrics }) => [id, aucOf(metrics)]),
  );
  const trainings = jobs.filter(({ kind }) => TRAININGS.includes(kind));
  const own = new Map(trainings.map((job) => [job.id, auc.get(job.result?.evaluation) ?? null]));
  /** Of a pre-trained model, what the fine-tunings from it reached. */
  const after = new Map();
  for (const job of trainings) {
    const value = own.get(job.id);
    if (job.kind !== "finetune" || value === null) continue;
    after.set(job.spec.init, [...after.get(job.spec.init) ?? [], job]);
  }
  return trainings.map((job) => {
    const start = job.kind === "finetune" ? modelOf(job.spec.init) : undefined;
    const value = own.get(job.id);
    const scored = value === null ? after.get(job.result?.model) ?? [] : [job];
    return {
      job,
      group: groupName(job.kind, job.spec, start && groupOfModel(start, modelOf)),
      auc: scored.length > 0 ? mean(scored.map(({ id }) => own.get(id))) : null,
      evaluations: scored.map(({ result }) => result.evaluation),
    };
  });
}

/** @param {Run[]} runs @returns {{key: string, kind: string, title: string, runs: Run[]}[]} in the order of the newest */
export function groupRuns(runs) {
  const groups = Map.groupBy(runs, ({ job, group }) => `${job.kind}\n${job.study ?? ""}\n${group}`);
  return [...groups].map(([key, own]) => ({
    key,
    kind: own[0].job.kind,
    title: own[0].group,
    runs: own.toSorted((a, b) => (a.job.spec.seed ?? 0) - (b.job.spec.seed ?? 0)),
  }));
}

/** The same groups, those of one title told apart: by kind, by study, and if need be by their newest job. */
export function titledApart(groups) {
  const kinds = { pretrain: "pre-training", finetune: "fine-tuning" };
  return toldApart(groups, {
    textOf: ({ title }) => title,
    more: [
      ({ kind }) => kinds[kind] ?? kind,
      ({ runs: [{ job }] }) => job.study ? `study ${job.study.slice(-6)}` : "no study",
      ({ runs: [{ job }] }) => `job ${job.id.slice(-6)}`,
    ],
  }).map(([group, title]) => ({ ...group, title }));
}

/** What a run was drawn by: runs with the same say nothing of chance. */
const drawOf = ({ job: { spec } }) =>
  JSON.stringify([spec.seed, spec.split_seed ?? spec.seed, spec.fold ?? null]);

/**
 * What runs of one group reached. Runs of one seed and split count once, by their mean.
 * @param {Run[]} runs
 * @returns {{mean: number, deviation: number | null, n: number, told: string} | null} `deviation` is null of one draw
 *   alone; `told` says of repeated runs, else ""
 */
export function reached(runs) {
  const scored = runs.filter(({ auc }) => auc !== null);
  if (scored.length === 0) return null;
  const draws = [...Map.groupBy(scored, drawOf).values()];
  const values = draws.map((own) => mean(own.map(({ auc }) => auc)));
  const repeated = draws.filter((own) => own.length > 1);
  const equal = repeated.every((own) => own.every(({ auc }) => auc === own[0].auc));
  return {
    mean: mean(values),
    deviation: values.length > 1 ? deviation(values) : null,
    n: values.length,
    told: repeated.length === 0
      ? ""
      : `${scored.length} ${equal && draws.length === 1 ? "equal runs" : "runs, some of one seed"}`,
  };
}

/** Whether groups were evaluated on the same images, by the images of each evaluation; order does not matter. */
export function sameImages(groups) {
  const signs = groups.map((evaluations) =>
    JSON.stringify([...new Set(evaluations.map((images) => images.toSorted().join("\n")))].sort())
  );
  return new Set(signs).size <= 1;
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Population deviation, as in the tables. */
export function deviation(values) {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
}

/** Curves of several jobs as one. @returns {Promise<Map<string, any>>} by name */
export async function curvesOf(runs, points, signal) {
  const [first, ...others] = runs.slice(0, 100).map(({ job }) => job.id);
  const joined = others.length > 0 ? `&with=${others.join(",")}` : "";
  const { data } = await get(`/v1/jobs/${first}/curves?points=${points}${joined}`, signal);
  return new Map(data.map((curve) => [curve.name, curve]));
}
