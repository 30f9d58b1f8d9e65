/** One model as a card: what it is, what it came from, what it reached, and what to do with it. */
import { accuracyOf, aucOf, figureHead } from "../findings.js";
import { link, stepLink } from "../address.js";
import { call, download, get, list } from "../api.js";
import { card, facts, h, pageHead, table } from "../dom.js";
import { number, score, sides, time } from "../format.js";
import { MODEL_FIELDS } from "../model_fields.js";
import { modelName } from "../names.js";
import { attempt, notice } from "../notice.js";
import { ask, banner, menu, technical } from "../parts.js";

const SAVED = [["safetensors", "Weights for PyTorch"], ["onnx", "ONNX"], [
  "hf",
  "Hugging Face folder",
]];
const KINDS = {
  pretrained: "a backbone, pre-trained",
  classifier: "a classifier",
  uploaded: "uploaded",
};
const FIGURES =
  "id,model,dataset,created_at,warnings,metrics.m_auc,metrics.auc_macro_one_vs_rest,metrics.accuracy,metrics.images,metrics.macro.auc,metrics.macro.accuracy";

export async function show({ params, signal }) {
  const path = `/v1/models/${encodeURIComponent(params.id)}`;
  const [model, models, evaluations] = await Promise.all([
    get(path, signal),
    list(`/v1/models?fields=${MODEL_FIELDS}`, signal, 2000),
    list(`/v1/evaluations?fields=${FIGURES}`, signal, 2000),
  ]);
  const modelOf = (id) => models.find((one) => one.id === id);
  const set = model.dataset ?? model.lineage?.spec?.dataset ?? null;
  const classifies = model.classes.length > 0;
  const after = models.filter(({ lineage }) => lineage?.init === model.id);
  const judged = evaluations.filter((one) => one.model === model.id);
  return [
    pageHead(
      modelName(model, modelOf),
      `${KINDS[model.kind] ?? model.kind}, made ${time(model.created_at)}`,
      set && classifies &&
        h(
          "a",
          { class: "button primary", href: stepLink(set, "try", { model: model.id }) },
          "Try it",
        ),
      set &&
        (classifies
          ? h("a", {
            class: "button",
            href: stepLink(set, ["training", "start", "evaluate"], { model: model.id }),
          }, "Evaluate")
          : h("a", {
            class: "button primary",
            href: stepLink(set, ["training", "start", "finetune"], { init: model.id }),
          }, "Fine-tune")),
      set &&
        h(
          "a",
          { class: "button", href: stepLink(set, "embedding", { model: model.id }) },
          "Embedding",
        ),
      menu("Save", SAVED.map(([format, text]) => save(path, model, format, text))),
    ),
    model.stale &&
    banner(
      "warn",
      "Its data set has changed since it was trained",
      "What it says of the set as it is now is of other images.",
    ),
    card(
      "What it is",
      facts([
        ["Network", `${model.spec.backbone}, width ${model.spec.width}`],
        [
          "Input",
          `${sides(model.spec.image_size)} px, ${model.spec.channels === 1 ? "grey" : "colour"}`,
        ],
        ["Classes", model.classes.join(", ")],
        ["Data set", set && h("a", { href: stepLink(set, "data") }, set)],
        ["Started from", startOf(model, modelOf)],
        [
          "Run",
          model.job && set &&
          h("a", { href: stepLink(set, ["training", model.job]) }, "its curves"),
        ],
        ["Best epoch", model.lineage?.best?.epoch],
        ["Trained on", imagesOf(model.lineage?.split?.train)],
        ["Tested on", imagesOf(model.lineage?.split?.test)],
        ["Other names", model.aliases.join(", ")],
      ]),
    ),
    card("What it reached", reached(judged)),
    after.length > 0 && card(
      "What started from it",
      h(
        "ul",
        { class: "reasons" },
        after.map((one) =>
          h("li", {}, h("a", { href: link(["models", one.id]) }, modelName(one, modelOf)))
        ),
      ),
    ),
    h(
      "details",
      {},
      h("summary", {}, "All settings"),
      h("pre", { tabindex: "0" }, JSON.stringify(model.lineage?.spec ?? model.spec, null, 2)),
    ),
    technical([
      ["Model", model.id],
      ["Job", model.job],
      ["Data digest", model.dataset_digest],
      ["Code", model.lineage?.code_version],
      ["Adapter", adaptersOf(model.lineage)],
    ]),
    h("p", { class: "row" }, remove(path, set)),
  ];
}

/** Each on which it was trained, where it was more than one. */
function adaptersOf(lineage) {
  const parts = lineage?.devices ?? [];
  if (parts.length < 2) return lineage?.adapter;
  return parts.map(({ device, from_step }, i) =>
    i === 0 ? device : `from step ${number(from_step)} on ${device}`
  ).join(", ");
}

const imagesOf = (names) => names && `${number(names.length)} images`;

function startOf({ lineage }, modelOf) {
  const init = lineage?.init;
  if (!init) return null;
  const model = modelOf(init);
  return model ? h("a", { href: link(["models", init]) }, modelName(model, modelOf)) : init;
}

function save(path, { id, name }, format, text) {
  const endings = { safetensors: "safetensors", onnx: "onnx", hf: "zip" };
  const button = h("button", { type: "button" }, text);
  button.addEventListener(
    "click",
    () =>
      attempt(
        button,
        () => download(`${path}/weights?format=${format}`, `${name ?? id}.${endings[format]}`),
      ),
  );
  return button;
}

function remove(path, set) {
  const button = h("button", { type: "button", class: "danger" }, "Delete this model");
  button.addEventListener("click", () =>
    attempt(button, async () => {
      const sure = await ask({
        title: "Delete this model?",
        text: "Its weights go; evaluations of it stay.",
        action: "Delete",
        danger: true,
      });
      if (!sure) return;
      await call("DELETE", path);
      notice("The model is deleted.");
      location.hash = set ? stepLink(set, "training") : "#/models";
    }));
  return button;
}

function reached(evaluations) {
  if (evaluations.length === 0) return h("p", { class: "hint" }, "It has not been evaluated.");
  return table(
    [
      {
        head: "Data set",
        cell: ({ id, dataset }) =>
          dataset
            ? h("a", { href: stepLink(dataset, ["results", "evaluation", id]) }, dataset)
            : "deleted since",
      },
      {
        head: figureHead("AUC", evaluations),
        cell: ({ metrics }) => score(aucOf(metrics)),
        number: true,
      },
      {
        head: figureHead("ACC", evaluations),
        cell: ({ metrics }) => score(accuracyOf(metrics)),
        number: true,
      },
      { head: "Images", cell: ({ metrics }) => number(metrics.images), number: true },
      { head: "Warnings", cell: ({ warnings }) => warnings.join(" ") || "none" },
      { head: "Made", cell: ({ created_at }) => time(created_at) },
    ],
    evaluations,
    { label: "Evaluations of this model" },
  );
}
