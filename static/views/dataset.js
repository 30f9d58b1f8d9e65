/** One data set: what it holds, its images with gaze, what can be started from it. */
import { call, download, get, showPicture } from "../api.js";
import { empty, facts, h, pageHead, select } from "../dom.js";
import { bytes, number, percent, short, time } from "../format.js";
import { attempt, notice } from "../notice.js";

const PAGE = 48;
const LAYERS = [
  ["overlay", "Image and gaze"],
  ["image", "Image"],
  ["heatmap", "Gaze heatmap"],
  ["scanpath", "Scanpath"],
];

export async function show({ id: name, signal }) {
  const base = `/v1/datasets/${encodeURIComponent(name)}`;
  const set = await get(base, signal);
  const report = await get(`${base}/report?limit=1`, signal);
  const grid = h("div", { class: "grid pictures" });
  const more = h("button", { type: "button" }, "More");
  const layer = select("layer", LAYERS, set.gaze.images > 0 ? "overlay" : "image");
  const shown = gallery({ base, grid, more, layer, signal });
  await shown.next();
  const remove = h("button", { type: "button", class: "danger" }, "Delete");
  remove.addEventListener("click", () => {
    if (!confirm(`Delete the data set "${name}"?`)) return;
    attempt(remove, async () => {
      await call("DELETE", base);
      notice(`"${name}" is deleted.`);
      location.hash = "#/datasets";
    });
  });
  const archive = h("button", { type: "button" }, "Download ZIP");
  archive.addEventListener(
    "click",
    () => attempt(archive, () => download(`${base}/archive`, `${name}.zip`)),
  );
  return [
    pageHead(name, `uploaded ${time(set.created_at)}`, archive, remove),
    summary(set),
    said(report),
    h(
      "p",
      { class: "row" },
      [["similarity", "Compute similarity"], ["pretrain", "Pre-train"], ["finetune", "Fine-tune"]]
        .map(([kind, text]) =>
          h("a", {
            class: "button",
            href: `#/start/${kind}?dataset=${encodeURIComponent(name)}`,
          }, text)
        ),
    ),
    h(
      "div",
      { class: "row between" },
      h("h2", {}, "Images"),
      h("label", { class: "inline" }, h("span", {}, "Show"), layer),
    ),
    grid,
    h("p", { class: "row" }, more),
  ];
}

function summary(set) {
  const entries = [
    ["Images", number(set.images)],
    ...Object.entries(set.labels).map(([label, count]) => [label, number(count)]),
    ["Unlabelled", set.unlabelled > 0 && number(set.unlabelled)],
    ["Patients", number(set.patients)],
    ["Readers", number(set.gaze.readers.length)],
    ["Recordings", number(set.gaze.recordings)],
    ["Fixations", number(set.gaze.fixations)],
    ["With gaze", percent(set.gaze.coverage)],
    ["Positive class", set.positive_label],
    ["Pictures", bytes(set.bytes)],
    ["Names of files and patients", set.names === "hash" ? "keyed hashes" : "as they were sent"],
    ["Digest", h("code", { title: set.digest }, short(set.digest))],
  ];
  return h("section", { class: "card" }, facts(entries));
}

/** What was warned of when the set came: each kind once, with an example. */
function said({ warning_kinds: kinds }) {
  if (kinds.length === 0) return null;
  const line = ({ count, example: { file, line, message } }) =>
    h(
      "li",
      {},
      count > 1 && `${number(count)} × `,
      [file, line, message].filter(Boolean).join(": "),
    );
  return h(
    "details",
    { class: "card", open: true },
    h("summary", {}, `Warnings of the import (${number(kinds.length)} kinds)`),
    h("ul", {}, kinds.map(line)),
  );
}

/** Small ones do for the grid; the image itself has one size. */
function sized(layer) {
  return layer === "image" ? "" : "?size=320";
}

/** Pages of images; pictures are fetched when they come into view. */
function gallery({ base, grid, more, layer, signal }) {
  let after = "";
  const draw = async (target, shown) => {
    const picture = (which) => `${base}/images/${target.dataset.id}/${which}.png${sized(which)}`;
    await showPicture(target, picture(shown), signal);
    // An image that nobody read is still an image.
    if (shown === "overlay" && target.classList.contains("missing") && !signal.aborted) {
      target.classList.remove("missing");
      await showPicture(target, picture("image"), signal);
    }
  };
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      draw(target, layer.value);
    }
  }, { rootMargin: "300px" });
  signal.addEventListener("abort", () => seen.disconnect(), { once: true });
  const next = async () => {
    const page = await get(
      `${base}/images?limit=${PAGE}${after && `&after=${encodeURIComponent(after)}`}`,
      signal,
    );
    after = page.next ?? "";
    more.hidden = !page.has_more;
    if (page.data.length === 0 && grid.childElementCount === 0) grid.append(empty("No images."));
    for (const image of page.data) grid.append(tile(image, base, seen, signal));
  };
  more.addEventListener("click", () => attempt(more, next));
  layer.addEventListener("change", () => {
    for (const picture of grid.querySelectorAll("img")) {
      picture.classList.remove("missing");
      seen.unobserve(picture);
      seen.observe(picture);
    }
  });
  return { next };
}

function tile(image, base, seen, signal) {
  const key = encodeURIComponent(image.name);
  const picture = h("img", { alt: `${image.name}`, data: { id: key } });
  seen.observe(picture);
  const open = () => enlarge(image, `${base}/images/${key}`, signal);
  return h(
    "button",
    { type: "button", class: "tile", on: { click: open } },
    picture,
    h(
      "span",
      { class: "tile-text" },
      h("strong", {}, image.name),
      image.label && h("span", { class: "chip" }, image.label),
    ),
  );
}

/** One image, large, with all its pictures and what is known of it. */
async function enlarge(image, path, signal) {
  const closed = new AbortController();
  signal.addEventListener("abort", () => closed.abort(), { once: true });
  const detail = await get(path, signal).catch(() => image);
  const readers = detail.readers.map(({ reader }) => reader);
  const reader = select("reader", [["", "all readers"], ...readers], "");
  const pictures = h("div", { class: "layers" });
  const draw = () => {
    const query = reader.value ? `?reader=${encodeURIComponent(reader.value)}` : "";
    pictures.replaceChildren(...LAYERS.map(([layer, text]) => {
      const picture = h("img", { alt: `${text} of ${image.name}` });
      const asked = layer === "image" ? "" : query;
      showPicture(picture, `${path}/${layer}.png${asked}`, closed.signal);
      return h("figure", {}, picture, h("figcaption", {}, text));
    }));
  };
  reader.addEventListener("change", draw);
  draw();
  const close = h("button", { type: "button", class: "quiet" }, "Close");
  const dialog = h(
    "dialog",
    { class: "wide", "aria-label": image.name },
    h("div", { class: "row between" }, h("h2", {}, image.name), close),
    facts([
      ["Label", detail.label],
      ["Patient", detail.patient],
      ["Split", detail.split],
      ["Size", `${detail.width} × ${detail.height}, ${detail.bits ?? 8} bit`],
      ["Format", detail.format],
      [
        "Fixations",
        detail.readers.map(({ reader, fixations }) => `${reader}: ${fixations}`).join(", "),
      ],
    ]),
    readers.length > 1 && h("label", { class: "inline" }, h("span", {}, "Gaze of"), reader),
    pictures,
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    closed.abort();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}
