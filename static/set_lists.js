/** What was made from a data set, in light form: models and evaluations with their names. */
import { list } from "./api.js";
import { groupOfModel, jobName, modelName } from "./names.js";

const SPEC = ["method", "arm", "cut", "backbone", "seed", "mode", "fold", "dataset"];
const MODELS =
  "/v1/models?fields=id,name,version,kind,dataset,classes,attention_heads,spec.backbone,created_at," +
  `lineage.init,${SPEC.map((field) => `lineage.spec.${field}`)}`;
const EVALUATIONS = "/v1/evaluations?fields=id,model,dataset,stale,created_at,metrics.classes," +
  "metrics.auc_macro_one_vs_rest,metrics.accuracy,metrics.images,metrics.macro.auc,metrics.macro.accuracy";

/** @typedef {{id: string, title: string, group: string, kind: string, dataset: string, classes: string[], attention_heads: number | null}} NamedModel */

/**
 * All models, the newest first, each with a `title` for people, and with the `group` that it shares with those of
 * other seeds.
 * @returns {Promise<NamedModel[]>}
 */
export async function modelsNamed(signal) {
  const models = await list(MODELS, signal);
  const byId = new Map(models.map((model) => [model.id, model]));
  const modelOf = (id) => byId.get(id);
  return models.map((model) => ({
    ...model,
    title: modelName(model, modelOf),
    group: groupOfModel(model, modelOf),
  }));
}

/** By model: what names of fine-tunings begin with, and what evaluations are of. */
const known = new Map();

/**
 * Names of jobs; those of fine-tunings begin with the model that they start from, those of evaluations name theirs. A
 * model is looked up once.
 * @returns {Promise<(job: any) => string>}
 */
export async function jobTitles(jobs, signal) {
  const wanted = jobs.flatMap((job) => modelOf(job) ?? []).filter((id) => !known.has(id));
  if (wanted.length > 0) {
    for (const { id, group, title } of await modelsNamed(signal)) known.set(id, { group, title });
    // One that is deleted is not looked for again.
    for (const id of wanted) if (!known.has(id)) known.set(id, {});
  }
  return (job) => {
    const { group, title } = known.get(modelOf(job)) ?? {};
    return jobName(job, job.kind === "evaluate" ? title : group);
  };
}

/** The model that a job's name begins with, or tells of. */
function modelOf({ kind, spec }) {
  if (kind === "evaluate") return spec.model;
  return kind === "finetune" && spec.init !== "scratch" ? spec.init : undefined;
}

/** Evaluations on a data set, the newest first, with the name of the model. */
export async function evaluationsOf(name, signal) {
  const [found, models] = await Promise.all([list(EVALUATIONS, signal), modelsNamed(signal)]);
  const titles = new Map(models.map(({ id, title }) => [id, title]));
  return found.filter(({ dataset }) => dataset === name)
    .map((one) => ({ ...one, title: titles.get(one.model) ?? "a model that is deleted" }));
}
