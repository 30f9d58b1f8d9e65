/** The images of a set in the plane, as a network sees them: by label, fold, patient or mistake; a lasso opens them. */
import { isWrong, saidOf } from "../findings.js";
import { setQuery, stepLink } from "../address.js";
import { call, get } from "../api.js";
import { modelsOf } from "../classifiers.js";
import { themeColour } from "../colours.js";
import { card, field, fill, h, pageHead, select } from "../dom.js";
import { number } from "../format.js";
import { imagesOf } from "../image_list.js";
import { attempt } from "../notice.js";
import { nothing } from "../parts.js";
import { scatter } from "../scatter.js";

/** Images that the server lays out at once; of more evenly spaced ones are taken. */
const MOST = 2000;
const COLOURS = [
  ["label", "label"],
  ["mistake", "right or wrong"],
  ["fold", "fold"],
  ["patient", "patient"],
  ["split", "split"],
];
/** More values than colours are told by one. */
const SERIES = 6;

export async function show({ name, query, signal, set }) {
  const models = await modelsOf(name, signal);
  if (models.length === 0) {
    return [
      pageHead("Embedding"),
      nothing(
        "There is no network yet",
        "Once one is trained, this page shows how it sees the images: which lie together, which apart.",
        h("a", { class: "button primary", href: stepLink(name, "training") }, "Training"),
      ),
    ];
  }
  const images = await imagesOf(await set, signal);
  const options = models.map(({ id, text }) => [id, text]);
  const first = models.find(({ id }) => id === query.get("model")) ?? models[0];
  const model = select("model", options, first.id);
  const other = select("model2", [["", "none"], ...options], query.get("model2") ?? "");
  const method = select("method", [["pca", "PCA"], ["umap", "UMAP"]], query.get("by") ?? "pca");
  const colour = select("colour", COLOURS, query.get("colour") ?? "label");
  const area = h("div", { class: "scatters" });
  const lassoed = h("div", { class: "row", "aria-live": "polite" });
  let drawn = [];
  const read = () =>
    attempt(model, async () => {
      setQuery({ model: model.value, model2: other.value, by: method.value, colour: colour.value });
      fill(area, h("p", { class: "hint" }, "Asking the network …"));
      const asked = [model.value, other.value].filter(Boolean);
      drawn = await Promise.all(
        asked.map((id) =>
          plot({ name, images, id, models, method: method.value, colour, lassoed, signal })
        ),
      );
      fill(area, drawn.map(({ element }) => element));
      fill(lassoed, h("span", { class: "hint" }, "Draw around points to open their images."));
    });
  for (const control of [model, other, method]) control.addEventListener("change", read);
  colour.addEventListener("change", () => {
    setQuery({ colour: colour.value });
    for (const one of drawn) one.recolour();
  });
  read();
  return [
    pageHead("Embedding", "The images as a network sees them: near ones are alike to it."),
    card(
      "",
      h(
        "div",
        { class: "form columns plot-bar" },
        field("Network", model),
        field("Beside it", other),
        field("Projection", method),
        field("Colour by", colour),
      ),
      lassoed,
    ),
    area,
  ];
}

async function plot({ name, images, id, models, method, colour, lassoed, signal }) {
  const step = Math.max(1, images.length / MOST);
  const some = images.length > MOST
    ? Array.from({ length: MOST }, (_, i) => images[Math.floor(i * step)])
    : images;
  const found = models.find((model) => model.id === id);
  const [answer, scores] = await Promise.all([
    call(
      "POST",
      `/v1/models/${encodeURIComponent(id)}/embeddings?projection=${method}&vectors=false`,
      {
        body: {
          dataset: name,
          ...(some === images ? {} : { images: some.map((one) => one.name) }),
        },
        signal,
      },
    ).then((response) => response.json()),
    found?.evaluation
      ? get(`/v1/evaluations/${encodeURIComponent(found.evaluation)}/scores`, signal).then((
        { data },
      ) => data)
      : [],
  ]);
  const byName = new Map(images.map((one) => [one.name, one]));
  const scored = new Map(scores.map((one) => [one.image, one]));
  const points = answer.data.filter(({ point }) => point).map(({ image, label, point }) => {
    const score = scored.get(image);
    const { patient = null, split = null } = byName.get(image) ?? {};
    const mistake = !score ? "not tested" : isWrong(score) ? "wrong" : "right";
    return {
      image,
      label,
      point,
      patient,
      split,
      mistake,
      predicted: score &&
        saidOf({ label: score.labels ? null : score.predicted, labels: score.predicted }),
      fold: score?.fold ?? null,
    };
  });
  const legend = h("p", { class: "legend" });
  let colours = new Map();
  const recolour = () => {
    colours = coloursOf(points, colour.value);
    fill(
      legend,
      [...colours].slice(0, 12).map(([value, one]) => {
        const dot = h("i", {});
        dot.style.background = one;
        return h("span", {}, dot, value === null ? "none" : String(value));
      }),
      colours.size > 12 && h("span", {}, `and ${number(colours.size - 12)} more`),
    );
    shown.draw();
  };
  const shown = scatter(points, {
    ...{ name, signal },
    label: `${number(points.length)} images by ${
      method === "pca" ? "PCA" : "UMAP"
    } of ${found?.text}`,
    colourOf: (point) => colours.get(point[colour.value] ?? null),
    wordsOf: ({ label, predicted, patient }) =>
      [
        label,
        predicted && predicted !== label && `said ${predicted}`,
        patient && `patient ${patient}`,
      ]
        .filter(Boolean).join(" · "),
    onLasso: (chosen) =>
      fill(
        lassoed,
        chosen.length > 0
          ? [
            h("span", {}, `${number(chosen.length)} images chosen`),
            h(
              "a",
              {
                class: "button primary",
                href: stepLink(name, "data", {
                  images: chosen.slice(0, 500).map(encodeURIComponent).join(","),
                }),
              },
              chosen.length > 500 ? "Open the first 500" : "Open them",
            ),
          ]
          : h("span", { class: "hint" }, "Draw around points to open their images."),
      ),
  });
  const explained = answer.projection?.explained?.slice(0, 2).map((share) =>
    `${Math.round(100 * share)} %`
  );
  const element = card(
    found?.text ?? "",
    shown.element,
    legend,
    explained &&
      h("p", { class: "hint" }, `The axes hold ${explained.join(" and ")} of the variance.`),
    images.length > MOST &&
      h(
        "p",
        { class: "hint" },
        `${number(MOST)} of ${number(images.length)} images, evenly spaced.`,
      ),
    colour.value === "mistake" && scores.length === 0 &&
      h("p", { class: "hint" }, "This network has not been evaluated on the set."),
  );
  recolour();
  return { element, recolour };
}

/** Values with their colours; of right and wrong as everywhere. */
function coloursOf(points, by) {
  const values = [...new Set(points.map((point) => point[by] ?? null))].sort((a, b) =>
    String(a).localeCompare(String(b), "en", { numeric: true })
  );
  const fixed = { right: "good", wrong: "bad", "not tested": "muted" };
  let next = 0;
  return new Map(values.map((value) => {
    const given = by === "mistake" ? fixed[value] : value === null ? "muted" : undefined;
    return [value, themeColour(given ?? `series-${next++ % SERIES + 1}`)];
  }));
}
