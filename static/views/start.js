/** The form that starts a job: the usual fields by kind, and any other field of the API as JSON. */
import { list, post } from "../api.js";
import { card, empty, field, h, pageHead, select } from "../dom.js";
import { sides, time } from "../format.js";
import { attempt } from "../notice.js";

const KINDS = {
  similarity: "Similarity of gaze",
  pretrain: "Pre-training",
  finetune: "Fine-tuning",
  evaluate: "Evaluation",
};

export async function show({ id, query, signal }) {
  const kind = KINDS[id] ? id : "pretrain";
  const [sets, models, similarities] = await Promise.all([
    list("/v1/datasets", signal),
    list("/v1/models", signal),
    list("/v1/similarities", signal),
  ]);
  const tabs = h(
    "nav",
    { class: "tabs", "aria-label": "Kind of job" },
    Object.entries(KINDS).map(([key, text]) =>
      h("a", {
        href: `#/start/${key}${query.size ? `?${query}` : ""}`,
        "aria-current": key === kind && "page",
      }, text)
    ),
  );
  const page = [pageHead("Start a job", "Fields left empty get the server's defaults."), tabs];
  if (sets.length === 0) return [...page, empty("Upload a data set first.")];
  const makeFields = { similarity, pretrain, finetune, evaluate }[kind];
  return [
    ...page,
    card(KINDS[kind], form(kind, makeFields({ sets, models, similarities, query }))),
  ];
}

function form(kind, fields) {
  const button = h("button", { type: "submit", class: "primary" }, "Start");
  const other = h("textarea", { name: "other", rows: "3", spellcheck: "false" }, "{}");
  const submit = (event) => {
    event.preventDefault();
    attempt(button, async () => {
      const job = await post("/v1/jobs", { kind, ...specOf(fields), ...JSON.parse(other.value) });
      location.hash = `#/jobs/${job.id}`;
    });
  };
  return h(
    "form",
    { class: "form columns", on: { submit } },
    fields.map(({ label, control, hint }) => field(label, control, hint)),
    h(
      "details",
      {},
      h("summary", {}, "Other fields"),
      field("JSON", other, h("a", { href: "/docs" }, "All fields are described here.")),
    ),
    h("div", { class: "row" }, button),
  );
}

/** The filled fields, as they are `read`; a dotted name is a path (`cut.quantile`). */
function specOf(fields) {
  const spec = {};
  for (const { control, read } of fields) {
    if (control.value === "") continue;
    const value = read
      ? read(control.value)
      : control.type === "number"
      ? Number(control.value)
      : control.value;
    const [outer, inner] = control.name.split(".");
    if (inner) spec[outer] = { ...spec[outer], [inner]: value };
    else spec[outer] = value;
  }
  return spec;
}

function numberInput(name, value, step = "1") {
  return h("input", { type: "number", name, value: String(value), step, min: "0" });
}

/** Side of a square, or height x width. */
function imageSizeField(size = 64) {
  const pattern = "\\s*\\d+\\s*(x\\s*\\d+\\s*)?";
  return {
    label: "Image size, px",
    control: h("input", { name: "image_size", value: sides(size), pattern }),
    hint: "a side, or height x width: 300 x 600",
    read: (text) => {
      const [height, width] = text.split("x").map(Number);
      return width === undefined ? height : [height, width];
    },
  };
}

function datasetField({ sets, query }) {
  const names = sets.map((set) => set.name);
  return { label: "Data set", control: select("dataset", names, query.get("dataset") ?? names[0]) };
}

function similarity(context) {
  return [
    datasetField(context),
    {
      label: "Measure",
      control: select("measure", [
        "multimatch",
        "moments",
        "dhash",
        "tima",
        "cc",
        "kl",
        "histogram",
        "dtw",
      ], "multimatch"),
      hint: "multimatch: scanpaths; moments: heatmaps of unlike pictures; dhash: of alike ones",
    },
  ];
}

function pretrain(context) {
  const made = context.similarities.map(({ id, measure, dataset, created_at }) => [
    id,
    `${measure} of ${dataset}, ${time(created_at)}`,
  ]);
  return [
    datasetField(context),
    { label: "Method", control: select("method", ["byol", "moco", "simsiam", "simclr"], "byol") },
    {
      label: "Arm",
      control: select("arm", ["gaze", "none", "shuffled"], "gaze"),
      hint: "none and shuffled show what gaze adds",
    },
    {
      label: "Similarity",
      control: select("similarity", [["", "none"], ...made], made[0]?.[0] ?? ""),
      hint: "needed by gaze and shuffled",
    },
    { label: "Top share of pairs", control: numberInput("cut.quantile", 0.1, "0.01") },
    {
      label: "Backbone",
      control: select("backbone", ["resnet18", "resnet50", "resnet101"], "resnet18"),
    },
    { label: "Width", control: numberInput("width", 16), hint: "64 on a GPU" },
    imageSizeField(),
    { label: "Epochs", control: numberInput("epochs", 20) },
    { label: "Batch size", control: numberInput("batch_size", 16) },
    { label: "Seed", control: numberInput("seed", 1) },
  ];
}

function finetune(context) {
  const models = context.models.map((model) => [
    model.id,
    `${model.name ?? model.kind} ${model.id}`,
  ]);
  const start = context.models.find(({ id }) => id === context.query.get("init"));
  return [
    datasetField(context),
    {
      label: "Start from",
      control: select(
        "init",
        [["scratch", "scratch"], ...models],
        context.query.get("init") ?? "scratch",
      ),
    },
    {
      label: "Mode",
      control: select("mode", [["full", "all weights"], ["linear", "linear probe"]], "full"),
    },
    imageSizeField(start?.spec.image_size),
    { label: "Epochs", control: numberInput("epochs", 20) },
    { label: "Batch size", control: numberInput("batch_size", 16) },
    { label: "Seed", control: numberInput("seed", 1) },
  ];
}

function evaluate(context) {
  const models = context.models.filter((model) => model.kind !== "pretrained").map((model) => [
    model.id,
    `${model.name ?? model.kind} ${model.id}`,
  ]);
  return [
    { label: "Model", control: select("model", models, context.query.get("model") ?? "") },
    datasetField(context),
    { label: "Images", control: select("split", ["test", "validation", "train", "all"], "test") },
  ];
}
