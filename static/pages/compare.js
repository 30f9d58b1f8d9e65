/** Two or more groups of runs side by side: their curves with bands, and only the settings that differ. */
import { stepLink } from "../address.js";
import { get, list } from "../api.js";
import { card, h, pageHead, table } from "../dom.js";
import { score, time } from "../format.js";
import { isCut } from "../names.js";
import { nothing } from "../parts.js";
import { drawBands, LARGE } from "../run_board.js";
import { curvesOf, groupRuns, reached, readRuns, sameImages, titledApart } from "../runs.js";

const EVERY_MS = 4000;

export async function show({ name, query, signal }) {
  const ids = new Set((query.get("runs") ?? "").split(",").filter(Boolean));
  const runs = (await readRuns(name, signal)).filter(({ job }) => ids.has(job.id));
  const groups = titledApart(groupRuns(runs));
  const alone = groups.length === 1 && runs.length > 1;
  if (groups.length < 2 && !alone) {
    return [
      pageHead("Compare"),
      nothing(
        "Two runs are needed",
        "Tick the runs to be compared.",
        h("a", { class: "button primary", href: stepLink(name, "training") }, "All trainings"),
      ),
    ];
  }
  const [specs, same, compared] = await Promise.all([
    Promise.all(
      groups.map(async (group) => (await get(`/v1/jobs/${group.runs[0].job.id}`, signal)).spec),
    ),
    comparable(groups, signal),
    list("/v1/similarities?fields=id,measure,created_at", signal),
  ]);
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
        name: alone ? "" : group.title,
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
      alone ? "Curves" : "Compare",
      groups.map(({ title }) => title).join("  |  "),
      h("a", { class: "button", href: stepLink(name, "training") }, "All trainings"),
    ),
    card("What they reached", scores(groups, same)),
    !alone && card(
      "Only the settings that differ",
      differing(groups, specs.map((spec) => told(spec, compared))),
    ),
    large,
    h("details", {}, h("summary", {}, "More curves"), rest),
  ];
}

/** Evaluations that are read to see whether they are of the same images. */
const READ = 100;

/** Whether the groups' evaluations are of the same images; undefined where that was not looked at. */
async function comparable(groups, signal) {
  const ids = groups.map(({ runs }) => runs.flatMap(({ evaluations }) => evaluations))
    .filter((own) => own.length > 0);
  if (ids.flat().length > READ) return undefined;
  const imagesOf = async (id) =>
    (await get(`/v1/evaluations/${id}`, signal)).scores.map(({ image }) => image);
  return sameImages(await Promise.all(ids.map((own) => Promise.all(own.map(imagesOf)))));
}

const NOT_COMPARABLE = new Map([
  [false, "These were evaluated on different images: their figures do not say which is better."],
  [
    undefined,
    `More than ${READ} evaluations: whether they are of the same images was not looked at.`,
  ],
]);

function scores(groups, same) {
  const found = new Map(groups.map((group) => [group, reached(group.runs)]));
  const best = same === true
    ? Math.max(...[...found.values()].map((one) => one?.mean ?? -1))
    : undefined;
  const shown = table(
    [
      { head: "Run", cell: ({ title }) => title },
      { head: "n", cell: (group) => found.get(group)?.n ?? "–", number: true },
      {
        head: "AUC",
        cell: (group) => {
          const one = found.get(group);
          if (!one) return "–";
          const text = score(one.mean);
          return [
            one.mean === best ? h("strong", {}, text) : text,
            " ",
            one.deviation !== null && h("span", { class: "whole" }, `± ${score(one.deviation)}`),
            one.told && ` (${one.told})`,
          ];
        },
        number: true,
      },
    ],
    groups,
    { label: "What they reached" },
  );
  return same === true ? shown : [h("p", { class: "warn-text" }, NOT_COMPARABLE.get(same)), shown];
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

/** Settings by which the runs of one group may differ: of them all values are listed. */
const DRAWN = ["seed", "split_seed", "fold"];
/** Told by the title, or by `DRAWN`. */
const KNOWN = ["leave_out.seed", "leave_out.fold", "name", "init"];

/** A spec as it is told: a similarity by its measure, and no cut where none is used. */
function told({ cut, similarity, ...spec }, compared) {
  const found = compared.find(({ id }) => id === similarity);
  return {
    ...spec,
    ...(spec.method === undefined || isCut(spec) ? { cut } : {}),
    similarity: found ? `${found.measure}, ${time(found.created_at)}` : similarity,
  };
}

function differing(groups, specs) {
  const read = specs.map((spec, i) => {
    const drawn = DRAWN.map((field) => {
      const values = groups[i].runs.map(({ job }) => job.spec[field] ?? null);
      return [field, [...new Set(values)].map((value) => value ?? "–").join(", ")];
    });
    return new Map([...flat(spec), ...drawn]);
  });
  const names = [...new Set(read.flatMap((one) => [...one.keys()]))].filter((field) =>
    !KNOWN.includes(field)
  );
  const text = (one, field) => {
    const value = one.get(field) ?? null;
    return value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value);
  };
  const rows = names.filter((field) => new Set(read.map((one) => text(one, field))).size > 1);
  if (rows.length === 0) {
    return h("p", { class: "hint" }, "None but what they start from.");
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
