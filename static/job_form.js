/** Forms of jobs, made from the API's description: a method that it learns appears by itself. */
import { description, get, list } from "./api.js";
import { auditOf, FIRST_SEED, lookedWords } from "./audit.js";
import { field as labelled, h, select } from "./dom.js";
import { percent, time, words } from "./format.js";
import { jobKinds, specOf, valueOf } from "./job_fields.js";
import { MODEL_FIELDS } from "./model_fields.js";
import { modelName } from "./names.js";

/** What a first try starts with, where the server's own defaults are meant for a GPU and a night. */
export const SUGGESTED = {
  similarity: { dataset: "", measure: "multimatch" },
  pretrain: {
    ...{ dataset: "", method: "byol", arm: "gaze", similarity: "", "cut.quantile": "" },
    ...{ backbone: "resnet18", width: "16", image_size: "64" },
    ...{ epochs: "20", batch_size: "16", seed: String(FIRST_SEED) },
  },
  finetune: {
    ...{ dataset: "", init: "scratch", mode: "full", image_size: "64" },
    ...{ epochs: "20", batch_size: "16", seed: String(FIRST_SEED) },
  },
  evaluate: { model: "", dataset: "", split: "test" },
};

/**
 * What a form on a data set is made of: the kinds of jobs, models and choices of its fields, the set, and what it
 * begins from.
 * @param {string | undefined} before path of a job or study that is done again with changes
 */
export async function readForm(name, { set, before, signal }) {
  const [document, sets, models, similarities, known, earlier] = await Promise.all([
    description(signal),
    list("/v1/datasets", signal),
    list(`/v1/models?fields=${MODEL_FIELDS}`, signal),
    list("/v1/similarities?fields=id,measure,dataset,stale,created_at", signal),
    set,
    before && get(before, signal),
  ]);
  const choices = choicesOf(name, { models, similarities, sets });
  return { kinds: jobKinds(document), models, choices, known, before: earlier };
}

/**
 * What can be chosen of a resource, the things of one data set before or instead of others.
 * @param {string} dataset name
 * @param {{models: any[], similarities: any[], sets: any[]}} known
 */
function choicesOf(dataset, { models, similarities, sets }) {
  const modelOf = (id) => models.find((model) => model.id === id);
  const setOf = ({ lineage }) => lineage?.spec?.dataset ?? lineage?.dataset ?? null;
  const shown = (list) => {
    const own = list.filter((model) => setOf(model) === dataset);
    const others = list.filter((model) => setOf(model) !== dataset);
    return [
      ...own.map((model) => [model.id, modelName(model, modelOf)]),
      ...others.map((model) => [
        model.id,
        `${modelName(model, modelOf)} (${
          setOf(model) === null ? "uploaded" : `of ${setOf(model)}`
        })`,
      ]),
    ];
  };
  return {
    datasets: sets.map(({ name }) => [name, name]),
    models: shown(models),
    classifiers: shown(models.filter(({ classes }) => classes.length > 0)),
    // Of another set, or of what this one was, none can be used.
    similarities: similarities.filter((one) => one.dataset === dataset && !one.stale).map((one) => [
      one.id,
      `${one.measure}, ${time(one.created_at)}`,
    ]),
  };
}

/** Fields of a resolved spec as a form has them: `cut.quantile` and so on, in text. */
export function textsOf(spec) {
  const texts = {};
  for (const [name, value] of Object.entries(spec)) {
    if (value === null || value === undefined) continue;
    if (Array.isArray(value)) {
      texts[name] = value.every((one) => typeof one === "string") ? value : JSON.stringify(value);
    } else if (typeof value === "object") {
      texts[name] = JSON.stringify(value);
      for (const [inner, part] of Object.entries(value)) {
        if (part !== null) {
          texts[`${name}.${inner}`] = typeof part === "object"
            ? JSON.stringify(part)
            : String(part);
        }
      }
    } else texts[name] = String(value);
  }
  return texts;
}

/**
 * The controls of a kind of job.
 * @param {import("./job_fields.js").Field[]} fields
 * @param {Record<string, string | string[]>} given texts by field
 * @param {Record<string, [string, string][]>} choices of `choicesOf`
 * @returns {{field: any, control: any, box: HTMLElement}[]}
 */
export function controlsOf(fields, given, choices) {
  const made = fields.map((field) => ({ field, ...controlOf(field, given[field.name], choices) }));
  dependOn(made);
  return made;
}

/** The spec that the controls say; fields left empty get the server's defaults. */
export function specFrom(made) {
  const filled = made.filter(({ box, control }) => !box.hidden && textOf(control).length > 0)
    .map(({ field, control }) => [field.name, valueOf(field, textOf(control))]);
  return specOf(filled);
}

/** The fields that are asked for first, in their order, and the rest. */
export function arranged(made, usual) {
  const order = Object.keys(usual);
  const first = made.filter(({ field }) => field.required || field.name in usual);
  const place = ({ field }) => (order.indexOf(field.name) + order.length + 1) % (order.length + 1);
  return {
    first: first.sort((a, b) => place(a) - place(b)),
    rest: made.filter((one) => !first.includes(one)),
  };
}

/** Fields that belong to one value of another field are shown while that has it. */
function dependOn(made) {
  for (const { field: { when }, box } of made) {
    if (!when) continue;
    const control = made.find(({ field }) => field.name === when.field)?.control;
    if (!control) continue;
    const update = () => box.hidden = control.value !== when.is;
    control.addEventListener("change", update);
    update();
  }
}

function textOf(control) {
  if (!control.multiple) return control.value;
  return [...control.selectedOptions].map(({ value }) => value);
}

/** A field's control, and the box that holds it with its label and hint. */
function controlOf(field, given, choices) {
  const control = inputOf(field, given, choices);
  const hint = h("span", {}, hintOf(field, control.value));
  if (field.type === "choice") {
    control.addEventListener("change", () => hint.textContent = hintOf(field, control.value));
  }
  const label = words(field.name.replace(".", ": "));
  const box = labelled(label[0].toUpperCase() + label.slice(1), control, hint);
  if (field.required) control.required = true;
  return { control, box };
}

/** What the chosen option is, what the field is, and its default where the control does not show it. */
function hintOf({ hint, about, type, ...field }, value) {
  const shown = ["choice", "list", "switch"].includes(type);
  const plain = typeof field.default !== "object" || Array.isArray(field.default);
  return [
    type === "choice" && about[value]?.replace(/\.$/, ""),
    hint,
    !shown && plain && field.default !== undefined &&
    `default: ${[field.default].flat().join(", ")}`,
  ].filter(Boolean).join("; ");
}

function inputOf(
  { name, type, required, options = [], resource, whole, ...field },
  given,
  choices,
) {
  const standard = field.default === undefined ? "default" : `default: ${field.default ?? "none"}`;
  const none = required ? [] : [["", standard]];
  if (type === "list") {
    const entries = choices[resource] ?? [];
    // Asked for without a value of its own: the newest.
    const chosen = given === "" ? entries[0]?.[0] : given;
    // What was used before may be gone, or of another set: it is not put in silently.
    return select(name, [...none, ...entries], chosen === field.default ? "" : chosen ?? "");
  }
  if (type === "choice") return select(name, [...none, ...options], given ?? "");
  if (type === "switch") {
    return select(name, [...none, ["true", "yes"], ["false", "no"]], given ?? "");
  }
  if (type === "several") {
    const control = select(name, options, "");
    control.multiple = true;
    for (const option of control.options) option.selected = [given].flat().includes(option.value);
    return control;
  }
  if (type === "number") {
    return h("input", { type, name, value: given ?? "", step: whole ? "1" : "any" });
  }
  return h("input", { name, value: given ?? "" });
}

/** Where the audit cannot be made. */
export const NO_AUDIT = {
  quantile: 0.1,
  seed: null,
  told: "The audit cannot be made; a tenth of the pairs is usual.",
};

/**
 * The audit's cut of a similarity, a tenth of the pairs where it advises none, and in words where it comes from.
 * @param {string} similarity id
 * @param {number | undefined} seed of the training, whose test part is not looked at
 * @returns {Promise<{quantile: number, seed: number | null, told: string}>} `seed`: of the split whose test part had no
 *   say in the cut; null where labels had none at all, or no split was left out
 */
export async function suggestedCut(similarity, seed, signal) {
  const found = await auditOf(similarity, signal, { seed });
  const { quantile, reasons } = found.suggestion;
  const seen = lookedWords(found);
  if (quantile === null) {
    return {
      quantile: 0.1,
      seed: null,
      told: `The audit advises none; a tenth of the pairs is usual. ${seen}`,
    };
  }
  const why = reasons[0] ? `: ${reasons[0]}` : "";
  return {
    quantile,
    seed: found.seed,
    told: `Top ${percent(quantile)}, suggested by the audit${why}. ${seen}`,
  };
}
