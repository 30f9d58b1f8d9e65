/** One evaluation: what it says in a sentence, its figures with intervals, curves, confusion, and the images it got wrong. */
import { multiLabelParts } from "./multi_label_evaluation.js";
import { link, stepLink } from "../address.js";
import { get, list } from "../api.js";
import { card, fill, h, pageHead, select, table } from "../dom.js";
import { foldBands } from "../fold_bands.js";
import { foldMean } from "../fold_means.js";
import { number, percent, score, time, words } from "../format.js";
import { modelName } from "../names.js";
import { attempt } from "../notice.js";
import { banner, figure, technical } from "../parts.js";
import { imagePath, picture } from "../picture.js";
import "../report/charts.js";
import { MODEL_FIELDS } from "../model_fields.js";

const MISTAKES = 12;

export async function show({ name, params, query, signal }) {
  const path = `/v1/evaluations/${encodeURIComponent(params.id)}`;
  const [found, models] = await Promise.all([
    get(path, signal),
    list(`/v1/models?fields=${MODEL_FIELDS}`, signal, 2000),
  ]);
  const { metrics, scores } = found;
  const modelOf = (id) => models.find((model) => model.id === id);
  const model = modelOf(found.model);
  const label = metrics.positive_label ?? metrics.classes[0];
  const home = name ?? found.dataset;
  return [
    pageHead(
      model ? modelName(model, modelOf) : "Evaluation",
      `${number(metrics.images)} images, ${time(found.created_at)}`,
      model && h("a", { class: "button", href: link(["models", model.id]) }, "The model"),
      model &&
        h(
          "a",
          { class: "button primary", href: stepLink(home, "try", { model: model.id }) },
          "Try it",
        ),
    ),
    ...(metrics.multi_label ? multiLabelParts(found) : [
      judgement(found, label),
      figures(found),
      h(
        "div",
        { class: "report-pair" },
        mistakes({ scores, name: home, stale: found.stale, signal }),
        confusion(found, home),
      ),
      h("div", { class: "report-grid" }, curves(found, label)),
    ]),
    await beside({ found, path, home, modelOf, query, signal }),
    !metrics.multi_label && moreTables(metrics),
    technical([
      ["Evaluation", found.id],
      ["Model", found.model],
      ["Job", found.job],
      ["Data digest", found.dataset_digest],
    ]),
  ];
}

/** By rule: where the interval of the AUC holds 0.5 nothing is told; below the largest class accuracy is none. */
export function judgement({ metrics, warnings, stale }, label) {
  const auc = metrics.m_auc ?? metrics.auc_macro_one_vs_rest;
  const intervals = metrics.intervals?.figures ?? {};
  const interval = metrics.m_auc === null ? intervals.auc_macro_one_vs_rest : intervals.m_auc;
  const field = metrics.m_auc === null ? "auc_macro_one_vs_rest" : "m_auc";
  const mean = foldMean(metrics, field);
  const range = (interval ? ` [${score(interval[0])}, ${score(interval[1])}]` : "") +
    (mean ? `, of pooled scores; ${mean}` : "");
  const rare = metrics.per_class.filter(({ images }) => images > 0 && images < 5);
  const what = metrics.m_auc === null ? "the classes apart" : `${label} from the rest`;
  const remarks = [
    metrics.accuracy < metrics.majority_class_accuracy &&
    `Its accuracy, ${
      percent(metrics.accuracy)
    }, is under that of always saying ${metrics.majority_class}: ${
      percent(metrics.majority_class_accuracy)
    }.`,
    rare.length > 0 &&
    `Only ${
      rare.map((one) =>
        `${number(one.images)} ${one.images === 1 ? "image is" : "images are"} ${one.label}`
      ).join(", ")
    }: what is said of so few means little.`,
    stale && "The data have changed since.",
    ...warnings,
  ].filter(Boolean);
  const list = remarks.length > 0 &&
    h(
      "ul",
      { class: "reasons" },
      remarks.map((text) => h("li", {}, text.replace(/[^.!?]$/, "$&."))),
    );
  if (auc === null) return banner("warn", "Nothing can be said: only one class was tested.", list);
  if (!interval) {
    return banner("plain", `AUC ${score(auc)}${range}; how sure that is, is not known.`, list);
  }
  const [low, high] = interval;
  if (low <= 0.5 && high >= 0.5) {
    return banner("warn", `It cannot be told from chance: AUC ${score(auc)}${range}.`, list);
  }
  if (high < 0.5) return banner("bad", `It says the opposite: AUC ${score(auc)}${range}.`, list);
  const how = low >= 0.8 ? "well" : low >= 0.65 ? "somewhat" : "a little";
  return banner(
    low >= 0.65 ? "good" : "plain",
    `It tells ${what} ${how}: AUC ${score(auc)}${range}.`,
    list,
  );
}

function figures({ metrics }) {
  const { figures: known = {}, units } = metrics.intervals ?? {};
  const two = metrics.classes.length === 2;
  const shown = [
    // With two classes M-AUC is the AUC, and is named so, as in the tables.
    metrics.m_auc !== null && ["m_auc", two ? "AUC" : "M-AUC"],
    !(two && metrics.m_auc !== null) && ["auc_macro_one_vs_rest", "AUC"],
    ["accuracy", "Accuracy"],
    ["balanced_accuracy", "Balanced accuracy"],
    ["brier_score", "Brier score"],
    ["expected_calibration_error", "Calibration error"],
  ].filter(Boolean);
  return card(
    (metrics.folds ? "Figures of the pooled scores of all folds" : "Figures") +
      (units ? `, with 95 % intervals over ${number(units)} patients` : ""),
    h(
      "div",
      { class: "figures" },
      shown.map(([field, title]) => {
        const interval = known[field];
        return figure(
          title,
          score(metrics[field]),
          [interval && `${score(interval[0])} to ${score(interval[1])}`, foldMean(metrics, field)]
            .filter(Boolean).join("; "),
        );
      }),
    ),
  );
}

function mistakes({ scores, name, stale, signal }) {
  const certain = scores.filter(({ label, predicted }) => label !== predicted)
    .sort((a, b) => b.probabilities[b.predicted] - a.probabilities[a.predicted]);
  return card(
    "Most certain mistakes, with the readers' gaze",
    certain.length === 0 ? h("p", {}, "None.") : h(
      "div",
      { class: "report-tiles" },
      certain.slice(0, MISTAKES).map(({ image, label, predicted, probabilities }) =>
        h(
          "figure",
          {},
          !stale && h(
            "a",
            { href: stepLink(name, ["image", image]) },
            picture(imagePath(name, image, "overlay"), {
              alt: `${image} with gaze: ${label}, said to be ${predicted}`,
              signal,
            }),
          ),
          h(
            "figcaption",
            {},
            h("strong", {}, image),
            h("span", {}, `${label} →`),
            h("span", { class: "wrong" }, `✗ ${predicted} ${percent(probabilities[predicted])}`),
          ),
        )
      ),
    ),
    certain.length > MISTAKES && h("p", { class: "hint" }, `${number(certain.length)} in all.`),
  );
}

/** Its cells open the images behind them. */
function confusion({ id, metrics }, name) {
  const { confusion: counts, classes } = metrics;
  const most = Math.max(1, ...counts.flat());
  return card(
    "Confusion",
    h(
      "table",
      { class: "report-confusion" },
      h("caption", {}, "Row: truth. Column: what was said. A cell opens its images."),
      h(
        "thead",
        {},
        h("tr", {}, h("td", {}), classes.map((label) => h("th", { scope: "col" }, label))),
      ),
      h(
        "tbody",
        {},
        classes.map((truth, row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, truth),
            counts[row].map((count, column) =>
              h(
                "td",
                { class: `level-${Math.round(4 * count / most)}${row === column ? " right" : ""}` },
                count === 0 ? count : h(
                  "a",
                  {
                    href: stepLink(name, "data", {
                      evaluation: id,
                      truth,
                      predicted: classes[column],
                    }),
                    "aria-label": `${count}: ${truth}, said to be ${classes[column]}`,
                  },
                  count,
                ),
              )
            ),
          )
        ),
      ),
    ),
  );
}

function curves({ metrics, scores }, label) {
  const { drawing, unitChart } = globalThis.McgipCharts;
  const bands = foldBands(scores, label);
  const positives = scores.filter((one) => one.label === label).length;
  const few = Math.min(positives, scores.length - positives) < 10;
  const roc = metrics.roc[label];
  const pr = metrics.precision_recall[label];
  const straight = (xs, ys) => ({ x: xs, mean: ys, low: ys, high: ys, n: 1 });
  const pooled = [
    [
      "ROC",
      roc && straight(roc.false_positive_rate, roc.true_positive_rate),
      "1 − specificity",
      "sensitivity",
    ],
    ["Precision and recall", pr && straight(pr.recall, pr.precision), "recall", "precision"],
  ];
  const shown = pooled.map(([title, curve, x, y], i) => {
    const band = i === 0 ? bands?.roc : bands?.precisionRecall;
    if (!curve) return card(title, h("p", {}, "It takes images of two classes."));
    return card(
      `${title} of “${label}”`,
      drawing(
        title.toLowerCase().replaceAll(" ", "-"),
        unitChart(title, [{ name: label, kind: "gaze", band: band ?? curve }], {
          ...{ x, y },
          diagonal: i === 0,
          level: i === 1 ? positives / scores.length : undefined,
        }),
      ),
      h(
        "p",
        { class: "report-note" },
        band ? `Mean and range of ${band.n} folds. ` : "",
        `${number(scores.length)} images, ${number(positives)} of them ${label}.`,
        i === 0 && label === metrics.positive_label &&
          ` AUC ${score(metrics.m_auc)}${metrics.folds ? " of the pooled scores" : ""}.`,
        i === 1 ? " Dashed: the base rate." : "",
      ),
      few && h("p", { class: "report-warn" }, "Of so few images a curve is a staircase."),
    );
  });
  const bins = metrics.calibration?.[label]?.bins.filter(({ images }) => images > 0) ?? [];
  const points = bins.map(({ mean_probability, share, images }) => ({
    probability: mean_probability,
    share,
    images,
  }));
  return [
    ...shown,
    points.length > 0 && card(
      "Calibration",
      drawing(
        "calibration",
        unitChart("Calibration", [{ name: label, kind: "gaze", points }], {
          x: `probability of ${label}`,
          y: "share that it was",
          diagonal: true,
        }),
      ),
      h(
        "p",
        { class: "report-note" },
        `Expected error ${score(metrics.expected_calibration_error)}.`,
      ),
    ),
  ];
}

/** Against another evaluation of the same images. */
async function beside({ found, path, home, modelOf, query, signal }) {
  const all = await list("/v1/evaluations?fields=id,model,dataset,created_at", signal, 2000);
  const others = all.filter(({ id, dataset }) => dataset === home && id !== found.id);
  if (others.length === 0) return null;
  const nameOf = ({ model, created_at }) => {
    const made = modelOf(model);
    return made ? modelName(made, modelOf) : `a deleted model, ${time(created_at)}`;
  };
  const control = select(
    "to",
    [["", "choose another one"], ...others.map((one) => [one.id, nameOf(one)])],
    query.get("to") ?? "",
  );
  const area = h("div", { class: "stack", "aria-live": "polite" });
  const read = () =>
    attempt(control, async () => {
      fill(area);
      if (!control.value) return;
      fill(
        area,
        differences(
          await get(`${path}/difference?to=${encodeURIComponent(control.value)}`, signal),
        ),
      );
    });
  control.addEventListener("change", read);
  if (control.value) read();
  return card(
    "Compared with another",
    h("label", { class: "inline" }, h("span", {}, "Minus"), control),
    area,
  );
}

function differences({ figures, patients, images, delong, warnings }) {
  const signed = (value) => `${value < 0 ? "−" : "+"}${score(Math.abs(value))}`;
  const rows = Object.entries(figures).filter(([, one]) => one);
  return [
    ...warnings.map((text) => h("p", { class: "warn-text" }, text)),
    table(
      [
        { head: "Figure", cell: ([field]) => words(field) },
        { head: "Difference", cell: ([, { value }]) => signed(value), number: true },
        {
          head: "95 %",
          cell: ([, { interval }]) =>
            interval ? `${signed(interval[0])} to ${signed(interval[1])}` : "–",
          number: true,
        },
        { head: "p", cell: ([, { p }]) => score(p), number: true },
      ],
      rows,
      { label: "Differences" },
    ),
    h(
      "p",
      { class: "hint" },
      `The same ${number(images)} images of ${number(patients)} patients.`,
      delong ? ` DeLong's test of the AUC of ${delong.class}: p ${score(delong.p)}.` : "",
    ),
  ];
}

function moreTables(
  { per_class, folds, mean, standard_deviation, patient_level, operating_points },
) {
  const fields = Object.keys(per_class[0] ?? {}).filter((field) => field !== "label");
  const figureNames = Object.keys(mean ?? {}).filter((field) =>
    folds.some(({ figures }) => figures[field] !== null)
  );
  const value = (field, one) => field === "images" ? number(one) : score(one);
  return h(
    "details",
    { class: "more-tables" },
    h("summary", {}, "By class, by fold, by patient"),
    card(
      "By class",
      table(
        [
          { head: "Class", cell: ({ label }) => label },
          ...fields.map((field) => ({
            head: words(field),
            cell: (row) => value(field, row[field]),
            number: true,
          })),
        ],
        per_class,
        { label: "By class" },
      ),
    ),
    folds && card(
      "By fold",
      table(
        [
          { head: "Figure", cell: (field) => words(field) },
          ...folds.map(({ fold, figures }) => ({
            head: `fold ${fold + 1}`,
            cell: (field) => value(field, figures[field]),
            number: true,
          })),
          {
            head: "Mean ± deviation",
            cell: (field) =>
              field === "images" ? number(mean[field]) : h(
                "span",
                { class: "whole" },
                `${score(mean[field])} ± ${score(standard_deviation[field])}`,
              ),
            number: true,
          },
        ],
        figureNames,
        { label: "By fold" },
      ),
    ),
    (patient_level || operating_points) && card(
      "Patients and thresholds",
      h("pre", { tabindex: "0" }, JSON.stringify({ patient_level, operating_points }, null, 1)),
    ),
  );
}
