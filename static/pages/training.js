/** The trainings of a data set, named and grouped by all but the seed; several are ticked to be compared. */
import { stepLink } from "../address.js";
import { fill, h, pageHead, s } from "../dom.js";
import { number, score } from "../format.js";
import { nothing, progressOf, stateChip, timeLeft } from "../parts.js";
import { curvesOf, groupRuns, reached, readRuns, refreshed } from "../runs.js";

const EVERY_MS = 4000;
const OPEN = ["queued", "running", "paused"];
/** Groups that are drawn at first. */
const SHOWN = 40;

export async function show({ name, query, signal, set }) {
  const area = h("div", { class: "runs" });
  const bar = h("div", { class: "compare-bar", hidden: true });
  const ticked = new Set((query.get("runs") ?? "").split(",").filter(Boolean));
  const sparks = new Map();
  let runs = await readRuns(name, signal);
  let groups = groupRuns(runs);
  let shown = SHOWN;
  const compare = () => {
    const chosen = groups.filter(({ key }) => ticked.has(key));
    bar.hidden = chosen.length === 0;
    const ids = chosen.flatMap(({ runs }) => runs.map(({ job }) => job.id));
    fill(
      bar,
      h("span", {}, `${chosen.length} chosen`),
      chosen.length > 1
        ? h(
          "a",
          {
            class: "button primary",
            href: stepLink(name, ["training", "compare"], { runs: ids.join() }),
          },
          "Compare",
        )
        : [
          h("span", { class: "hint" }, "Choose another one to compare with."),
          ids.length > 1 && h(
            "a",
            {
              class: "button",
              href: stepLink(name, ["training", "compare"], { runs: ids.join() }),
            },
            `Curves of its ${ids.length} runs`,
          ),
        ],
    );
  };
  const draw = () => {
    fill(
      area,
      groups.slice(0, shown).map((group) =>
        groupOf(group, { name, ticked, compare, sparks, signal })
      ),
      groups.length > shown && more(),
    );
    compare();
  };
  const more = () => {
    const button = h("button", { type: "button" }, `Show ${groups.length - shown} more`);
    button.addEventListener("click", () => {
      shown = Infinity;
      draw();
    });
    return button;
  };
  const timer = setInterval(async () => {
    if (document.hidden || area.contains(document.activeElement)) return;
    if (!groups.some(({ runs }) => runs.some(({ job }) => OPEN.includes(job.state)))) return;
    const fresh = await refreshed(runs, name, signal).catch(() => runs);
    // Curves have grown where something has ended; what runs has a page of its own for them.
    if (!fresh) sparks.clear();
    const now = fresh ?? await readRuns(name, signal).catch(() => runs);
    if (signal.aborted) return;
    runs = now;
    groups = groupRuns(runs);
    draw();
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  const known = await set;
  const start = (kind) => stepLink(name, ["training", "start", kind]);
  const head = pageHead(
    "Training",
    groups.length > 0 && `${number(groups.reduce((sum, { runs }) => sum + runs.length, 0))} runs`,
    h("a", { class: "button", href: start("pretrain") }, "Pre-train"),
    h("a", { class: "button", href: start("finetune") }, "Fine-tune"),
    h(
      "a",
      { class: "button primary", href: stepLink(name, ["training", "study"]) },
      "Plan a study",
    ),
  );
  if (groups.length === 0) {
    return [
      head,
      nothing(
        "Nothing has been trained yet",
        known.gaze.images > 0
          ? "A study trains with gaze, with shuffled gaze and without, and says whether gaze helps. One training shows how it goes."
          : "Without gaze, methods can be compared with each other; pairs by gaze need readers' fixations.",
        h(
          "a",
          { class: "button primary", href: stepLink(name, ["training", "study"]) },
          "Plan a study",
        ),
        h("a", { class: "button", href: start("pretrain") }, "Train one model"),
      ),
    ];
  }
  draw();
  return [head, area, bar];
}

function groupOf(group, { name, ticked, compare, sparks, signal }) {
  const { key, kind, title, runs } = group;
  const tick = h("input", {
    type: "checkbox",
    "aria-label": `Choose ${title}`,
    checked: ticked.has(key),
  });
  tick.addEventListener("change", () => {
    if (tick.checked) ticked.add(key);
    else ticked.delete(key);
    compare();
  });
  const found = reached(runs);
  const open = runs.filter(({ job }) => OPEN.includes(job.state));
  const single = runs.length === 1;
  return h(
    "section",
    { class: "run-group" },
    h(
      "div",
      { class: "run-line" },
      tick,
      h(
        "div",
        {},
        h(
          "h2",
          {},
          single ? h("a", { href: stepLink(name, ["training", runs[0].job.id]) }, title) : title,
        ),
        h(
          "small",
          {},
          kind === "pretrain" ? "pre-training" : "fine-tuning",
          runs[0].job.study &&
            [
              " of ",
              h("a", { href: stepLink(name, ["results", "study", runs[0].job.study]) }, "a study"),
            ],
        ),
      ),
      sparkOf(group, sparks, signal),
      h(
        "div",
        { class: "run-score" },
        found && [
          h("strong", {}, score(found.mean)),
          " ",
          found.deviation !== null && h("span", { class: "whole" }, `± ${score(found.deviation)}`),
          found.told && h("small", {}, `(${found.told})`),
          h("small", {}, `${kind === "pretrain" ? "AUC after" : "AUC"}, n = ${found.n}`),
        ],
      ),
      h(
        "div",
        { class: "run-state" },
        statesOf(runs),
        open.map(({ job }) => [progressOf(job), timeLeftOf(job)]),
      ),
    ),
    !single && h(
      "ul",
      {},
      runs.map(({ job, auc }) =>
        h(
          "li",
          {},
          h("a", { href: stepLink(name, ["training", job.id]) }, runWord(job)),
          auc === null ? stateChip(job.state) : h("small", {}, score(auc)),
        )
      ),
    ),
  );
}

function runWord({ spec }) {
  const fold = spec.fold ?? null;
  return fold === null ? `seed ${spec.seed}` : `fold ${fold}`;
}

/** A paused job promises nothing. */
function timeLeftOf(job) {
  const text = timeLeft(job);
  return text && h("small", {}, text);
}

/** "3 done, 1 running". */
function statesOf(runs) {
  const counts = Map.groupBy(runs, ({ job }) => job.state);
  return h(
    "span",
    { class: "chips" },
    [...counts].map(([state, own]) => {
      const chip = stateChip(state);
      if (own.length > 1) chip.prepend(`${own.length} `);
      return chip;
    }),
  );
}

/** The loss as a small line with its band; read when it comes into view. */
function sparkOf({ key, runs, title }, sparks, signal) {
  const svg = s("svg", {
    class: "spark",
    viewBox: "0 0 112 32",
    role: "img",
    "aria-label": `Loss of ${title}`,
  });
  const drawn = (curve) => {
    if (!curve || curve.step.length < 2) return;
    const [low, high] = [Math.min(...curve.low), Math.max(...curve.high)];
    const last = curve.step.length - 1;
    const x = (i) => 2 + 108 * (curve.step[i] - curve.step[0]) / (curve.step[last] - curve.step[0]);
    const y = (value) => 30 - 28 * (value - low) / (high - low || 1);
    const path = (values) =>
      values.map((value, i) => `${i ? "L" : "M"}${x(i)} ${y(value)}`).join("");
    const back = curve.low.map((value, i) => [x(i), y(value)]).reverse()
      .map(([a, b]) => `L${a} ${b}`).join("");
    fill(
      svg,
      s("path", { class: "band", d: `${path(curve.high)}${back}Z` }),
      s("path", { d: path(curve.mean) }),
    );
  };
  if (sparks.has(key)) drawn(sparks.get(key));
  else {
    const watcher = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      watcher.disconnect();
      curvesOf(runs, 40, signal).then((curves) => {
        sparks.set(key, curves.get("loss"));
        drawn(curves.get("loss"));
      }).catch(() => {});
    });
    watcher.observe(svg);
  }
  return svg;
}
