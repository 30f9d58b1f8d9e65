/** One picture that is tried: what the classifier says, how far it lies from the set, where it looks, what is like it. */
import { labelOf, saidOf } from "./findings.js";
import { stepLink } from "./address.js";
import { call, get } from "./api.js";
import { card, fill, h } from "./dom.js";
import { percent, score } from "./format.js";
import { knownWords, sameInSet } from "./known_picture.js";
import { mapCanvas } from "./map_canvas.js";
import { attempt } from "./notice.js";
import { pairTiles } from "./pair_tiles.js";
import { chip } from "./parts.js";
import { imagePath, pictureUrl } from "./picture.js";

/** Side of a map that is asked for: it is drawn smooth whatever it is. */
const MAP_SIDE = "64";

/**
 * @param {{file?: File, image?: string}} source a file, or an image of the set
 * @param {{name: string, model: any, keep?: boolean, signal: AbortSignal}} shown `keep`: a small picture of the file with
 *   its prediction
 */
export function triedPicture({ file, image }, { name, model, keep = false, signal }) {
  const path = `/v1/models/${encodeURIComponent(model.id)}`;
  const title = file?.name ?? image;
  const body = h("div", { class: "stack" }, h("p", { class: "hint" }, "Asking the network …"));
  const element = card(title, body);
  /** The same picture, asked about in another way. */
  const ask = async (kind, query = {}, accept = undefined) => {
    const named = file ? {} : { dataset: name, image };
    const search = new URLSearchParams({ ...named, ...query });
    return await call("POST", `${path}/${kind}?${search}`, {
      ...{ signal, accept },
      ...(file ? { body: file, type: file.type || "application/dicom" } : {}),
    });
  };
  const predict = async () =>
    file
      ? (await (await ask("predictions", { thumbnails: String(keep) })).json()).data[0]
      : (await (await call("POST", `${path}/predictions`, {
        body: { dataset: name, images: [image] },
        signal,
      })).json()).data[0];
  /** In words, where the set has a label of it, or the model was made with it. */
  const knownOf = async (nearest) => {
    const same = sameInSet(image, nearest);
    if (same === undefined) return null;
    const [known, { dataset, lineage }] = await Promise.all([
      get(`/v1/datasets/${encodeURIComponent(name)}/images/${encodeURIComponent(same)}`, signal),
      get(path, signal),
    ]);
    const split = dataset === name ? lineage?.split : undefined;
    const text = knownWords({
      ...{ image: same, dropped: file !== undefined, split },
      label: labelOf(known),
    });
    return text && h("p", { class: "warn-text" }, text);
  };
  const run = async () => {
    try {
      const [prediction, near] = await Promise.all([
        predict(),
        ask("neighbours", { among: name, top: "5" }).then((answer) => answer.json()),
      ]);
      const known = await knownOf(near.data);
      if (signal.aborted) return;
      document.dispatchEvent(new CustomEvent("predicted"));
      fill(
        body,
        h(
          "div",
          { class: "tried" },
          h("div", { class: "stack" }, bars(prediction), known, noveltyOf(near, name)),
          await maps({ ask, file, image, name, title, signal }),
        ),
        h("h3", {}, "Most alike in the set, as the network sees it"),
        pairTiles(near.data, { name, signal }),
      );
    } catch (error) {
      if (signal.aborted) return;
      // What an earlier picture got must not stand under this one's name.
      fill(body, h("p", { class: "error", role: "alert" }, error.message));
    }
  };
  run();
  return element;
}

/** Classes with their probabilities, the most probable first. */
function bars({ label, labels, probabilities }) {
  const sorted = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
  return h(
    "figure",
    { class: "bars" },
    h(
      "figcaption",
      {},
      h("strong", {}, saidOf({ label, labels })),
      h("small", {}, " research use, not for diagnosis"),
    ),
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

/** In words: a certain answer about a picture unlike all others is worth nothing. */
function noveltyOf({ data, novelty }, name) {
  if (data.length === 0 || novelty === null) return null;
  const [{ similarity }] = data;
  const kind = novelty.further < 0.02 ? "bad" : novelty.further < 0.1 ? "warn" : "good";
  const words = {
    bad: `Unlike the images of ${name}: do not trust the answer.`,
    warn: `At the edge of the images of ${name}.`,
    good: `Like the images of ${name}.`,
  };
  return h(
    "p",
    { class: "novelty" },
    chip(words[kind], kind),
    h(
      "small",
      {},
      ` Nearest ${score(similarity)}, usual ${score(novelty.usual)} (cosine of features); ${
        percent(novelty.further)
      } of the set lie as far out.`,
    ),
  );
}

async function decoded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

/** The picture itself; what a browser cannot show, as DICOM, the server draws. */
async function shownOf({ file, image, name, signal }) {
  if (!file) {
    return await decoded(await pictureUrl(imagePath(name, image, "image", { size: 640 }), signal));
  }
  return await decodedBlob(file).catch(async () => {
    const type = file.type || "application/dicom";
    const drawn = await call("POST", "/v1/preview.png?size=640", { body: file, type, signal });
    return await decodedBlob(await drawn.blob());
  });
}

async function decodedBlob(blob) {
  const url = URL.createObjectURL(blob);
  try {
    return await decoded(url);
  } finally {
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
}

async function maps({ ask, file, image, name, title, signal }) {
  const [picture, answer] = await Promise.all([
    shownOf({ file, image, name, signal }),
    ask("saliency", { size: MAP_SIDE }).then((response) => response.json()),
  ]);
  const size = { image: picture, width: answer.image_width, height: answer.image_height };
  const cam = mapCanvas({
    ...size,
    title: `What speaks for ${answer.class}`,
    label: `Grad-CAM over ${title}`,
  });
  cam.draw(answer, "Grad-CAM. Coarse: nothing finer than a cell is meant.");
  const sense = async (x, y) => {
    const search = { x: String(x), y: String(y), size: MAP_SIDE };
    const map = await (await ask("similarity-map", search)).json();
    if (!signal.aborted) {
      sensing.draw(
        map,
        `What the network finds like the point (${Math.round(x)}, ${
          Math.round(y)
        }) px. Click another.`,
        { x, y },
      );
    }
  };
  const sensing = mapCanvas(
    {
      ...size,
      title: "Like the chosen point",
      label: `Spatial sensing over ${title}: click or use the arrow keys`,
    },
    { onPoint: (x, y) => attempt(sensing.element, () => sense(x, y)) },
  );
  await sense(answer.image_width / 2, answer.image_height / 2);
  return [
    cam.element,
    sensing.element,
    !file && h("p", {}, h("a", { href: stepLink(name, ["image", image]) }, "Open in the viewer")),
  ];
}
