/** The charts of one run: the three that matter large, the rest folded; of folds their mean and band. */
import { get } from "./api.js";
import { card, fill, h } from "./dom.js";
import { words } from "./format.js";
import { JobSeries, joined } from "./job_series.js";
import { liveChart } from "./live_chart.js";

/** What each kind of job shows large: title, the series, a sentence. */
const LARGE = {
  pretrain: [
    ["Loss", ["loss"]],
    [
      "Nearest neighbours",
      ["knn_accuracy", "knn_balanced_accuracy"],
      "Share of training images whose nearest neighbours say their label.",
    ],
    ["Spread of outputs", ["output_spread"], "0 when all outputs are one vector: collapsed."],
  ],
  finetune: [
    ["Loss", ["loss", "validation_loss"]],
    ["Validation", ["validation_auc", "validation_accuracy", "validation_balanced_accuracy"]],
  ],
};
const PLAIN = {
  pairs: "Pairs in a step",
  images_per_second: "Images per second",
  gradient_norm: "Norm of the gradient",
  learning_rate: "Learning rate",
};

const titleOf = (name) => PLAIN[name] ?? words(name)[0].toUpperCase() + words(name).slice(1);
const lineName = (name) =>
  name === "loss"
    ? "training"
    : name.startsWith("validation_")
    ? name === "validation_loss" ? "validation" : words(name.slice(11))
    : words(name.replace(/^knn_/, ""));

/**
 * @param {object} job
 * @param {{path: string, signal: AbortSignal, marks: () => {x: number, title: string}[], levels: Record<string,
 *   {value: number, name: string}>}} options `levels` by the first series of a chart
 * @returns {{element: HTMLElement, series: JobSeries | undefined, refresh: (all?: boolean) => Promise<void>}}
 */
export function runBoard(job, { path, signal, marks, levels }) {
  const folded = job.kind === "finetune" && job.spec.folds > 0 && (job.spec.fold ?? null) === null;
  return folded
    ? foldBoard(path, { signal, levels })
    : singleBoard(job, { path, signal, marks, levels });
}

const board = () => {
  const large = h("div", { class: "grid charts" });
  const rest = h("div", { class: "grid charts" });
  const more = h("details", { hidden: true }, h("summary", {}, "More curves"), rest);
  return { large, rest, more, element: h("div", { class: "stack" }, large, more) };
};

function singleBoard(job, { path, signal, marks, levels }) {
  const series = new JobSeries(path, signal);
  const { large, rest, more, element } = board();
  const charts = new Map();
  const place = (key, title, names, note, area) => {
    const chart = liveChart(
      title,
      names.map((name, i) => ({
        name: names.length > 1 ? lineName(name) : titleOf(name),
        kind: name === "validation_loss" ? "validation" : undefined,
        colour: `series-${i + 1}`,
      })),
      { signal, marks, level: levels[names[0]] },
    );
    area.append(card(title, chart.element, note && h("p", { class: "hint" }, note)));
    charts.set(key, { chart, names });
  };
  const update = () => {
    const known = new Set(series.names);
    const plan = LARGE[job.kind] ?? [];
    for (const [title, names, note] of plan) {
      const own = names.filter((name) => known.has(name));
      if (own.length === 0) continue;
      const key = `large ${title}`;
      // A series that comes later, as the first validation does, asks for the chart anew.
      if (charts.has(key) && charts.get(key).names.length !== own.length) {
        charts.clear();
        fill(large);
        fill(rest);
        return update();
      }
      if (!charts.has(key)) place(key, title, own, note, large);
    }
    const shown = new Set(plan.flatMap(([, names]) => names));
    for (const name of series.names.filter((one) => !shown.has(one)).sort()) {
      if (!charts.has(name)) place(name, titleOf(name), [name], undefined, rest);
    }
    more.hidden = rest.childElementCount === 0;
    for (const { chart, names } of charts.values()) {
      chart.draw(joined(names.map((name) => series.of(name))));
    }
  };
  return {
    element,
    series,
    async refresh(all = false) {
      if (all || series.last < 0) await series.readAll();
      else if (!await series.readNew()) return;
      if (!signal.aborted) update();
    },
  };
}

function foldBoard(path, { signal, levels }) {
  const { large, rest, more, element } = board();
  const charts = new Map();
  const refresh = async () => {
    const { data } = await get(`${path}/curves?points=600`, signal);
    if (signal.aborted) return;
    const byName = new Map(data.map((curve) => [curve.name, curve]));
    drawBands({
      plan: LARGE.finetune,
      groups: [{ name: "", byName }],
      charts,
      large,
      rest,
      levels,
      signal,
    });
    more.hidden = rest.childElementCount === 0;
  };
  return { element, series: undefined, refresh };
}

/**
 * Charts of bands: every chart has the curves of all groups.
 * @param {{plan: any[], groups: {name: string, byName: Map<string, any>}[], charts: Map<string, any>, large: HTMLElement,
 *   rest: HTMLElement, levels: Record<string, any>, signal: AbortSignal}} given
 */
export function drawBands({ plan, groups, charts, large, rest, levels, signal }) {
  const all = [...new Set(groups.flatMap(({ byName }) => [...byName.keys()]))];
  const shown = new Set(plan.flatMap(([, names]) => names));
  const wanted = [
    ...plan.map((
      [title, names, note],
    ) => [title, seriesOf(names.filter((name) => all.includes(name)), groups), note, large]),
    ...all.filter((name) => !shown.has(name)).sort().map((
      name,
    ) => [titleOf(name), [name], undefined, rest]),
  ];
  for (const [title, names, note, area] of wanted) {
    const lines = groups.flatMap((group, at) =>
      names.flatMap((name, i) => {
        const curve = group.byName.get(name);
        if (!curve) return [];
        const label = [group.name, names.length > 1 ? lineName(name) : ""].filter(Boolean).join(
          ", ",
        );
        return [{
          curve,
          line: {
            name: `${label || titleOf(name)} (n = ${curve.runs})`,
            kind: name.startsWith("validation_") && names.includes("loss")
              ? "validation"
              : undefined,
            colour: `series-${(groups.length > 1 ? at : i) % 6 + 1}`,
            band: curve.runs > 1,
          },
        }];
      })
    );
    if (lines.length === 0) continue;
    const key = `${title} ${lines.map(({ line }) => line.name).join()}`;
    if (!charts.has(key)) {
      const chart = liveChart(title, lines.map(({ line }) => line), {
        signal,
        level: levels[names[0]],
      });
      area.append(card(title, chart.element, note && h("p", { class: "hint" }, note)));
      charts.set(key, chart);
    }
    charts.get(key).draw(
      joined(
        lines.map(({ curve, line }) =>
          line.band ? [curve.step, curve.mean, curve.low, curve.high] : [curve.step, curve.mean]
        ),
      ),
    );
  }
}

export { LARGE };

/** Of several groups one series each, and beside the loss that of validation: more cannot be told apart. */
const seriesOf = (names, groups) =>
  names.filter((name, i) => groups.length === 1 || i === 0 || name === "validation_loss");
