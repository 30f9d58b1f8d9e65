/** One evaluation: every metric, ROC and PR curves, confusion, the scores of images. */
import { get } from "../api.js";
import { curves } from "../curves.js";
import { card, empty, facts, h, pageHead, table } from "../dom.js";
import { number, percent, score, time, words } from "../format.js";
import { modelLink } from "./evaluations.js";
import { datasetLink } from "./similarities.js";

export async function show({ id, signal }) {
  const found = await get(`/v1/evaluations/${encodeURIComponent(id)}`, signal);
  const metrics = found.metrics ?? {};
  const { figures = {}, units } = metrics.intervals ?? {};
  // A figure that needs two classes is null where only one occurs; it is shown as such.
  const plain = Object.entries(metrics).filter(([name, value]) =>
    typeof value === "number" || (value === null && Object.hasOwn(figures, name))
  );
  return [
    pageHead("Evaluation", id),
    h(
      "section",
      { class: "card" },
      facts([
        ["Model", modelLink(found.model)],
        ["Data set", datasetLink(found.dataset)],
        ["Images", number(metrics.images)],
        ["Patients", number(units)],
        ["Split", typeof found.split === "string" ? found.split : null],
        ["Data set since", found.stale ? "changed or deleted" : "unchanged"],
        ["Seen in pre-training", seenText(found.seen?.pretraining)],
        ["Seen in training", seenText(found.seen?.training)],
        ["Positive class", metrics.positive_label],
        ["Job", h("a", { href: `#/jobs/${found.job}` }, found.job)],
        ["Made", time(found.created_at)],
      ]),
      (found.warnings ?? []).map((warning) => h("p", { class: "warn-text" }, warning)),
    ),
    h(
      "div",
      { class: "grid two" },
      card(
        "Metrics",
        table(
          [
            { head: "Metric", cell: ([name]) => words(name) },
            { head: "Value", cell: ([name, value]) => figure(name, value), number: true },
            { head: "95 %", cell: ([name]) => range(figures[name]), number: true },
          ],
          plain,
          { label: "Metrics" },
        ),
      ),
      card("Confusion", confusion(metrics)),
      card("ROC", curveOf(metrics.roc, "false positive rate", "sensitivity", signal, true)),
      card(
        "Precision and recall",
        curveOf(metrics.precision_recall, "recall", "precision", signal, false),
      ),
    ),
    perClass(metrics.per_class),
    foldTable(metrics),
    scoreTable(found),
  ];
}

/** An interval over patients, where it is known. */
function range(interval) {
  return interval ? interval.map(score).join(" to ") : "–";
}

/** How many of the tested images a model had looked at before. */
function seenText(counts) {
  return counts
    ? `${number(counts.images)} images, ${number(counts.patients)} patients`
    : "not known";
}

/** Counts as they are, everything else as a score. */
function figure(name, value) {
  return name === "images" ? number(value) : score(value);
}

/** Rows: true class; columns: predicted. */
function confusion({ confusion: matrix, classes: names }) {
  if (!matrix) return empty("None.");
  const body = h(
    "tbody",
    {},
    matrix.map((row, index) => {
      const sum = row.reduce((total, count) => total + count, 0) || 1;
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, names[index]),
        row.map((count) => {
          const cell = h("td", {}, h("strong", {}, count), h("small", {}, percent(count / sum)));
          cell.style.setProperty("--share", String(Math.round(100 * count / sum)));
          return cell;
        }),
      );
    }),
  );
  const made = h(
    "table",
    { class: "confusion" },
    h("caption", {}, "Rows: true class. Columns: predicted."),
    h(
      "thead",
      {},
      h("tr", {}, h("td", {}), names.map((name) => h("th", { scope: "col" }, name))),
    ),
    body,
  );
  return h("div", { class: "table-wrap", tabindex: "0" }, made);
}

/** One curve for each class that has one. */
function curveOf(given, x, y, signal, diagonal) {
  const series = Object.entries(given ?? {}).filter(([, curve]) => curve !== null).map((
    [name, curve],
  ) => ({ name, points: pointsOf(curve) }));
  if (series.length === 0) return empty("None: it takes images of two classes.");
  return curves(`${y} by ${x}`, x, y, series, signal, { diagonal, unit: true });
}

function pointsOf(curve) {
  const across = curve.false_positive_rate ?? curve.recall;
  const up = curve.true_positive_rate ?? curve.precision;
  return across.map((x, index) => ({ x, y: up[index] }));
}

function perClass(rows) {
  if (!rows?.length) return null;
  const names = Object.keys(rows[0]).filter((name) => name !== "label");
  return card(
    "By class",
    table(
      [
        { head: "Class", cell: (row) => row.label },
        ...names.map((name) => ({
          head: words(name),
          cell: (row) => figure(name, row[name]),
          number: true,
        })),
      ],
      rows,
      { label: "Metrics by class" },
    ),
  );
}

/** Single figures of each fold, or of each drawing of labels, with mean and deviation. */
function foldTable(metrics) {
  const parts = metrics.folds ?? metrics.repeats;
  if (!parts) return null;
  const what = metrics.folds ? "fold" : "repeat";
  const behind = `${what}s behind the mean`;
  const rows = [
    ...parts.map(({ fold, repeat, figures }) => [`${what} ${(fold ?? repeat) + 1}`, figures]),
    ["mean", metrics.mean],
    ["standard deviation", metrics.standard_deviation],
    ...(metrics.n ? [[behind, metrics.n]] : []),
  ];
  const names = Object.keys(metrics.mean);
  return card(
    metrics.folds ? "Folds" : "Drawings of the labels (all other figures are those of the first)",
    table(
      [
        { head: "", cell: ([name]) => name },
        ...names.map((name) => ({
          head: words(name),
          cell: ([row, figures]) =>
            row === behind ? number(figures[name]) : figure(name, figures[name]),
          number: true,
        })),
      ],
      rows,
      { label: `Figures by ${what}` },
    ),
  );
}

function scoreTable(found) {
  // Of several drawings of labels, those of the model that is kept.
  const scores = (found.scores ?? []).filter(({ repeat = 0 }) => repeat === 0);
  if (!Array.isArray(scores) || scores.length === 0) return null;
  const probabilities = (row) =>
    Object.entries(row.probabilities ?? {}).map(([name, value]) => `${name} ${score(value)}`)
      .join(", ");
  return card(
    "Images",
    table(
      [
        { head: "Image", cell: (row) => row.image },
        { head: "Label", cell: (row) => row.label },
        {
          head: "Predicted",
          cell: (row) => {
            const right = row.predicted === row.label;
            return h("span", { class: right ? "" : "bad-text" }, row.predicted);
          },
        },
        { head: "Probabilities", cell: probabilities },
      ],
      scores.slice(0, 500),
      { label: "Scores by image" },
    ),
  );
}
