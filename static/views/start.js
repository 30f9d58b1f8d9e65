/** The form that starts a job, made from the API's description of its kind. */
import { description, list, post } from "../api.js";
import { card, empty, field as labelled, fill, h, pageHead, select } from "../dom.js";
import { sides, time, words } from "../format.js";
import { jobKinds, specOf, valueOf } from "../job_fields.js";
import { attempt } from "../notice.js";

/** What a first try starts with, where the server's own defaults are meant for a GPU and a night. */
const SUGGESTED = {
  similarity: { dataset: "", measure: "multimatch" },
  pretrain: {
    ...{ dataset: "", method: "byol", arm: "gaze", similarity: "", "cut.quantile": "0.1" },
    ...{ backbone: "resnet18", width: "16", image_size: "64" },
    ...{ epochs: "20", batch_size: "16", seed: "1" },
  },
  finetune: {
    ...{ dataset: "", init: "scratch", mode: "full", image_size: "64" },
    ...{ epochs: "20", batch_size: "16", seed: "1" },
  },
  evaluate: { model: "", dataset: "", split: "test" },
};

/** How an entry of a list is shown: `[value, text]`. */
const LISTS = {
  datasets: { path: "/v1/datasets", shown: ({ name }) => [name, name] },
  models: { path: "/v1/models", shown: modelShown },
  classifiers: {
    path: "/v1/models",
    shown: (model) => model.classes.length > 0 ? modelShown(model) : undefined,
  },
  similarities: {
    path: "/v1/similarities",
    shown: ({ id, measure, dataset, created_at }) => [
      id,
      `${measure} of ${dataset}, ${time(created_at)}`,
    ],
  },
};

function modelShown({ id, name, kind }) {
  return [id, `${name ?? kind} ${id}`];
}

export async function show({ id, query, signal }) {
  const [document, sets, models, similarities] = await Promise.all([
    description(signal),
    list("/v1/datasets", signal),
    list("/v1/models", signal),
    list("/v1/similarities", signal),
  ]);
  const kinds = jobKinds(document);
  const shown = kinds.find(({ kind }) => kind === id) ??
    kinds.find(({ kind }) => kind === "pretrain");
  const tabs = h(
    "nav",
    { class: "tabs", "aria-label": "Kind of job" },
    kinds.map(({ kind, title }) =>
      h("a", {
        href: `#/start/${kind}${query.size ? `?${query}` : ""}`,
        "aria-current": kind === shown.kind && "page",
      }, title)
    ),
  );
  const page = [pageHead("Start a job", "Fields left empty get the server's defaults."), tabs];
  if (sets.length === 0) return [...page, empty("Upload a data set first.")];
  const known = { "/v1/datasets": sets, "/v1/models": models, "/v1/similarities": similarities };
  const given = { ...SUGGESTED[shown.kind], ...Object.fromEntries(query) };
  const start = models.find((model) => model.id === given.init);
  if (start) given.image_size = sides(start.spec.image_size);
  return [
    ...page,
    card(shown.title, h("p", { class: "hint" }, shown.about), form(shown, given, known)),
  ];
}

function form({ kind, fields }, given, known) {
  const made = fields.map((field) => ({ field, ...controlOf(field, given[field.name], known) }));
  const button = h("button", { type: "submit", class: "primary" }, "Start");
  // What a dry run answers.
  const planned = h("div", {});
  const submit = (event) => {
    event.preventDefault();
    attempt(button, async () => {
      const filled = made.filter(({ box, control }) => !box.hidden && textOf(control).length > 0)
        .map(({ field, control }) => [field.name, valueOf(field, textOf(control))]);
      const job = await post("/v1/jobs", { kind, ...specOf(filled) });
      if (job.id) location.hash = `#/jobs/${job.id}`;
      else fill(planned, h("pre", { tabindex: "0" }, JSON.stringify(job, null, 2)));
    });
  };
  const usual = ({ field }) => field.required || field.name in (SUGGESTED[kind] ?? {});
  const order = Object.keys(SUGGESTED[kind] ?? {});
  const place = ({ field }) => (order.indexOf(field.name) + order.length + 1) % (order.length + 1);
  const first = made.filter(usual).sort((a, b) => place(a) - place(b));
  const rest = made.filter((one) => !usual(one));
  dependOn(made);
  return h(
    "form",
    { class: "form columns", on: { submit } },
    first.map(({ box }) => box),
    rest.length > 0 && h(
      "details",
      {},
      h("summary", {}, "Other fields"),
      h("p", { class: "hint" }, h("a", { href: "/docs" }, "All fields are described here.")),
      h("div", { class: "form columns" }, rest.map(({ box }) => box)),
    ),
    h("div", { class: "row" }, button),
    planned,
  );
}

/** Fields that belong to one value of another field are shown while that has it. */
function dependOn(made) {
  for (const { field: { when }, box } of made) {
    if (!when) continue;
    const { control } = made.find(({ field }) => field.name === when.field);
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
function controlOf(field, given, known) {
  const { name, type, required } = field;
  const control = inputOf(field, given, known);
  const hint = h("span", {}, hintOf(field, control.value));
  if (type === "choice") {
    control.addEventListener("change", () => hint.textContent = hintOf(field, control.value));
  }
  const label = words(name.replace(".", ": "));
  const box = labelled(label[0].toUpperCase() + label.slice(1), control, hint);
  if (required) control.required = true;
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

function inputOf({ name, type, required, options = [], resource, whole, ...field }, given, known) {
  const standard = field.default === undefined ? "default" : `default: ${field.default ?? "none"}`;
  const none = required ? [] : [["", standard]];
  if (type === "list") {
    const { path, shown } = LISTS[resource];
    const entries = known[path].flatMap((one) => [shown(one) ?? []]).filter((one) => one.length);
    // Asked for without a value of its own: the newest.
    const chosen = given === "" ? entries[0]?.[0] : given;
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
