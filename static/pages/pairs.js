/**
 * Pairs: what similar gaze says about the label, which pairs a cut would make, and the images of these pairs. The cut
 * is chosen here and goes on to training.
 */
import { comparedOf } from "../findings.js";
import { setQuery, stepLink } from "../address.js";
import { call, download, get, list, post } from "../api.js";
import { auditOf, lookedWords } from "../audit.js";
import { chosenPairs } from "../chosen_pairs.js";
import { card, field, fill, h, pageHead, select, table } from "../dom.js";
import { number, percent, score, time } from "../format.js";
import { toldApart } from "../names.js";
import { attempt, notice } from "../notice.js";
import { imagesOf } from "../image_list.js";
import { preparePairs } from "../pair_cut.js";
import { matrixFigure } from "../pair_matrix.js";
import { pairTiles } from "../pair_tiles.js";
import { banner, menu, nothing, tabs, technical } from "../parts.js";

/** Of more images the matrix is not fetched: the server's picture shows some of them. */
const MOST = 3000;
const FIELDS = "id,measure,dataset,stale,size,components,invalid,created_at,histogram,job,params";

export async function show({ name, params, query, signal, set }) {
  const compared = await list(`/v1/similarities?fields=${FIELDS}`, signal);
  const own = compared.filter(({ dataset }) => dataset === name);
  const found = params.id === undefined
    ? own.find(({ stale }) => !stale) ?? own[0]
    : own.find(({ id }) => id === params.id);
  const known = await set;
  if (!found) return [pageHead("Pairs"), known.gaze.images === 0 ? noGaze(name) : first(name)];
  const images = await imagesOf(known, signal);
  const path = `/v1/similarities/${encodeURIComponent(found.id)}`;
  const verdict = h(
    "div",
    { class: "stack" },
    banner("plain", "Asking whether similar gaze goes with the label …"),
  );
  const below = h("div", { class: "stack" });
  const pairs = h("div", { class: "stack" });
  const shown = { name, found, path, images, query, signal };
  const all = query.get("labels") === "all";
  const audit = auditOf(found.id, signal, { all });
  audit.then((told) => {
    if (signal.aborted) return;
    fill(verdict, verdictOf(told), looking(told, { name, id: found.id, all }));
    fill(below, comparison(told, name), readerCard({ name, id: found.id, all, signal }));
  }).catch((error) => {
    if (!signal.aborted) fill(verdict, banner("bad", "The audit cannot be made", error.message));
  });
  fill(pairs, await chosen(shown, audit));
  return [
    pageHead(
      "Pairs",
      `${number(found.size)} images compared by ${found.measure}`,
      h(
        "a",
        { class: "button", href: stepLink(name, ["training", "start", "similarity"]) },
        "Compare anew",
      ),
      menu("More", [
        save("Matrix as NPY", `${path}/matrix?format=npy`, `${found.id}.npy`),
        save("Matrix as CSV", `${path}/matrix?format=csv`, `${found.id}.csv`),
      ]),
    ),
    own.length > 1 && tabs(
      "Measures",
      toldApart(own, {
        textOf: ({ measure }) => measure,
        more: [({ created_at }) => time(created_at), ({ id }) => id.slice(-6)],
      }).map(([{ id }, text]) => ({
        href: stepLink(name, ["pairs", id]),
        text,
        current: id === found.id,
      })),
    ),
    found.stale && banner(
      "warn",
      "Images or gaze have changed since",
      "These pairs are those of before. Compare anew to train with them.",
    ),
    verdict,
    pairs,
    below,
    technical([["Similarity", found.id], ["Job", found.job], [
      "Settings",
      JSON.stringify(found.params),
    ]]),
  ];
}

function save(text, path, file) {
  const button = h("button", { type: "button" }, text);
  button.addEventListener("click", () => attempt(button, () => download(path, file)));
  return button;
}

function noGaze(name) {
  return nothing(
    "This set has no gaze yet",
    "Pairs are images that were read alike: readers' fixations are needed, or heatmaps.",
    h("a", { class: "button primary", href: stepLink(name, "gaze") }, "Add gaze"),
  );
}

/** What can be compared first, with one click. */
function first(name) {
  const begin = h("button", { type: "button", class: "primary" }, "Compare scanpaths (MultiMatch)");
  begin.addEventListener("click", () =>
    attempt(begin, async () => {
      const job = await post("/v1/jobs", {
        kind: "similarity",
        dataset: name,
        measure: "multimatch",
      });
      notice("The comparison is on its way.");
      location.hash = stepLink(name, ["training", job.id]);
    }));
  return nothing(
    "The gaze has not been compared yet",
    "A similarity tells for every two images how alike they were read. From it come the pairs that training pulls together.",
    begin,
    h(
      "a",
      { class: "button", href: stepLink(name, ["training", "start", "similarity"]) },
      "Choose another measure",
    ),
  );
}

/** The judgement in words, by rule from the audit: AUC, its p, and the suggested cut. */
export function verdictOf({ labels, suggestion, cuts, warnings }) {
  const told = warnings.join(" ");
  if (!labels) {
    return banner("plain", "Without labels it cannot be said what similar gaze means.", told);
  }
  const { auc, auc_p, base_rate } = labels;
  const figures = auc === null ? `p ${score(labels.p)}` : `AUC ${score(auc)}, p ${score(auc_p)}`;
  const cut = cuts.find((one) =>
    one.quantile === suggestion.quantile && one.top_k === suggestion.top_k
  );
  const p = auc === null ? labels.p : auc_p;
  if (p >= 0.05 && !cut) {
    const title = `Similar gaze does not go with the same label here (${figures}).`;
    return banner("warn", title, "Pairs by it are no better than chance. ", told);
  }
  if (auc !== null && auc < 0.5 && p < 0.05 && !cut) {
    const title = `Similar gaze goes with different labels here (${figures}).`;
    return banner("bad", title, "Training would pull different classes together. ", told);
  }
  const degree = auc === null || auc >= 0.7 ? "" : auc >= 0.6 ? "somewhat " : "barely ";
  const title = degree
    ? `Similar gaze ${degree}goes with the same label (${figures}).`
    : `Similar gaze goes with the same label (${figures}).`;
  const chosenText = cut
    ? `At the suggested cut, top ${percent(cut.share)}, ${
      percent(cut.precision)
    } of pairs share a label where ${percent(base_rate)} would by chance. `
    : "No cut stands out. ";
  return banner(degree === "barely " ? "warn" : "good", title, chosenText, told);
}

/** Which labels were looked at, and the switch to all of them or back. */
function looking(told, { name, id, all }) {
  const to = stepLink(name, ["pairs", id], all ? {} : { labels: "all" });
  if (!all) {
    return h(
      "p",
      { class: "hint" },
      `${lookedWords(told)} Trainings with other seeds test on other images. `,
      h("a", { href: to }, "Look at all images"),
    );
  }
  return h(
    "p",
    { class: "warn-text" },
    "Labels of all images were looked at, those tested on among them: a cut chosen here makes test results look better than they are. ",
    h("a", { href: to }, "Leave the test part out"),
  );
}

async function chosen(shown, audit) {
  const { found, path, images, name, signal } = shown;
  const kept = found.histogram.kept ?? {};
  if (kept.layout === "neighbours" || found.size > MOST) return await large(shown);
  const [{ images: names }, response] = await Promise.all([
    get(path, signal),
    call("GET", `${path}/matrix?format=npy`, { signal }),
  ]);
  const values = readNpy(await response.arrayBuffer());
  const byName = new Map(images.map((image) => [image.name, image]));
  const labels = names.map((image) => {
    const known = byName.get(image);
    return found.stale || !known ? null : comparedOf(known);
  });
  const handle = h("div", { class: "stack" }, h("p", { class: "hint" }, "Asking the audit …"));
  // The handle shows what the audit looked at, and no label more.
  audit.then(({ left_out_images }) => {
    if (signal.aborted) return;
    const without = new Set(left_out_images);
    const looked = names.flatMap((image, i) => without.has(image) ? [] : [i]);
    const prepared = preparePairs({ values, labels, looked });
    fill(handle, chosenPairs({ prepared, names, audit, ...shown }));
  }).catch(() => fill(handle));
  const pair = h("div", {});
  const choose = (a, b) => {
    const value = values[a * names.length + b];
    fill(
      pair,
      h("h3", {}, `Similarity ${score(value)}`),
      pairTiles([a, b].map((i) => ({ image: names[i], label: labels[i] })), {
        ...{ name, signal, stale: found.stale },
      }),
    );
  };
  return [
    handle,
    card(
      "The matrix, ordered by label",
      h(
        "div",
        { class: "matrix-side" },
        matrixFigure({ values, names, labels }, choose),
        h(
          "div",
          { class: "stack" },
          pair,
          nearest({ ...shown, names, labels }),
        ),
      ),
    ),
  ];
}

/** Version 1.0, f32 little endian, as the server writes it. */
function readNpy(buffer) {
  const start = 10 + new DataView(buffer).getUint16(8, true);
  return new Float32Array(buffer, start);
}

/** Of so many images: the server's picture of some of them, and the nearest of one. */
async function large({ name, path, found, signal }) {
  const { images: names } = await get(path, signal);
  return [
    card(
      "Nearest images",
      h(
        "p",
        { class: "hint" },
        `Of ${
          number(found.size)
        } images the nearest are kept; the table below says what cuts are worth.`,
      ),
      nearest({ name, path, found, names, signal }),
    ),
  ];
}

/** The images that were read most like one, with their labels. */
function nearest({ name, path, found, names, signal }) {
  const area = h("div", {});
  const control = select("image", names, names[0]);
  const update = async () => {
    const search = new URLSearchParams({ image: control.value, top: "8" });
    const { data } = await get(`${path}/pairs?${search}`, signal);
    fill(area, pairTiles(data, { name, signal, stale: found.stale }));
  };
  control.addEventListener("change", () => attempt(control, update));
  update().catch((error) => fill(area, h("p", { class: "error" }, error.message)));
  return h("div", { class: "stack" }, field("Read most like", control), area);
}

/** What the audit says of all its cuts, and of the set's other measures. */
function comparison({ cuts, labels, comparison, suggestion }, name) {
  return h(
    "div",
    { class: "grid two" },
    comparison && comparison.compared.length > 1 && card(
      "Measures compared",
      comparison.suggestion &&
        h(
          "p",
          {},
          `${comparison.suggestion.measure} is suggested: ${comparison.suggestion.reasons[0]}`,
        ),
      comparison.warnings.map((text) => h("p", { class: "warn-text" }, text)),
      table(
        [
          {
            head: "Measure",
            cell: ({ similarity, measure }) =>
              h("a", { href: stepLink(name, ["pairs", similarity]) }, measure),
          },
          { head: "AUC", cell: ({ auc }) => score(auc), number: true },
          { head: "p of the best cut", cell: ({ p }) => score(p), number: true },
          { head: "Suggested cut", cell: (one) => cutText(one.suggestion), number: true },
        ],
        comparison.compared,
        { label: "Measures compared" },
      ),
    ),
    card(
      "Cuts that were tested",
      suggestion.reasons.map((reason) =>
        h("p", { class: "hint" }, `${reason[0].toUpperCase()}${reason.slice(1)}.`)
      ),
      table(
        [
          { head: "Cut", cell: cutText },
          { head: "Pairs", cell: ({ pairs }) => number(pairs), number: true },
          { head: "Precision", cell: ({ precision }) => score(precision), number: true },
          { head: "Lift", cell: ({ lift }) => number(lift, 2), number: true },
          { head: "p", cell: ({ p }) => score(p), number: true },
          {
            head: "Handle",
            cell: (cut) => labels && cut.quantile !== null && tryCut(cut),
          },
        ],
        cuts,
        { label: "Cuts that were tested" },
      ),
    ),
  );
}

/** Each reader's own gaze, asked for by a click: every one is an audit, and one without a comparison needs it first. */
function readerCard({ name, id, all, signal }) {
  const area = h("div", { class: "stack" });
  const begin = h("button", { type: "button" }, "Ask for each reader");
  const ask = async () => {
    const { by_reader } = await auditOf(id, signal, { all, readers: true });
    const missing = by_reader.filter(({ similarity }) => similarity === null);
    const compute = missing.length > 0 && h(
      "button",
      { type: "button", class: "primary" },
      `Compare the gaze of ${missing.length} readers, one by one`,
    );
    if (compute) {
      compute.addEventListener("click", () =>
        attempt(compute, async () => {
          for (const { request } of missing) await post("/v1/jobs", request);
          notice("The comparisons are on their way; ask again when they are done.");
        }));
    }
    fill(
      area,
      table(
        [
          {
            head: "Reader",
            cell: ({ reader, similarity }) =>
              similarity ? h("a", { href: stepLink(name, ["pairs", similarity]) }, reader) : reader,
          },
          {
            head: "Images",
            cell: ({ images }) => images === null ? "not compared" : number(images),
            number: true,
          },
          { head: "AUC", cell: ({ auc }) => score(auc), number: true },
          { head: "p", cell: ({ auc_p }) => score(auc_p), number: true },
          {
            head: "Suggested cut",
            cell: ({ suggestion }) => suggestion && cutText(suggestion),
            number: true,
          },
        ],
        by_reader,
        { label: "Reader by reader" },
      ),
      compute,
    );
  };
  begin.addEventListener("click", () => attempt(begin, ask));
  return card(
    "Reader by reader",
    h("p", { class: "hint" }, "Whether each reader's own gaze goes with the label."),
    begin,
    area,
  );
}

/** Moves the handle. */
function tryCut({ quantile }) {
  const text = `Show top ${percent(quantile)}`;
  const press = () => {
    setQuery({ top: quantile });
    document.dispatchEvent(new CustomEvent("cut-asked", { detail: quantile }));
  };
  return h(
    "button",
    { type: "button", class: "quiet", "aria-label": text, on: { click: press } },
    "show",
  );
}

function cutText({ quantile, top_k }) {
  if (top_k !== null && top_k !== undefined) return `${number(top_k)} nearest`;
  if (quantile === null || quantile === undefined) return "–";
  return `top ${Number((100 * quantile).toFixed(2))} %`;
}
