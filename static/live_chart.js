/**
 * Curves of a training, by uPlot (a global of its own script): fluent with 100,000 points, with bands, marks on the
 * axis and lines at a level.
 */
import { themeColour } from "./colours.js";
import { h } from "./dom.js";

/** Dashes tell validation from training where colours do not. */
const DASH = { validation: [6, 4] };

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {string} [colour] of the style sheet; by its place without one
 * @property {"validation"} [kind]
 * @property {boolean} [band] with `low` and `high` beside its values
 */

/**
 * @param {string} label what it shows, in words
 * @param {Series[]} series
 * @param {{signal: AbortSignal, marks?: () => {x: number, title: string}[], level?: {value: number, name: string},
 *   range?: [number | null, number | null], height?: number}} options `marks` on the axis are read at every drawing
 * @returns {{element: HTMLElement, draw: (data: (number | null)[][]) => void}} `draw` takes the steps, then of each
 *   series its values (and its low and high where it has a band)
 */
export function liveChart(label, series, { signal, marks, level, range, height = 240 }) {
  const place = h("div", { class: "live-chart" });
  const figure = h(
    "figure",
    {
      class: "chart-figure",
      "aria-label": `${label}. Arrow keys go through the steps.`,
      role: "group",
      tabindex: "0",
    },
    place,
  );
  const told = h("p", { class: "visually-hidden", "aria-live": "off" });
  figure.append(told);
  let plot, data;
  const make = () => {
    plot?.destroy();
    plot = new globalThis.uPlot(
      optionsOf(series, { width: Math.max(200, place.clientWidth), height, marks, level, range }),
      data,
      place,
    );
    // The edges of a band are told beside its mean.
    plot.root.querySelectorAll(".u-series").forEach((row, i) => {
      if (i > 0 && plot.series[i].edge) row.hidden = true;
    });
  };
  const draw = (now) => {
    data = now;
    if (at === undefined) told.textContent = `${label}; last: ${tell(series, now)}`;
    if (!place.isConnected || place.clientWidth === 0) return;
    if (plot) plot.setData(now);
    else make();
  };
  /** By the keyboard: which step is pointed at; undefined where none is. */
  let at;
  const point = (index) => {
    at = index;
    plot.setCursor(
      index === undefined
        ? { left: -10, top: -10 }
        : { left: plot.valToPos(data[0][index], "x"), top: 0 },
    );
    if (index !== undefined) {
      told.textContent = `step ${data[0][index]}: ${tell(series, data, index)}`;
    }
  };
  figure.addEventListener("keydown", (event) => {
    if (!plot || data[0].length === 0) return;
    const last = data[0].length - 1;
    const step = event.shiftKey ? Math.max(1, Math.round(last / 10)) : 1;
    const to = {
      ArrowRight: (at ?? -1) + step,
      ArrowLeft: (at ?? last + 1) - step,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined && event.key !== "Escape") return;
    event.preventDefault();
    point(to === undefined ? undefined : Math.min(last, Math.max(0, to)));
  });
  figure.addEventListener("focus", () => told.setAttribute("aria-live", "polite"));
  figure.addEventListener("blur", () => {
    // Of a chart that grows every second nobody wants to hear.
    told.setAttribute("aria-live", "off");
    if (plot && at !== undefined) point();
  });
  const sizes = new ResizeObserver(() => {
    if (!data || place.clientWidth === 0) return;
    if (plot) plot.setSize({ width: Math.max(200, place.clientWidth), height });
    else make();
  });
  sizes.observe(place);
  signal.addEventListener("abort", () => {
    sizes.disconnect();
    plot?.destroy();
  }, { once: true });
  return { element: figure, draw };
}

/** The values at a place of the data, or the last ones. */
function tell(series, data, index) {
  let at = 1;
  const parts = series.map(({ name, band }) => {
    const value = data[at]?.[index ?? lastOf(data[at])];
    at += band ? 3 : 1;
    return value === null || value === undefined ? "" : `${name} ${short(value)}`;
  });
  return parts.filter(Boolean).join(", ");
}

/** Where the last value of a series stands: it is told as long as nothing is pointed at. */
const lastOf = (values = []) =>
  values.findLastIndex((value) => value !== null && value !== undefined);

const short = (value) =>
  value === null || value === undefined
    ? "–"
    : Math.abs(value) >= 1e7 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential(2)
    : Number(value.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 12 });

function optionsOf(series, { width, height, marks, level, range = [null, null] }) {
  const muted = themeColour("muted");
  const line = themeColour("line");
  const accent = themeColour("accent");
  const lines = [];
  const bands = [];
  series.forEach(({ name, colour, kind, band }, i) => {
    const stroke = themeColour(colour ?? `series-${i % 6 + 1}`);
    const own = {
      label: name,
      stroke,
      width: 1.75,
      dash: DASH[kind],
      spanGaps: true,
      points: { show: (plot) => plot.data[0].length < 40, size: 5, fill: stroke },
      value: (plot, _, at, pointed) => {
        const index = pointed ?? lastOf(plot.data[at]);
        const value = plot.data[at]?.[index];
        if (!band || value === null || value === undefined) return short(value);
        return `${short(value)} (${short(plot.data[at + 1][index])} to ${
          short(plot.data[at + 2][index])
        })`;
      },
    };
    if (!band) return lines.push(own);
    const edge = { stroke: "transparent", points: { show: false }, spanGaps: true, edge: true };
    const at = lines.length + 1;
    lines.push(
      own,
      { ...edge, label: `${name}, least` },
      { ...edge, label: `${name}, greatest` },
    );
    bands.push({
      series: [at + 2, at + 1],
      fill: stroke.replace("rgb(", "rgba(").replace(")", ", 0.16)"),
    });
  });
  const axis = {
    stroke: muted,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
  };
  return {
    width,
    height,
    cursor: { points: { size: 6 } },
    scales: {
      x: { time: false },
      y: {
        range: (_, low, high) => {
          const [least, most] = [
            Math.min(low ?? 0, level?.value ?? Infinity),
            Math.max(high ?? 1, level?.value ?? -Infinity),
          ];
          const room = (most - least || Math.abs(most) || 1) * 0.06;
          return [range[0] ?? least - room, range[1] ?? most + room];
        },
      },
    },
    axes: [
      { ...axis, size: 34, values: (_, ticks) => ticks.map(short) },
      { ...axis, size: 58, values: (_, ticks) => ticks.map(short) },
    ],
    series: [{
      label: "step",
      value: (plot, _, at, pointed) => short(plot.data[at]?.[pointed ?? lastOf(plot.data[at])]),
    }, ...lines],
    bands,
    legend: { live: true },
    hooks: {
      draw: [(plot) => {
        const { ctx, bbox } = plot;
        ctx.save();
        if (level) {
          const y = plot.valToPos(level.value, "y", true);
          ctx.strokeStyle = muted;
          ctx.fillStyle = muted;
          ctx.setLineDash([5, 4]);
          ctx.beginPath();
          ctx.moveTo(bbox.left, y);
          ctx.lineTo(bbox.left + bbox.width, y);
          ctx.stroke();
          ctx.textAlign = "right";
          ctx.textBaseline = "bottom";
          ctx.fillText(level.name, bbox.left + bbox.width - 4, y - 4);
        }
        ctx.setLineDash([]);
        ctx.fillStyle = accent;
        for (const { x } of marks?.() ?? []) {
          const at = plot.valToPos(x, "x", true);
          if (at < bbox.left || at > bbox.left + bbox.width) continue;
          const bottom = bbox.top + bbox.height;
          ctx.beginPath();
          ctx.moveTo(at, bottom - 7);
          ctx.lineTo(at + 4, bottom);
          ctx.lineTo(at - 4, bottom);
          ctx.fill();
        }
        ctx.restore();
      }],
    },
  };
}
