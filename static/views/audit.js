/** What pairs by a similarity would be worth, before anything is trained with them. */
import { get } from "../api.js";
import { curves } from "../curves.js";
import { facts, h, table } from "../dom.js";
import { number, percent, score } from "../format.js";

export async function auditView(path, signal) {
  const { labels, cuts, suggestion, warnings, coverage, valid_pairs, comparison, looked_at } =
    await get(
      `${path}/audit`,
      signal,
    );
  return [
    facts([
      ["Images looked at", number(looked_at.images)],
      ["Left out: marked as test, or of their patients", number(looked_at.left_out)],
      ["Images with valid gaze", percent(coverage)],
      ["Valid pairs", number(valid_pairs)],
      ["AUC for the same label", labels && score(labels.auc)],
      ["p of that AUC", labels && score(labels.auc_p)],
      ["p of the best cut", labels && score(labels.p)],
      ["Base rate", labels && score(labels.base_rate)],
      ["Suggested cut", cutName(suggestion)],
    ]),
    suggestion.reasons.length > 0 &&
    h("ul", { class: "reasons" }, suggestion.reasons.map((reason) => h("li", {}, reason))),
    warnings.map((warning) => h("p", { class: "warn-text" }, warning)),
    labels && h(
      "p",
      { class: "hint" },
      "Precision: share of chosen pairs with the same label. Lift: precision over the base rate; 1 is chance.",
    ),
    labels && curves("Lift by share of pairs", "share of pairs chosen", "lift", [
      {
        name: "lift",
        points: cuts.filter((cut) => cut.lift !== null && cut.quantile !== null).map((cut) => ({
          x: cut.share,
          y: cut.lift,
        })),
      },
    ], signal),
    table(
      [
        { head: "Chosen", cell: cutName, number: true },
        { head: "Cut", cell: (cut) => score(cut.cut), number: true },
        { head: "Pairs", cell: (cut) => number(cut.pairs), number: true },
        {
          head: "Positives an image (median)",
          cell: (cut) => number(cut.positives_per_image.median),
          number: true,
        },
        { head: "Images without", cell: (cut) => number(cut.images_without), number: true },
        { head: "Hub share", cell: (cut) => percent(cut.hub_share), number: true },
        { head: "Precision", cell: (cut) => score(cut.precision), number: true },
        { head: "Lift", cell: (cut) => number(cut.lift, 2), number: true },
        { head: "p", cell: (cut) => score(cut.p), number: true },
      ],
      cuts,
      { label: "Audit by cut" },
    ),
    comparison && comparison.compared.length > 1 && comparisonOf(comparison),
  ];
}

/** "top 5.0 %" or "10 nearest"; a dash for neither. */
function cutName({ quantile, top_k }) {
  if (top_k !== null) return `${number(top_k)} nearest`;
  if (quantile === null) return "–";
  return quantile < 0.001 ? `top ${number(100 * quantile)} %` : `top ${percent(quantile)}`;
}

/** The similarities of the same images side by side. */
function comparisonOf({ suggestion, compared, warnings }) {
  return h(
    "div",
    { class: "parts" },
    h("h3", {}, "Beside the other similarities of these images"),
    suggestion && h(
      "p",
      {},
      `Suggested: ${suggestion.measure}, ${cutName(suggestion)}. ${suggestion.reasons[0]}`,
    ),
    warnings.map((warning) => h("p", { class: "warn-text" }, warning)),
    table(
      [
        {
          head: "Measure",
          cell: ({ similarity, measure }) =>
            h("a", { href: `#/similarities/${similarity}` }, measure),
        },
        { head: "AUC", cell: ({ auc }) => score(auc), number: true },
        { head: "p of the best cut", cell: ({ p }) => score(p), number: true },
        { head: "Suggested cut", cell: (one) => cutName(one.suggestion), number: true },
      ],
      compared,
      { label: "Similarities compared" },
    ),
  );
}
