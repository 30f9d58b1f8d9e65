/** What was said when the data set came, and whenever something came to it: kept with the set. */
import { get } from "../api.js";
import { card, empty, h } from "../dom.js";
import { number, time, words } from "../format.js";
import { warningTable } from "../importer.js";
import { banner, chip } from "../parts.js";

const KINDS = {
  import: "Import",
  add: "Added from a ZIP",
  gaze: "Gaze file",
  labels: "Labels",
};

export async function show({ set, signal }) {
  const path = `/v1/datasets/${encodeURIComponent(set.name)}/report?limit=1`;
  const { warning_kinds: kinds, entries } = await get(path, signal);
  const all = kinds.reduce((sum, { count }) => sum + count, 0);
  return [
    kinds.length === 0
      ? banner("good", "Nothing was passed over", "Every file of the import was used.")
      : banner(
        "warn",
        `${number(all)} warnings of ${number(kinds.length)} kinds`,
        "What was passed over or read with a doubt when the data came.",
      ),
    kinds.length > 0 && card("All warnings", warningTable(kinds)),
    entries.length === 0 && empty("No report is kept: the set was made by single requests."),
    entries.toReversed().map(entry),
  ];
}

/** Single numbers and words of a report, as facts. */
function entry({ kind, created_at, warning_kinds: kinds, report }) {
  const facts = Object.entries(report).filter(([name, value]) =>
    !["name", "digest"].includes(name) && ["number", "string"].includes(typeof value)
  );
  return card(
    "",
    h(
      "div",
      { class: "row" },
      h("h2", {}, KINDS[kind] ?? kind),
      chip(time(created_at)),
      kinds.length > 0 && chip(`${number(kinds.length)} kinds of warnings`, "warn"),
    ),
    h(
      "dl",
      { class: "facts" },
      facts.map(([name, value]) =>
        h(
          "div",
          {},
          h("dt", {}, words(name)),
          h("dd", {}, typeof value === "number" ? number(value) : value),
        )
      ),
    ),
    kinds.length > 0 && h(
      "details",
      {},
      h("summary", {}, "Its warnings"),
      warningTable(kinds),
    ),
  );
}
