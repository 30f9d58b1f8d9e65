/** A multi-label evaluation: averages, a row for each finding with its interval, and the confusion of each. */
import { card, h, table } from "../dom.js";
import { foldMean } from "../fold_means.js";
import { number, score, words } from "../format.js";
import { banner, figure } from "../parts.js";

const AVERAGES = ["auc", "average_precision", "accuracy", "f1", "brier_score"];
const range = (interval) => interval ? `${score(interval[0])} to ${score(interval[1])}` : "–";

export function multiLabelParts({ metrics, warnings, stale }) {
  const { findings, intervals } = metrics;
  const remarks = [...warnings, ...(stale ? ["The data have changed since."] : [])];
  return [
    judgement(metrics, remarks),
    ...[["macro", "Means over the findings"], ["micro", "Of all pairs of image and finding"]]
      .map(([kind, title]) =>
        card(
          `${title}${
            metrics.folds ? ", of the pooled scores of all folds" : ""
          }, with 95 % intervals over ${number(intervals.units)} patients`,
          h(
            "div",
            { class: "figures" },
            AVERAGES.map((name) =>
              figure(
                words(name),
                score(metrics[kind][name]),
                [range(intervals[kind][name]), foldMean(metrics, `${name}_${kind}`)]
                  .filter(Boolean).join("; "),
              )
            ),
          ),
        )
      ),
    card("By finding", byFinding(findings)),
    card(
      "Confusion at 0.5",
      table(
        [
          { head: "Finding", cell: ({ finding }) => finding },
          ...[
            ["absent, said so", 0, 0],
            ["absent, said present", 0, 1],
            ["present, said absent", 1, 0],
            ["present, said so", 1, 1],
          ].map(([head, truth, said]) => ({
            head,
            cell: ({ confusion }) => number(confusion[truth][said]),
            number: true,
          })),
        ],
        findings,
        { label: "Confusion of each finding" },
      ),
    ),
  ];
}

function judgement(metrics, remarks) {
  const { macro, left_out, findings, intervals } = metrics;
  const list = remarks.length > 0 &&
    h("ul", { class: "reasons" }, remarks.map((text) => h("li", {}, text)));
  if (macro.auc === null) {
    return banner(
      "warn",
      "Nothing can be said: no finding has both sides among these images.",
      list,
    );
  }
  const counted = findings.length - left_out.length;
  const interval = intervals.macro.auc;
  const mean = foldMean(metrics, "auc_macro");
  const chance = interval && interval[0] <= 0.5 && interval[1] >= 0.5;
  return banner(
    chance ? "warn" : "plain",
    `${chance ? "It cannot be told from chance: macro" : "Macro"} AUC ${score(macro.auc)}${
      interval ? ` [${score(interval[0])}, ${score(interval[1])}]` : ""
    } over ${number(counted)} of ${number(findings.length)} findings${
      mean ? `, of pooled scores; ${mean}` : ""
    }.`,
    list,
  );
}

function byFinding(findings) {
  return table(
    [
      { head: "Finding", cell: ({ finding }) => finding },
      { head: "Present", cell: ({ present }) => number(present), number: true },
      { head: "Absent", cell: ({ absent }) => number(absent), number: true },
      { head: "Not known", cell: ({ unknown }) => number(unknown), number: true, optional: true },
      { head: "AUC", cell: ({ auc }) => score(auc), number: true },
      { head: "95 %", cell: ({ intervals }) => range(intervals.auc), number: true },
      {
        head: "AP",
        cell: ({ average_precision }) => score(average_precision),
        number: true,
        optional: true,
      },
      { head: "ACC", cell: ({ accuracy }) => score(accuracy), number: true, optional: true },
      { head: "F1", cell: ({ f1 }) => score(f1), number: true, optional: true },
      {
        head: "Brier",
        cell: ({ brier_score }) => score(brier_score),
        number: true,
        optional: true,
      },
    ],
    findings,
    { label: "By finding" },
  );
}
