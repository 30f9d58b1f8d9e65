/** Results of a data set: its newest study as a page, and below it all studies and evaluations by name. */
import { accuracyOf, aucOf, figureHead } from "../findings.js";
import { stepLink } from "../address.js";
import { list } from "../api.js";
import { card, h, table } from "../dom.js";
import { score, time } from "../format.js";
import { groupOfModel, modelName } from "../names.js";
import { nothing, stateChip } from "../parts.js";
import { studyView } from "../study_view.js";
import { MODEL_FIELDS } from "../model_fields.js";

const FIGURES = [
  ...["m_auc", "auc_macro_one_vs_rest", "accuracy", "majority_class_accuracy", "images"],
  ...["macro.auc", "macro.accuracy"],
];
const EVALUATION_FIELDS = [
  ...["id", "model", "dataset", "created_at", "warnings", "stale"],
  ...FIGURES.map((name) => `metrics.${name}`),
].join(",");

export async function show({ name, query, signal }) {
  const [studies, evaluations, models] = await Promise.all([
    list("/v1/studies", signal),
    list(`/v1/evaluations?fields=${EVALUATION_FIELDS}`, signal),
    list(`/v1/models?fields=${MODEL_FIELDS}`, signal),
  ]);
  const own = studies.filter(({ dataset }) => dataset === name);
  const judged = evaluations.filter(({ dataset }) => dataset === name);
  const form = h(
    "a",
    { class: "button primary", href: stepLink(name, ["training", "study"]) },
    "Plan a study",
  );
  if (own.length === 0 && judged.length === 0) {
    return [
      h("h1", {}, "Results"),
      nothing(
        "Nothing has been evaluated yet",
        "A study trains with gaze, with shuffled gaze and without, over several seeds, and says whether gaze helps.",
        form,
        h("a", { class: "button", href: stepLink(name, "training") }, "Train one model"),
      ),
    ];
  }
  const modelOf = (id) => models.find((model) => model.id === id);
  const first = own.length > 0 ? await studyView({ name, id: own[0].id, query, signal }) : [
    h("h1", {}, "Results"),
    nothing(
      "No study yet",
      "Single evaluations cannot say whether gaze helps: a study compares with shuffled gaze over seeds.",
      form,
    ),
  ];
  return [
    ...first,
    own.length > 1 && card("All studies", studiesTable(own, name)),
    judged.length > 0 && card("Evaluations", evaluationsTable(judged, { name, modelOf })),
  ];
}

function studiesTable(studies, name) {
  return table(
    [
      {
        head: "Study",
        cell: (study) =>
          h("a", { href: stepLink(name, ["results", "study", study.id]) }, study.name ?? "Study"),
      },
      { head: "State", cell: ({ state }) => state && stateChip(state) },
      { head: "Begun", cell: ({ created_at }) => time(created_at) },
    ],
    studies,
    { label: "Studies" },
  );
}

/** By what was trained, all but the seed together. */
function evaluationsTable(evaluations, { name, modelOf }) {
  const named = evaluations.map((one) => {
    const model = modelOf(one.model);
    return {
      ...one,
      title: model ? modelName(model, modelOf) : "model deleted since",
      group: model ? groupOfModel(model, modelOf) : "",
    };
  });
  named.sort((a, b) => a.group.localeCompare(b.group) || a.title.localeCompare(b.title));
  const auc = ({ metrics }) => aucOf(metrics);
  return table(
    [
      {
        head: "Model",
        cell: ({ id, title }) =>
          h("a", { href: stepLink(name, ["results", "evaluation", id]) }, title),
      },
      { head: figureHead("AUC", named), cell: (one) => score(auc(one)), number: true },
      {
        head: figureHead("ACC", named),
        cell: ({ metrics }) => score(accuracyOf(metrics)),
        number: true,
      },
      {
        head: "always the largest class",
        cell: ({ metrics }) => score(metrics.majority_class_accuracy ?? null),
        number: true,
      },
      { head: "Images", cell: ({ metrics }) => metrics.images, number: true },
      {
        head: "Warnings",
        cell: ({ warnings, stale }) => [
          stale && h("span", { class: "chip warn" }, "data changed"),
          warnings.length > 0 &&
          h("span", { class: "chip warn", title: warnings.join("\n") }, warnings.length),
        ],
      },
      { head: "Made", cell: ({ created_at }) => time(created_at) },
    ],
    named,
    { label: "Evaluations" },
  );
}
