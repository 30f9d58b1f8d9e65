/** What is known of the image in the viewer: label, predictions, how far its readers agree, and what is like it. */
import { labelOf, saidOf, sureOf } from "../findings.js";
import { address, stepLink } from "../address.js";
import { get, post } from "../api.js";
import { fill, h, table } from "../dom.js";
import { count, number, time } from "../format.js";
import { chip, technical } from "../parts.js";
import { imagePath, picture } from "../picture.js";

const NEAREST = 4;

/** Pairs of readers that are listed. */
const PAIRS = 10;

/** @param {HTMLElement} area @param {any} viewer */
export async function about(area, viewer) {
  const { image, gaze } = viewer;
  const parts = {
    predictions: h("section", {}),
    byGaze: h("section", {}),
    byFeatures: h("section", {}),
  };
  fill(
    area,
    facts(image),
    parts.predictions,
    gaze.data.length > 1 && agreement(gaze),
    parts.byGaze,
    parts.byFeatures,
    gaze.data.length > 0 && fixations(gaze),
    technical([["Id", image.id], ["Format", image.format], ["Bytes", number(image.bytes)]]),
  );
  await Promise.allSettled([
    predictions(parts.predictions, viewer),
    byGaze(parts.byGaze, viewer),
    byFeatures(parts.byFeatures, viewer),
  ]);
}

function facts(image) {
  const { labels, unknown, patient, split, width, height, bits, channels, readers, maps } = image;
  const entries = [
    [labels ? "Findings" : "Label", labelOf(image) ?? "none"],
    ["Not known", unknown?.join(", ")],
    ["Patient", patient],
    ["Part", split],
    ["Size", `${width} × ${height} px, ${channels === 1 ? "grey" : "colour"}, ${bits} bit`],
    [
      "Read by",
      readers.length > 0 ? count(readers.length, "reader") : maps.length === 0 && "nobody",
    ],
    ["Gaze maps", maps.length > 0 && `${number(maps.length)} ready-made`],
  ];
  return h(
    "dl",
    { class: "about-facts" },
    entries.filter(([, value]) => value).map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, value))
    ),
  );
}

/** The newest stored prediction of each model. */
async function predictions(area, { name, image, models, signal }) {
  const query = new URLSearchParams({
    ...{ dataset: name, image: image.name, order: "newest", limit: 50 },
  });
  const { data } = await get(`/v1/predictions?${query}`, signal);
  const newest = new Map();
  for (const one of data) if (!newest.has(one.model)) newest.set(one.model, one);
  const classifiers = models.filter(({ classes }) => classes.length > 0);
  const [model] = classifiers;
  const ask = h("button", { type: "button" }, "Predict");
  ask.addEventListener("click", async () => {
    ask.disabled = true;
    const body = { dataset: name, images: [image.name] };
    try {
      for (const one of classifiers.filter(({ dataset }) => dataset === name).slice(0, 6)) {
        await post(`/v1/models/${one.id}/predictions`, body, signal);
      }
      await predictions(area, { name, image, models, signal });
    } catch (error) {
      if (!signal.aborted) area.append(h("p", { class: "error" }, error.message));
      ask.disabled = false;
    }
  });
  fill(
    area,
    h("h2", {}, "Predictions"),
    newest.size === 0 && h(
      "p",
      { class: "hint" },
      model ? "None is stored." : "No classifier yet: train one under Training.",
    ),
    [...newest.values()].map((one) => {
      const title = models.find(({ id }) => id === one.model)?.title ?? "a deleted model";
      const wrong = image.label !== null && one.label !== image.label;
      const said = saidOf(one);
      return h(
        "div",
        { class: "said" },
        h("span", {}, title),
        chip(
          `${wrong ? "wrong: " : ""}${said} ${Math.round(100 * sureOf(one))} %`,
          image.label === null ? "" : wrong ? "bad" : "good",
        ),
        h("small", {}, time(one.created_at)),
      );
    }),
    newest.size === 0 && model && ask,
  );
}

/** How far readers looked at the same places. */
function agreement({ agreement: pairs }) {
  const known = pairs.filter(({ cc }) => cc !== null);
  const mean = known.reduce((sum, { cc }) => sum + cc, 0) / known.length;
  return h(
    "section",
    {},
    h("h2", {}, "Readers’ agreement"),
    known.length === 0
      ? h("p", { class: "hint" }, "Their maps cannot be compared.")
      : h("p", {}, `Mean correlation of their maps: ${mean.toFixed(2)}`),
    h(
      "details",
      {},
      h("summary", {}, "Pair by pair"),
      table(
        [
          { head: "Readers", cell: ({ reader_1, reader_2 }) => `${reader_1}, ${reader_2}` },
          { head: "CC", cell: ({ cc }) => cc?.toFixed(2) ?? "–", number: true },
          { head: "SIM", cell: ({ sim }) => sim?.toFixed(2) ?? "–", number: true },
        ],
        pairs.toSorted((a, b) => (b.cc ?? -2) - (a.cc ?? -2)).slice(0, PAIRS),
        { label: "Agreement of readers" },
      ),
    ),
  );
}

function nearest(title, note, data, { name, signal }) {
  const query = { layers: address().query.get("layers") };
  return [
    h("h2", {}, title),
    h("p", { class: "hint" }, note),
    h(
      "div",
      { class: "nearest" },
      data.map(({ image, label, similarity }) =>
        h(
          "a",
          { class: "shot", href: stepLink(name, ["image", image], query) },
          picture(imagePath(name, image, "overlay", { size: 160 }), { alt: image, signal }),
          h("small", {}, image),
          h("span", { class: "chips" }, label !== null && chip(label), chip(similarity.toFixed(2))),
        )
      ),
    ),
  ];
}

async function byGaze(area, viewer) {
  const { name, image, signal, gaze } = viewer;
  if (gaze.data.length === 0) return;
  const base = `/v1/datasets/${encodeURIComponent(name)}/overview`;
  const { similarities: { newest } } = await get(base, signal);
  if (!newest) {
    return fill(
      area,
      h("h2", {}, "Read alike"),
      h(
        "p",
        { class: "hint" },
        h("a", { href: stepLink(name, "pairs") }, "Compare the gaze"),
        " first.",
      ),
    );
  }
  const { data } = await get(
    `/v1/similarities/${newest.id}/pairs?image=${encodeURIComponent(image.name)}&top=${NEAREST}`,
    signal,
  );
  fill(area, ...nearest("Read alike", `by ${newest.measure}`, data, viewer));
}

async function byFeatures(area, viewer) {
  const { name, image, models, model, signal } = viewer;
  const chosen = models.find(({ id }) => id === model[1]);
  if (!chosen) return;
  const query = new URLSearchParams({ dataset: name, image: image.name, top: NEAREST });
  const { data } = await post(`/v1/models/${chosen.id}/neighbours?${query}`, undefined, signal);
  fill(area, ...nearest("Alike to the network", `by ${chosen.title}`, data, viewer));
}

/** The scanpaths as numbers, for those who cannot see them. */
function fixations({ data }) {
  return h(
    "details",
    {},
    h("summary", {}, "Fixations as a table"),
    data.map(({ reader, fixations, measures }) => [
      h("h3", {}, reader),
      h(
        "p",
        { class: "hint" },
        `${number(measures.fixation_count)} fixations in ${
          measures.duration_total_s.toFixed(1)
        } s, mean ${Math.round(1000 * measures.duration_mean_s)} ms, path ${
          number(Math.round(measures.path_length_px))
        } px`,
      ),
      table(
        [
          { head: "x", cell: ({ x }) => Math.round(x), number: true },
          { head: "y", cell: ({ y }) => Math.round(y), number: true },
          { head: "from, s", cell: ({ start }) => start.toFixed(2), number: true },
          { head: "ms", cell: ({ duration }) => Math.round(1000 * duration), number: true },
        ],
        fixations.slice(0, 200),
        { label: `Fixations of ${reader}` },
      ),
    ]),
  );
}
