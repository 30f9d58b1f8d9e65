/** One model: where it comes from, and a form to try it. */
import { call, download, get, list } from "../api.js";
import { card, facts, field, fill, h, pageHead, select } from "../dom.js";
import { percent, short, time } from "../format.js";
import { attempt } from "../notice.js";
import { mapFigures } from "./maps.js";
import { network } from "./models.js";

export async function show({ id, signal }) {
  const path = `/v1/models/${encodeURIComponent(id)}`;
  const model = await get(path, signal);
  const save = h("button", { type: "button" }, "Download weights");
  save.addEventListener(
    "click",
    () => attempt(save, () => download(`${path}/weights`, `${model.name ?? id}.safetensors`)),
  );
  const classifies = model.classes.length > 0;
  return [
    pageHead(
      model.name ?? model.kind,
      id,
      save,
      classifies
        ? h("a", { class: "button", href: `#/start/evaluate?model=${id}` }, "Evaluate")
        : h("a", { class: "button", href: `#/start/finetune?init=${id}` }, "Fine-tune"),
    ),
    h(
      "section",
      { class: "card" },
      facts([
        ["Kind", model.kind],
        ["Network", network(model)],
        ["Classes", model.classes.join(", ")],
        ["Version", model.version],
        ["Data set", model.dataset],
        [
          "Data set since",
          model.stale === null ? null : model.stale ? "changed or deleted" : "unchanged",
        ],
        ["Made by", model.job && h("a", { href: `#/jobs/${model.job}` }, model.job)],
        ["Data digest", h("code", { title: model.dataset_digest }, short(model.dataset_digest))],
        ["Made", time(model.created_at)],
      ]),
      h(
        "details",
        {},
        h("summary", {}, "Lineage"),
        h("pre", { tabindex: "0" }, JSON.stringify(model.lineage, null, 2)),
      ),
    ),
    card(
      classifies ? "Try a prediction" : "Try a picture",
      await tryForm(path, { classifies, signal }),
    ),
  ];
}

async function tryForm(path, { classifies, signal }) {
  const sets = await list("/v1/datasets", signal);
  const answer = h("div", { role: "status" });
  const button = h("button", { type: "submit", class: "primary" }, classifies ? "Predict" : "Look");
  const file = h("input", { type: "file", name: "file", accept: "image/png,image/jpeg,.dcm,.pgm" });
  const dataset = select("dataset", [["", "none"], ...sets.map((set) => set.name)], "");
  const image = select("image", [["", "none"]], "");
  dataset.addEventListener("change", () =>
    attempt(dataset, async () => {
      const images = dataset.value
        ? await list(`/v1/datasets/${encodeURIComponent(dataset.value)}/images`, signal)
        : [];
      fill(
        image,
        (images.length ? images : [{ name: "" }]).map((one) =>
          h("option", { value: one.name }, one.name || "none")
        ),
      );
    }));
  const submit = (event) => {
    event.preventDefault();
    attempt(button, async () => {
      const upload = file.files[0];
      if (!upload && !image.value) throw new Error("Choose a file, or an image of a data set.");
      const data = classifies ? await predict(path, upload, { dataset, image, signal }) : [];
      const bars = data.map((one) => probabilityBars(one, upload?.name ?? one.image));
      fill(answer, bars);
      const query = upload ? {} : { dataset: dataset.value, image: image.value };
      fill(answer, bars, await mapFigures(path, { query, file: upload }, { classifies, signal }));
    });
  };
  return [
    h(
      "form",
      { class: "form columns", on: { submit } },
      field("A file", file, "PNG, JPEG or DICOM"),
      field("or of the data set", dataset),
      field("the image", image),
      h("div", { class: "row" }, button),
    ),
    answer,
  ];
}

async function predict(path, upload, { dataset, image, signal }) {
  const response = await call("POST", `${path}/predictions`, {
    signal,
    ...(upload
      ? { body: upload, type: upload.type || "application/dicom" }
      : { body: { dataset: dataset.value, images: [image.value] } }),
  });
  return (await response.json()).data;
}

/** Classes with their probabilities, the most probable first. */
export function probabilityBars(prediction, title) {
  const sorted = Object.entries(prediction.probabilities).sort((a, b) => b[1] - a[1]);
  return h(
    "figure",
    { class: "bars" },
    h("figcaption", {}, h("strong", {}, prediction.label), title && ` for ${title}`),
    sorted.map(([name, value]) =>
      h(
        "div",
        { class: "bar" },
        h("span", {}, name),
        h("progress", { max: "1", value, "aria-label": `Probability of ${name}` }),
        h("span", { class: "number" }, percent(value)),
      )
    ),
  );
}
