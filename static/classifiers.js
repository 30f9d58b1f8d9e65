/** The models of a data set with names, the best classifiers first. */
import { aucOf } from "./findings.js";
import { list } from "./api.js";
import { score } from "./format.js";
import { modelName } from "./names.js";
import { MODEL_FIELDS } from "./model_fields.js";

/** @returns {Promise<{id: string, text: string, auc: number | null, evaluation: string | null, model: any}[]>} */
export async function modelsOf(name, signal, { classifiers = false } = {}) {
  const [models, evaluations] = await Promise.all([
    list(`/v1/models?fields=${MODEL_FIELDS}`, signal, 2000),
    list(
      "/v1/evaluations?fields=id,model,dataset,metrics.m_auc,metrics.auc_macro_one_vs_rest,metrics.macro.auc,metrics.macro.accuracy",
      signal,
      2000,
    ),
  ]);
  const modelOf = (id) => models.find((model) => model.id === id);
  const judged = new Map();
  for (const { id, model, dataset, metrics } of evaluations) {
    if (dataset === name && !judged.has(model)) {
      judged.set(model, { id, auc: aucOf(metrics) });
    }
  }
  const shown = models.filter(({ classes }) => !classifiers || classes.length > 0).map((model) => {
    const { auc = null, id: evaluation = null } = judged.get(model.id) ?? {};
    const set = model.dataset ?? model.lineage?.spec?.dataset ?? null;
    const other = set === name ? "" : ` (${set === null ? "uploaded" : `of ${set}`})`;
    const text = `${modelName(model, modelOf)}${auc === null ? "" : `, AUC ${score(auc)}`}${other}`;
    return { id: model.id, text, auc, evaluation, model, own: set === name };
  });
  return shown.sort((a, b) => Number(b.own) - Number(a.own) || (b.auc ?? -1) - (a.auc ?? -1));
}
