/** The cut as a handle, and at once beside it what it chooses: numbers, images of right and wrong pairs, hubs. */
import { address, setQuery, stepLink } from "./address.js";
import { FIRST_SEED } from "./audit.js";
import { cutChart } from "./cut_chart.js";
import { card, fill, h, s } from "./dom.js";
import { number, percent, score } from "./format.js";
import { chosenAt, cutAt, examplesAt, labelHistogram } from "./pair_cut.js";
import { pairTile, pairTiles } from "./pair_tiles.js";
import { figure } from "./parts.js";

/** Shares of pairs that the slider goes through, by equal factors. */
const [LEAST, GREATEST, STEPS] = [0.0005, 0.8, 400];
const shareOf = (step) => LEAST * (GREATEST / LEAST) ** (step / STEPS);
const stepOf = (share) =>
  Math.round(
    STEPS * Math.log(Math.min(GREATEST, Math.max(LEAST, share)) / LEAST) /
      Math.log(GREATEST / LEAST),
  );
/** Pictures follow once the handle rests. */
const REST_MS = 250;

/**
 * @param {{prepared: import("./pair_cut.js").Pairs, names: string[], audit: Promise<any>, name: string, found: any,
 *   signal: AbortSignal}} given
 */
export function chosenPairs({ prepared, names, audit, name, found, signal, query }) {
  const { labels, sorted } = prepared;
  if (sorted.length === 0) {
    return card("Choose the cut", h("p", {}, "No two images have gaze that can be compared."));
  }
  const labelled = prepared.baseRate !== null;
  const figures = h("div", { class: "figures", "aria-live": "polite" });
  const pictures = h("div", { class: "stack" });
  const train = h("a", { class: "button primary" }, "Train with this cut");
  const plan = h("a", { class: "button" }, "Plan a study with it");
  const slider = h("input", {
    type: "range",
    min: "0",
    max: String(STEPS),
    step: "1",
    "aria-label": "Share of pairs that count as positive",
  });
  let tested = [];
  let share = Number(query.get("top")) || 0.1;
  let resting, waiting = false;
  const chart = cutChart(labelHistogram(prepared, 80), {
    labelled,
    onCut: (cut) => {
      let [low, high] = [0, sorted.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (sorted[middle] > cut) high = middle;
        else low = middle + 1;
      }
      set((sorted.length - low) / sorted.length);
    },
  });
  const set = (to) => {
    share = Math.min(GREATEST, Math.max(LEAST, to));
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  };
  const update = () => {
    const cut = cutAt(prepared, share);
    const chosen = chosenAt(prepared, cut);
    chart.place(cut);
    slider.value = String(stepOf(share));
    slider.setAttribute("aria-valuetext", `top ${percent(share)}`);
    fill(figures, figuresOf(chosen, { share, cut, prepared, tested }));
    const quantile = Number(share.toPrecision(2));
    const spec = { similarity: found.id, "cut.quantile": quantile, seed: FIRST_SEED };
    train.setAttribute("href", stepLink(name, ["training", "start", "pretrain"], spec));
    plan.setAttribute(
      "href",
      stepLink(name, ["training", "study"], {
        ...{ similarity: found.id, quantile },
        // Whoever looked at all labels chooses by them.
        cut_seen: query.get("labels") === "all" && "all",
      }),
    );
    clearTimeout(resting);
    resting = setTimeout(() => {
      if (signal.aborted) return;
      if (address().path.includes("pairs")) setQuery({ top: quantile });
      fill(pictures, picturesOf(chosen, cut));
    }, REST_MS);
  };
  const picturesOf = (chosen, cut) => {
    const shown = { name, signal, stale: found.stale };
    const { right, wrong } = examplesAt(prepared, cut, 3);
    const pair = ([a, b, value]) =>
      h(
        "div",
        { class: "pair" },
        [a, b].map((i) => pairTile({ image: names[i], label: labels[i] }, shown)),
        h("span", { class: "hint" }, score(value)),
      );
    const group = (title, pairs, none) =>
      h(
        "div",
        { class: "stack" },
        h("h3", {}, title),
        pairs.length ? pairs.map(pair) : h("p", { class: "hint" }, none),
      );
    return [
      labelled && h(
        "div",
        { class: "grid two" },
        group("Just above the cut: one label", right, "None."),
        group(
          "Just above the cut: two labels",
          wrong,
          "None: every pair above the cut shares a label.",
        ),
      ),
      h("h3", {}, "In most pairs"),
      pairTiles(
        chosen.hubs.filter(({ positives }) => positives > 0).map(({ image }) => ({
          image: names[image],
          label: labels[image],
        })),
        shown,
      ),
      h(
        "p",
        { class: "hint" },
        `The first of them is in ${number(chosen.hubs[0]?.positives ?? 0)} of ${
          number(chosen.pairs)
        } pairs.`,
      ),
    ];
  };
  slider.addEventListener("input", () => set(shareOf(Number(slider.value))));
  const asked = (event) => set(event.detail);
  document.addEventListener("cut-asked", asked, { signal });
  audit.then(({ cuts, suggestion }) => {
    tested = cuts.filter(({ quantile, p }) => quantile !== null && p !== null);
    if (!query.has("top") && suggestion.quantile !== null) share = suggestion.quantile;
    update();
  }).catch(() => {});
  update();
  return [
    h(
      "div",
      { class: "cut-pair" },
      card("Choose the cut", chart.element, slider, h("div", { class: "row" }, train, plan)),
      card("What it chooses", figures),
    ),
    card("Pairs at this cut", pictures),
  ];
}

function figuresOf(chosen, { share, cut, prepared, tested }) {
  const near =
    tested.toSorted((a, b) =>
      Math.abs(Math.log(a.quantile / share)) - Math.abs(Math.log(b.quantile / share))
    )[0];
  const images = prepared.looked.length;
  return [
    figure("Pairs", number(chosen.pairs), `top ${percent(chosen.share)}, above ${score(cut)}`),
    figure(
      "Positives of an image",
      number(chosen.median, 1),
      `median; most ${number(chosen.most)}`,
    ),
    figure("Images without", number(chosen.without), `of ${number(images)}`),
    chosen.precision !== null && figure(
      "Precision",
      percent(chosen.precision),
      `share one label; ${percent(prepared.baseRate)} by chance`,
    ),
    chosen.lift !== null && h(
      "div",
      { class: "figure" },
      h("span", {}, "Lift"),
      h("strong", {}, number(chosen.lift, 2)),
      liftBar(chosen.lift, 1 / prepared.baseRate),
    ),
    near &&
    figure(
      "p",
      near.p < 0.001 ? "< 0.001" : score(near.p),
      `tested at top ${percent(near.quantile)}`,
    ),
  ];
}

/** From 0 to the greatest that is possible, with a line at 1: chance. */
function liftBar(lift, most) {
  const x = (value) => 100 * Math.min(1, value / most);
  const words = `1 is chance, ${number(most, 2)} the most`;
  return h(
    "span",
    { class: "lift" },
    s(
      "svg",
      {
        viewBox: "0 0 100 12",
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": `Lift ${number(lift, 2)}; ${words}`,
      },
      s("rect", { class: "track", width: 100, y: 3, height: 6 }),
      s("rect", { class: "value", width: x(lift), y: 3, height: 6 }),
      s("line", { x1: x(1), x2: x(1), y1: 0, y2: 12 }),
    ),
    h("small", {}, words),
  );
}
