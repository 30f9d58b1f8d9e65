/** Two or more groups of runs side by side: their curves with bands, and only the settings that differ. */
import { stepLink } from "../address.js";
import { get } from "../api.js";
import { card, h, pageHead, table } from "../dom.js";
import { score } from "../format.js";
import { nothing } from "../parts.js";
import { drawBands, LARGE } from "../run_board.js";
import { curvesOf, deviation, groupRuns, mean, readRuns } from "../runs.js";

const EVERY_MS = 4000;

export async function show({ name, query, signal }) {
  const ids = new Set((query.get("runs") ?? "").split(",").filter(Boolean));
  const runs = (await readRuns(name, signal)).filter(({ job }) => ids.has(job.id));
  const groups = groupRuns(runs);
  if (groups.length < 2) {
    return [
      pageHead("Compare"),
      nothing(
        "Two runs are needed",
        "Tick the runs to be compared.",
        h("a", { class: "button primary", href: stepLink(name, "training") }, "All trainings"),
      ),
    ];
  }
  const specs = await Promise.all(
    groups.map(async (group) => (await get(`/v1/jobs/${group.runs[0].job.id}`, signal)).spec),
  );
  const large = h("div", { class: "grid charts" });
  const rest = h("div", { class: "grid charts" });
  const charts = new Map();
  const kinds = new Set(groups.map(({ kind }) => kind));
  const plan = [...kinds].flatMap((kind) => LARGE[kind]).filter(([title], i, all) =>
    all.findIndex(([other]) => other === title) === i
  );
  const draw = async () => {
    const read = await Promise.all(
      groups.map(async (group) => ({
        name: group.title,
        byName: await curvesOf(group.runs, 500, signal),
      })),
    );
    if (!signal.aborted) {
      drawBands({ plan, groups: read, charts, large, rest, levels: {}, signal });
    }
  };
  await draw();
  const timer = setInterval(() => {
    if (runs.every(({ job }) => job.finished_at)) clearInterval(timer);
    else if (!document.hidden) draw().catch(() => {});
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return [
    pageHead(
      "Compare",
      groups.map(({ title }) => title).join("  |  "),
      h("a", { class: "button", href: stepLink(name, "training") }, "All trainings"),
    ),
    card("What they reached", scores(groups)),
    card("Only the settings that differ", differing(groups, specs)),
    large,
    h("details", {}, h("summary", {}, "More curves"), rest),
  ];
}

function scores(groups) {
  const of = ({ runs }) => runs.flatMap(({ auc }) => auc ?? []);
  const best = Math.max(...groups.map((group) => of(group).length ? mean(of(group)) : -1));
  return table(
    [
      { head: "Run", cell: ({ title }) => title },
      { head: "Runs", cell: ({ runs }) => runs.length, number: true },
      {
        head: "AUC",
        cell: (group) => {
          const values = of(group);
          if (values.length === 0) return "–";
          const text = score(mean(values));
          return [
            mean(values) === best ? h("strong", {}, text) : text,
            values.length > 1 && ` ± ${score(deviation(values))}`,
          ];
        },
        number: true,
      },
    ],
    groups,
    { label: "What they reached" },
  );
}

/** A setting by its path: `optimizer.learning_rate`. */
function flat(value, path = "") {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return [[path, value]];
  }
  return Object.entries(value).flatMap(([name, inner]) =>
    flat(inner, path ? `${path}.${name}` : name)
  );
}

/** Names of runs by which they are told apart anyway. */
const KNOWN = ["seed", "split_seed", "leave_out.seed", "name", "init"];

function differing(groups, specs) {
  const read = specs.map((spec) => new Map(flat(spec)));
  const names = [...new Set(read.flatMap((one) => [...one.keys()]))].filter((field) =>
    !KNOWN.includes(field)
  );
  const text = (one, field) => {
    const value = one.get(field) ?? null;
    return value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value);
  };
  const rows = names.filter((field) => new Set(read.map((one) => text(one, field))).size > 1);
  if (rows.length === 0) {
    return h("p", { class: "hint" }, "None but seeds and what they start from.");
  }
  return table(
    [
      { head: "Setting", cell: (field) => field },
      ...groups.map(({ title }, i) => ({
        head: title,
        cell: (field) => h("code", {}, text(read[i], field)),
      })),
    ],
    rows,
    { label: "Settings that differ" },
  );
}
