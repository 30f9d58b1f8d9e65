/** 2 Gaze: who read what, how alike readers look, what was assumed when their recordings were read. */
import { setQuery, stepLink } from "../address.js";
import { download, get } from "../api.js";
import { colourAt, colourBar } from "../colours.js";
import { card, fill, h, pageHead, select, table } from "../dom.js";
import { count, number, percent } from "../format.js";
import { hasGaze, imagesOf } from "../image_list.js";
import { attempt } from "../notice.js";
import { chooseGaze } from "../one_file.js";
import { banner, menu, nothing } from "../parts.js";
import { imagePath, picture } from "../picture.js";
import { sorted } from "./data.js";

/** Images whose recordings are looked at here; the whole is in the tables to download. */
const MOST_IMAGES = 1000;
const PAGE = 200;
/** Images whose readers are compared: every pair of maps is. */
const COMPARED = 60;
/** Loss from which on a recording is doubtful. */
const LOSS = 0.2;

export async function show({ name, query, signal, set: promised }) {
  const set = await promised;
  const head = pageHead("Gaze", summaryOf(set), ...chooseGaze("Add a file …", name), tables(name));
  if (set.gaze.images === 0) {
    return [
      pageHead("Gaze"),
      nothing(
        "No gaze yet",
        "Add a recording or a table of fixations, or a ZIP that has such files under gaze/. " +
          "Without gaze, trainings with the arms “none”, “self” and “labels” still work.",
        ...chooseGaze("Add a file of gaze …", name, "primary"),
        h("a", { class: "button", href: stepLink(name, "data") }, "Back to the data"),
      ),
    ];
  }
  const path = `/v1/datasets/${encodeURIComponent(name)}`;
  const readers = sorted(set.gaze.readers);
  const cards = h("div", { class: "reader-cards" });
  const byLabel = h("div", {});
  const agreement = h("div", {});
  const assumptions = h("div", {});
  for (const area of [cards, byLabel, agreement, assumptions]) {
    fill(area, h("p", { class: "hint" }, "Reading …"));
  }
  const failed = (area) => (error) => {
    if (!signal.aborted) fill(area, h("p", { class: "error" }, error.message));
  };
  pages(`${path}/gaze`, (page) => page, signal).then((rows) => {
    fill(cards, readers.map((reader) => readerCard(reader, rows, name)));
    fill(byLabel, labelTable(rows, set));
  }).catch(failed(cards));
  get(`${path}/gaze?table=agreement&limit=${COMPARED}`, signal)
    .then(({ data }) => fill(agreement, agreementOf(readers, data)))
    .catch(failed(agreement));
  pages(`${path}/report`, ({ recordings }) => recordings, signal)
    .then((recordings) => fill(assumptions, assumed(recordings)))
    .catch(failed(assumptions));
  const multiples = await smallMultiples({ set, readers, query, signal });
  const part = set.images > MOST_IMAGES && h(
    "p",
    { class: "hint" },
    `Figures are of the first ${number(MOST_IMAGES)} of ${number(set.images)} images; the tables ` +
      "to download hold all.",
  );
  return [
    head,
    coverage(set),
    h("section", { class: "stack" }, h("h2", {}, "Readers"), part, cards),
    card("Where each of them looked", multiples),
    h(
      "div",
      { class: readers.length <= 6 ? "gaze-two" : "stack" },
      card("How far readers agree", agreement),
      card("Gaze by label", byLabel),
    ),
    card("What was assumed when the recordings were read", assumptions),
  ];
}

function summaryOf({ gaze }) {
  return `${count(gaze.recordings, "recording")} of ${count(gaze.readers.length, "reader")}, ${
    count(gaze.fixations, "fixation")
  }`;
}

function tables(name) {
  const path = `/v1/datasets/${encodeURIComponent(name)}/gaze`;
  const one = (text, query, file) => {
    const button = h("button", { type: "button" }, text);
    button.addEventListener(
      "click",
      () => attempt(button, () => download(`${path}?${query}`, file, "text/csv")),
    );
    return button;
  };
  return menu(
    "Download",
    one("Measures of scanpaths, CSV", "table=scanpaths&format=csv", `${name}_scanpaths.csv`),
    one("Agreement of readers, CSV", "table=agreement&format=csv", `${name}_agreement.csv`),
  );
}

/** All rows of a list whose pages count images, up to a bound. */
async function pages(path, listOf, signal) {
  const rows = [];
  let after = "";
  for (let images = 0; images < MOST_IMAGES; images += PAGE) {
    const page = listOf(await get(`${path}?limit=${PAGE}${after}`, signal));
    rows.push(...page.data);
    if (!page.has_more) break;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
  return rows;
}

function coverage({ name, images, gaze }) {
  if (gaze.images === images) return null;
  return banner(
    "warn",
    `${number(images - gaze.images)} of ${count(images, "image")} have no gaze`,
    "They take part in trainings with their own views only. ",
    h("a", { href: stepLink(name, "data", { gaze: "none" }) }, "Look at them"),
  );
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const known = (values) => values.filter((value) => value !== null && Number.isFinite(value));

function readerCard(reader, rows, name) {
  const own = rows.filter((row) => row.reader === reader);
  const fixations = own.reduce((sum, row) => sum + row.fixation_count, 0);
  const seconds = own.reduce((sum, row) => sum + row.duration_total_s, 0);
  const dropped = own.reduce((sum, row) => sum + row.dropped, 0);
  const loss = own.length > 0 ? mean(own.map((row) => row.data_loss)) : 0;
  const bad = own.filter((row) => row.data_loss > LOSS).length;
  const entries = [
    ["Images", number(own.length)],
    [
      "Fixations",
      own.length > 0
        ? `${number(fixations)}, ${(fixations / own.length).toFixed(1)} an image`
        : "–",
    ],
    ["Mean fixation", fixations > 0 ? `${Math.round(1000 * seconds / fixations)} ms` : "–"],
    ["Time an image", own.length > 0 ? `${(seconds / own.length).toFixed(1)} s` : "–"],
    ["Signal lost", percent(loss)],
    ["Left out", dropped > 0 ? `${count(dropped, "fixation")} off the image` : "none"],
  ];
  return h(
    "section",
    { class: "card" },
    h(
      "div",
      { class: "row between" },
      h("h3", {}, reader),
      h("a", { href: stepLink(name, "data", { reader }) }, "images"),
    ),
    h(
      "dl",
      { class: "pairs" },
      entries.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))),
    ),
    bad > 0 && h(
      "p",
      { class: "warn-text" },
      `${number(bad)} recordings lost more than ${100 * LOSS} % of the signal.`,
    ),
  );
}

/** Whether the readers look otherwise at one label than at another: means over recordings. */
function labelTable(rows, { labels, findings }) {
  const figures = [
    ["Fixations", (row) => row.fixation_count, 1],
    ["Fixation, ms", (row) => 1000 * row.duration_mean_s, 0],
    ["Time, s", (row) => row.duration_total_s, 1],
    ["Seen, %", (row) => 100 * row.coverage, 1],
    ["Entropy, bits", (row) => row.stationary_entropy_bits, 2],
  ];
  const names = Object.keys(labels);
  if (names.length === 0) {
    return h(
      "p",
      { class: "hint" },
      findings
        ? "Images of a multi-label set have several findings: gaze is told by label where each has one."
        : "No image has a label.",
    );
  }
  const shown = names.map((label) => ({ label, own: rows.filter((row) => row.label === label) }));
  return [
    table(
      [
        { head: "Label", cell: ({ label }) => label },
        { head: "Recordings", cell: ({ own }) => number(own.length), number: true, optional: true },
        ...figures.map(([head, of, digits], at) => ({
          head,
          // The first two stand for the rest on a phone.
          optional: at > 1,
          cell: ({ own }) => {
            const values = known(own.map(of));
            return values.length > 0 ? mean(values).toFixed(digits) : "–";
          },
          number: true,
        })),
      ],
      shown,
      { label: "Gaze by label" },
    ),
    h(
      "p",
      { class: "hint" },
      "Means over recordings; “seen” is the share of the image near a fixation. Whether gaze knows " +
        "the label is for the audit under Pairs to say.",
    ),
  ];
}

/** Readers by readers: the mean correlation of their maps over the images that both have read. */
function agreementOf(readers, rows) {
  const pairs = new Map();
  for (const { reader_1, reader_2, cc } of rows) {
    if (cc === null) continue;
    const key = JSON.stringify([reader_1, reader_2].toSorted());
    if (!pairs.has(key)) pairs.set(key, []);
    pairs.get(key).push(cc);
  }
  if (pairs.size === 0) {
    return h(
      "p",
      { class: "hint" },
      "No image was read by two readers whose maps can be compared.",
    );
  }
  const values = [...pairs.values()];
  const all = mean(values.flat());
  const of = (a, b) => pairs.get(JSON.stringify([a, b].toSorted()));
  const images = new Set(rows.map(({ image }) => image)).size;
  const cell = (a, b) => {
    if (a === b) return h("td", { class: "same" }, "");
    const own = of(a, b);
    if (!own) return h("td", {}, "–");
    const value = mean(own);
    const made = h(
      "td",
      { title: `${a} and ${b}: ${number(own.length)} images` },
      value.toFixed(2),
    );
    const [red, green, blue] = colourAt("viridis", Math.max(0, value));
    made.style.backgroundColor = `rgb(${red} ${green} ${blue})`;
    made.style.color = red * 0.3 + green * 0.59 + blue * 0.11 > 115 ? "#111" : "#fff";
    return made;
  };
  const matrix = h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "Agreement of readers" },
    h(
      "table",
      { class: "agreement" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Reader"),
          readers.map((reader) => h("th", { scope: "col" }, reader)),
        ),
      ),
      h(
        "tbody",
        {},
        readers.map((row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, row),
            readers.map((column) => cell(row, column)),
          )
        ),
      ),
    ),
  );
  return [
    h(
      "p",
      {},
      `Mean correlation of two readers’ maps of one image: ${all.toFixed(2)}, ${wordsOf(all)}`,
    ),
    readers.length <= 16 && matrix,
    h(
      "p",
      { class: "hint row" },
      `${count(images, "image")}. `,
      colourBar("viridis", { low: "0", high: "1", label: "Correlation" }),
    ),
  ];
}

function wordsOf(value) {
  if (value < 0.2) return "they look at different places.";
  if (value < 0.5) return "they share some places.";
  return "they look at the same places.";
}

/** One image, read by each: a picture for every reader. */
async function smallMultiples({ set, readers, query, signal }) {
  const images = await imagesOf(set, signal);
  const read = images.filter((image) => image.readers.length > 0);
  if (read.length === 0) return readyMade(set, images.filter(hasGaze), signal);
  // Those that most readers have seen come first.
  const order = read.toSorted((a, b) => b.readers.length - a.readers.length);
  const chosen = order.find(({ name }) => name === query.get("image")) ?? order[0];
  const choice = select(
    "image",
    order.slice(0, 500).map((
      { name, readers },
    ) => [name, `${name}, ${count(readers.length, "reader")}`]),
    chosen.name,
  );
  const layer = select(
    "layer",
    [["overlay", "Gaze map"], ["scanpath", "Scanpath"]],
    query.get("layer") ?? "overlay",
  );
  const area = h("div", { class: "pictures" });
  const draw = () => {
    const { name, readers: own } = order.find(({ name }) => name === choice.value);
    const there = readers.filter((reader) => own.some((one) => one.reader === reader));
    fill(
      area,
      there.map((reader) =>
        h(
          "figure",
          {},
          h(
            "a",
            { href: stepLink(set.name, ["image", name], { readers: encodeURIComponent(reader) }) },
            picture(imagePath(set.name, name, layer.value, { size: 320, reader }), {
              alt: `Gaze of ${reader} on ${name}`,
              signal,
            }),
          ),
          h(
            "figcaption",
            {},
            `${reader}: ${number(own.find((one) => one.reader === reader).fixations)} fixations`,
          ),
        )
      ),
    );
  };
  for (const control of [choice, layer]) {
    control.addEventListener("change", () => {
      setQuery({ image: choice.value, layer: layer.value === "overlay" ? "" : layer.value });
      draw();
    });
  }
  draw();
  return [
    h(
      "div",
      { class: "row" },
      h("label", { class: "inline" }, h("span", {}, "Image"), choice),
      h("label", { class: "inline" }, h("span", {}, "Show"), layer),
      h(
        "a",
        { href: stepLink(set.name, ["image", chosen.name], { side: 1, layers: "gaze,paths" }) },
        "Side by side in the viewer",
      ),
    ),
    area,
    colourBar("inferno", { low: "not looked at", high: "longest", label: "Time that gaze rested" }),
  ];
}

/** Maps that came as pictures: nothing is known of the fixations behind them. */
function readyMade(set, images, signal) {
  return [
    h(
      "p",
      { class: "hint" },
      `${
        count(images.length, "image")
      } with ready-made maps, which name no fixations; the first of them:`,
    ),
    h(
      "div",
      { class: "pictures" },
      images.slice(0, 12).map(({ name }) =>
        h(
          "figure",
          {},
          h(
            "a",
            { href: stepLink(set.name, ["image", name]) },
            picture(imagePath(set.name, name, "overlay"), { alt: `Gaze on ${name}`, signal }),
          ),
          h("figcaption", {}, name),
        )
      ),
    ),
  ];
}

/** Recordings that were read alike are told together. */
function assumed(recordings) {
  if (recordings.length === 0) return h("p", { class: "hint" }, "Only ready-made maps are there.");
  const groups = Map.groupBy(
    recordings,
    ({ format, assumptions }) => JSON.stringify([format, assumptions]),
  );
  return h(
    "ul",
    { class: "assumptions" },
    [...groups].toSorted(([, a], [, b]) => b.length - a.length).slice(0, 50).map(([key, own]) => {
      const [format, assumptions] = JSON.parse(key);
      const readers = sorted([...new Set(own.map(({ reader }) => reader))]);
      return h(
        "li",
        {},
        h(
          "strong",
          {},
          `${count(own.length, "recording")} of ${
            readers.length > 4 ? `${readers.length} readers` : readers.join(", ")
          }, format ${format}`,
        ),
        h(
          "ul",
          {},
          assumptions.map((one) => h("li", {}, one)),
          assumptions.length === 0 && h("li", {}, "nothing had to be assumed"),
        ),
      );
    }),
  );
}
