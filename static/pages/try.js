/** Pictures are tried on a classifier: dropped here, or of the set; and what was predicted before, newest first. */
import { saidOf, sureOf } from "../findings.js";
import { setQuery, stepLink } from "../address.js";
import { call, get } from "../api.js";
import { modelsOf } from "../classifiers.js";
import { card, field, fill, h, pageHead, select, table } from "../dom.js";
import { percent, time } from "../format.js";
import { attempt, notice } from "../notice.js";
import { chip, nothing } from "../parts.js";
import { imagePath, picture } from "../picture.js";
import { triedPicture } from "../tried_picture.js";

/** Pictures that are tried at once. */
const MOST = 20;
const PAGE = 24;

export async function show({ name, query, signal }) {
  const models = await modelsOf(name, signal, { classifiers: true });
  if (models.length === 0) {
    return [
      pageHead("Try"),
      nothing(
        "There is no classifier yet",
        "Fine-tune a network on the labels of this set, then drop pictures here.",
        h(
          "a",
          { class: "button primary", href: stepLink(name, ["training", "start", "finetune"]) },
          "Fine-tune one",
        ),
      ),
    ];
  }
  const results = h("div", { class: "stack" });
  const chosen = models.find(({ id }) => id === query.get("model")) ?? models[0];
  const model = select("model", models.map(({ id, text }) => [id, text]), chosen.id);
  model.addEventListener("change", () => {
    setQuery({ model: model.value });
    fill(results);
  });
  const keep = h("input", { type: "checkbox", name: "keep", checked: true });
  const modelNow = () => models.find(({ id }) => id === model.value);
  const run = (sources) => {
    const now = sources.slice(0, MOST);
    if (sources.length > MOST) notice(`The first ${MOST} of ${sources.length} are tried.`);
    const shown = { name, model: modelNow(), keep: keep.checked, signal };
    fill(results, now.map((source) => triedPicture(source, shown)));
    results.scrollIntoView({ block: "nearest", behavior: "smooth" });
  };
  const content = [
    pageHead("Try", "Research use, not for diagnosis."),
    card(
      "",
      h(
        "div",
        { class: "grid two" },
        field("Classifier", model),
        ofSet(name, run, query),
      ),
      dropZone(run),
      h(
        "label",
        { class: "inline" },
        keep,
        h("span", {}, "Keep a small picture with each prediction, until that is deleted"),
      ),
    ),
    results,
    await stored({ name, models, query, signal }),
  ];
  if (query.get("image")) run([{ image: query.get("image") }]);
  return content;
}

/** An image of the set, by its name. */
function ofSet(name, run, query) {
  const input = h("input", {
    name: "image",
    value: query.get("image") ?? "",
    autocomplete: "off",
    placeholder: "its name",
  });
  const button = h("button", { type: "submit" }, "Try it");
  const submit = (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    setQuery({ image: input.value.trim() });
    run([{ image: input.value.trim() }]);
  };
  return h(
    "form",
    { class: "row bottom", on: { submit } },
    field(`Or an image of ${name}`, input),
    button,
  );
}

function dropZone(run) {
  const input = h("input", {
    type: "file",
    multiple: true,
    accept: "image/png,image/jpeg,.dcm,.pgm,application/dicom",
    class: "visually-hidden",
  });
  const zone = h(
    "label",
    { class: "drop-zone" },
    input,
    h("strong", {}, "Drop pictures here, or choose them"),
    h("small", {}, "PNG, JPEG, PGM or DICOM; several at once"),
  );
  const take = (files) => {
    if (files.length > 0) run([...files].map((file) => ({ file })));
  };
  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      event.stopPropagation();
      zone.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    zone.addEventListener(kind, () => zone.classList.remove("over"));
  }
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    take(event.dataTransfer.files);
  });
  return zone;
}

/** Stored predictions, newest first, with their pictures; filters stand in the address. */
async function stored({ name, models, query, signal }) {
  const area = h("div", { class: "stack" });
  const more = h("button", { type: "button" }, "Older ones");
  const classes = [...new Set(models.flatMap(({ model }) => model.classes))];
  const label = select("label", [["", "any class"], ...classes], query.get("label") ?? "");
  const least = h("input", {
    ...{ type: "number", name: "least", min: "0", max: "1", step: "0.05" },
    value: query.get("least") ?? "",
  });
  const mine = select(
    "by",
    [["", "any classifier"], ...models.map(({ id, text }) => [id, text])],
    query.get("by") ?? "",
  );
  let rows = [], after = "";
  const read = async (fresh) => {
    if (fresh) [rows, after] = [[], ""];
    const asked = new URLSearchParams({ order: "newest", limit: String(PAGE), stale: "include" });
    const filters = { label: label.value, min_probability: least.value, model: mine.value, after };
    for (const [field, value] of Object.entries(filters)) if (value) asked.set(field, value);
    const page = await get(`/v1/predictions?${asked}`, signal);
    rows = rows.concat(
      page.data.filter(({ dataset, model }) =>
        dataset === name || (dataset === null && models.some(({ id, own }) => own && id === model))
      ),
    );
    after = page.next ?? "";
    more.hidden = !page.has_more;
    fill(
      area,
      rows.length > 0
        ? predictions(rows, { name, models, onForget: () => read(true), signal })
        : h("p", { class: "hint" }, "None yet."),
    );
  };
  const filter = () =>
    attempt(label, async () => {
      setQuery({ label: label.value, least: least.value, by: mine.value });
      await read(true);
    });
  for (const control of [label, least, mine]) control.addEventListener("change", filter);
  more.addEventListener("click", () => attempt(more, () => read(false)));
  document.addEventListener("predicted", () => read(true).catch(() => {}), { signal });
  await read(true);
  return card(
    "Predicted before",
    h(
      "div",
      { class: "form columns" },
      field("Class", label),
      field("Probability from", least),
      field("By", mine),
    ),
    area,
    h("div", { class: "row" }, more),
  );
}

function forget({ id }, onForget) {
  const button = h("button", { type: "button", class: "quiet" }, "Delete");
  button.addEventListener("click", () =>
    attempt(button, async () => {
      await call("DELETE", `/v1/predictions/${id}`);
      await onForget();
    }));
  return button;
}

function predictions(rows, { name, models, onForget, signal }) {
  return table(
    [
      {
        head: "Picture",
        cell: ({ id, dataset, image, stale, thumbnail }) => {
          if (dataset === null) {
            return h(
              "span",
              { class: "thumb" },
              thumbnail &&
                picture(`/v1/predictions/${id}/thumbnail.png`, { alt: "What was sent", signal }),
              h("small", {}, thumbnail ? "sent" : "sent; not kept"),
            );
          }
          const link = h("a", { href: stepLink(name, ["image", image]) }, image);
          if (stale) return [image, " ", chip("changed since", "warn")];
          return h(
            "span",
            { class: "thumb" },
            picture(imagePath(name, image, "image", { size: 96, bits: 8 }), {
              alt: `Image ${image}`,
              signal,
            }),
            link,
          );
        },
      },
      { head: "Predicted", cell: saidOf },
      {
        head: "Probability",
        cell: (one) => percent(sureOf(one)),
        number: true,
      },
      {
        head: "By",
        optional: true,
        cell: ({ model }) =>
          models.find(({ id }) => id === model)?.text ?? "a model of another set, or deleted",
      },
      { head: "When", cell: ({ created_at }) => time(created_at), optional: true },
      { head: "Forget", cell: (row) => forget(row, onForget) },
    ],
    rows,
    { label: "Predictions" },
  );
}
