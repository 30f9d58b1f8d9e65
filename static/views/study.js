/** One study, live: the table as it fills, differences, the trainings behind it. */
import { download, get } from "../api.js";
import { card, empty, facts, fill, h, pageHead, table } from "../dom.js";
import { score, time } from "../format.js";
import { attempt } from "../notice.js";
import { progressBar, stateChip } from "./jobs.js";
import { datasetLink } from "./similarities.js";

const EVERY_MS = 3000;
const OVER = ["succeeded", "failed", "cancelled"];
const FIGURES = [["m_auc", "M-AUC"], ["auc", "AUC"], ["accuracy", "ACC"]];
const FORMATS = [["csv", "csv"], ["markdown", "md"], ["latex", "tex"]];

export async function show({ id, signal }) {
  const path = `/v1/studies/${encodeURIComponent(id)}`;
  const area = h("div", {});
  let found = await get(path, signal);
  const update = () => fill(area, shown(found));
  update();
  const timer = setInterval(async () => {
    if (found.state === null || OVER.includes(found.state)) return clearInterval(timer);
    found = await get(path, signal).catch(() => found);
    if (!signal.aborted && !area.contains(document.activeElement)) update();
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return [
    pageHead(found.name ?? "Study", id, ...FORMATS.map((format) => saveButton(path, id, format))),
    area,
  ];
}

function saveButton(path, id, [format, ending]) {
  const button = h("button", { type: "button" }, `Table as ${ending.toUpperCase()}`);
  button.addEventListener(
    "click",
    () => attempt(button, () => download(`${path}/table?format=${format}`, `${id}.${ending}`)),
  );
  return button;
}

function shown(found) {
  return [
    h(
      "section",
      { class: "card" },
      facts([
        ["State", found.state && stateChip(found.state)],
        ["Progress", progressBar(found)],
        ["Data set", datasetLink(found.dataset)],
        ["Job", h("a", { href: `#/jobs/${found.job}` }, found.job)],
        ["Made", time(found.created_at)],
      ]),
    ),
    found.warnings.map((warning) => h("p", { class: "warn-text" }, warning)),
    card(
      "Mean ± deviation over runs",
      grid(found, "Figures", (cell, name) => {
        const figure = cell.figures[name];
        return figure
          ? `${score(figure.mean)} ± ${score(figure.std)} (n = ${figure.n})${mark(cell)}`
          : instead(cell);
      }),
      warned(found),
    ),
    card(
      "Difference to the same method without gaze",
      h(
        "p",
        { class: "hint" },
        "With 95 % intervals. Where one holds 0, the two cannot be told apart. " +
          "p is adjusted by Holm for all comparisons of the study.",
      ),
      grid(found, "Differences", (cell, name) => differenceText(cell.differences[name])),
    ),
    controlled(found),
    card("Trainings", trainings(found)),
  ];
}

const mark = ({ warnings }) => warnings?.length > 0 ? " *" : "";

/** What the marks of figures mean. */
function warned({ rows, cells }) {
  return rows.flatMap(({ key, name }) => {
    const own = cells.filter(({ row }) => row === key).flatMap(({ warnings }) => warnings ?? []);
    return [...new Set(own)].map((text) => h("p", { class: "warn-text" }, `* ${name}: ${text}`));
  });
}

/** What an arm gains over its control, where the study has one. */
function controlled(found) {
  const rows = found.rows.filter(({ key }) =>
    found.cells.some(({ row, controls }) =>
      row === key && Object.values(controls ?? {}).some(Boolean)
    )
  );
  if (rows.length === 0) return null;
  const against = new Set(
    found.cells.flatMap(({ controls }) =>
      Object.values(controls ?? {}).flatMap((control) => control ? [control.against] : [])
    ),
  );
  const names = found.rows.filter(({ key }) => against.has(key)).map(({ name }) => name);
  return card(
    "Difference to the control",
    h(
      "p",
      { class: "hint" },
      `To ${names.join("; ")}: as many pairs, without the information. What is left is gaze's own.`,
    ),
    grid({ ...found, rows }, "Controls", (cell, name) => differenceText(cell.controls[name])),
  );
}

function differenceText(difference) {
  if (!difference) return "–";
  const [low, high] = difference.interval;
  const p = difference.p_holm === null ? "" : `, p ${pText(difference.p_holm)}`;
  return `${signed(difference.value)} [${signed(low)}, ${signed(high)}]${p}`;
}

function grid({ rows, cells }, label, text) {
  const backbones = [...new Set(cells.map(({ backbone }) => backbone))];
  // With two classes M-AUC is the AUC.
  const figures = cells.some(({ classes }) => classes === 2) ? FIGURES.slice(1) : FIGURES;
  const columns = backbones.flatMap((backbone) =>
    figures.map(([name, head]) => ({
      head: backbones.length > 1 ? `${backbone} ${head}` : head,
      cell: ({ key }) =>
        text(cells.find((cell) => cell.row === key && cell.backbone === backbone), name),
      number: true,
    }))
  );
  return table([{ head: "Row", cell: ({ name }) => name }, ...columns], rows, { label });
}

/** What stands in place of a figure that is not there. */
function instead({ done, failed, cancelled }) {
  if (done > 0) return "not defined";
  if (failed > 0) return `${failed} failed`;
  return cancelled > 0 ? "cancelled" : "missing";
}

const pText = (p) => p < 0.001 ? "< 0.001" : `= ${score(p)}`;
const signed = (value) => `${value < 0 ? "−" : "+"}${score(Math.abs(value))}`;

function trainings({ rows, runs }) {
  const link = (page, id, text) => id && h("a", { href: `#/${page}/${id}` }, text);
  if (runs.length === 0) return empty("None.");
  return table(
    [
      { head: "Row", cell: (run) => rows.find(({ key }) => key === run.row)?.name ?? run.row },
      { head: "Backbone", cell: ({ backbone }) => backbone },
      { head: "Run", cell: ({ run }) => run, number: true },
      { head: "State", cell: ({ state, error }) => error ? `${state}: ${error}` : state },
      { head: "Pre-training", cell: ({ pretrain_job }) => link("jobs", pretrain_job, "curves") },
      { head: "Fine-tuning", cell: ({ finetune_job }) => link("jobs", finetune_job, "curves") },
      { head: "Evaluation", cell: ({ evaluation }) => link("evaluations", evaluation, "figures") },
    ],
    runs,
    { label: "Trainings" },
  );
}
