/** One similarity: distribution, matrix, audit against labels, nearest images. */
import { call, download, get, showPicture } from "../api.js";
import { histogram } from "../curves.js";
import { card, empty, facts, fill, h, pageHead, select } from "../dom.js";
import { number, time } from "../format.js";
import { matrixPicture } from "../matrix.js";
import { attempt } from "../notice.js";
import { auditView } from "./audit.js";
import { datasetLink } from "./similarities.js";

/** The matrix is drawn for this many images at most. */
const MOST = 400;

export async function show({ id, signal }) {
  const path = `/v1/similarities/${encodeURIComponent(id)}`;
  const found = await get(path, signal);
  const pairs = h("div", {});
  const chosen = select("image", found.images, found.images[0]);
  const choose = (image) => {
    chosen.value = image;
    return attempt(chosen, () => showPairs({ path, image, found, pairs, signal }));
  };
  chosen.addEventListener("change", () => choose(chosen.value));
  const audit = h("div", { class: "parts" }, empty("Asking …"));
  auditView(path, signal).then((view) => fill(audit, view)).catch((error) => {
    if (!signal.aborted) fill(audit, empty(error.message));
  });
  choose(found.images[0]);
  return [
    pageHead(`Similarity: ${found.measure}`, id, saves(path, id)),
    h(
      "section",
      { class: "card" },
      facts([
        ["Data set", datasetLink(found.dataset)],
        ["Images or gaze since", found.stale ? "changed or deleted" : "unchanged"],
        ["Images", number(found.size)],
        ["Without valid gaze", number(found.invalid.length)],
        ["Mean of pairs", number(found.histogram.mean)],
        ["Computed", time(found.created_at)],
        ["Job", h("a", { href: `#/jobs/${found.job}` }, found.job)],
      ]),
    ),
    h(
      "div",
      { class: "grid two" },
      card("Distribution over pairs", distribution(found.histogram, signal)),
      card("Matrix", await matrixOrNone({ path, found, signal, choose })),
    ),
    card("Does it know the label?", audit),
    card("Nearest images", h("label", { class: "inline" }, h("span", {}, "Image"), chosen), pairs),
  ];
}

function saves(path, id) {
  return ["npy", "csv"].map((format) => {
    const button = h("button", { type: "button" }, format.toUpperCase());
    button.addEventListener(
      "click",
      () => attempt(button, () => download(`${path}/matrix?format=${format}`, `${id}.${format}`)),
    );
    return button;
  });
}

/** Bins without pairs at either end are left out. */
function distribution({ from, to, counts, pairs }, signal) {
  if (pairs === 0) return empty("No pair has a value.");
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0) + 1;
  const edges = Array.from(
    { length: last - first + 1 },
    (_, bin) => from + (first + bin) / counts.length * (to - from),
  );
  return histogram(
    "Histogram of similarity over pairs",
    "similarity",
    edges,
    counts.slice(first, last),
    signal,
  );
}

function matrixOrNone({ path, found, signal, choose }) {
  const { layout, top_k, pairs } = found.histogram.kept ?? {};
  if (layout !== "neighbours") return matrixOf({ path, found, signal, choose });
  return empty(
    `Of so many images the ${number(top_k)} nearest of each and the ${
      number(pairs)
    } nearest pairs are kept.`,
  );
}

async function matrixOf({ path, found, signal, choose }) {
  const area = h("div", {});
  const component = select("component", found.components, found.components[0]);
  const names = found.images.slice(0, MOST);
  const part = names.length < found.size
    ? `&images=${encodeURIComponent(JSON.stringify(names))}`
    : "";
  const draw = async () => {
    const query = `format=json&component=${encodeURIComponent(component.value)}${part}`;
    const { images, values } = await (await call("GET", `${path}/matrix?${query}`, { signal }))
      .json();
    fill(area, matrixPicture(values, images, (row) => choose(images[row])));
  };
  component.addEventListener("change", () => attempt(component, draw));
  await draw();
  return [
    found.components.length > 1 &&
    h("label", { class: "inline" }, h("span", {}, "Part"), component),
    area,
    part && h("p", { class: "hint" }, `The first ${MOST} images.`),
  ];
}

async function showPairs({ path, image, found, pairs, signal }) {
  const { data } = await get(`${path}/pairs?image=${encodeURIComponent(image)}&top=8`, signal);
  const base = `/v1/datasets/${encodeURIComponent(found.dataset)}/images`;
  const tile = (name, text) => {
    const picture = h("img", { alt: `Image and gaze of ${name}` });
    // Of others than were compared a picture would stand beside the wrong number.
    if (found.dataset !== null && !found.stale) {
      showPicture(picture, `${base}/${encodeURIComponent(name)}/overlay.png?size=320`, signal);
    }
    return h(
      "figure",
      { class: "tile" },
      picture,
      h("figcaption", {}, h("strong", {}, name), h("span", { class: "chip" }, text)),
    );
  };
  fill(
    pairs,
    h(
      "div",
      { class: "grid pictures" },
      tile(image, "chosen"),
      data.map((near) => tile(near.image, number(near.similarity))),
    ),
  );
}
