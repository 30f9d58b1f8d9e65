/** A study's results as a page's content, live while it runs: what `report/` draws, with pictures and links. */
import { setQuery, stepLink } from "./address.js";
import { call, download, get, post } from "./api.js";
import { card, fill, h, table } from "./dom.js";
import { time } from "./format.js";
import { attempt } from "./notice.js";
import { ask, progressOf, stateChip, technical, timeLeft } from "./parts.js";
import { imagePath, picture } from "./picture.js";
// One after the other: each finds what the ones before have put on the window.
import "./report/charts.js";
import "./report/curves.js";
import "./report/report.js";

const EVERY_MS = 3000;
const OVER = ["succeeded", "failed", "cancelled"];
const TABLES = { csv: "csv", markdown: "md", latex: "tex" };

/**
 * @param {{name: string, id: string, query: URLSearchParams, signal: AbortSignal}} asked `query` may hold `row`,
 *   `backbone` and `class`
 */
export async function studyView({ name, id, query, signal }) {
  const path = `/v1/studies/${encodeURIComponent(id)}`;
  const area = h("div", { class: "stack" });
  const head = h("div", { class: "page-head" });
  let told = "";
  const refresh = async () => {
    const study = await get(path, signal);
    const now = JSON.stringify(study);
    if (now === told) return study;
    const data = { study, ...await behind(path, query.get("class"), signal) };
    if (signal.aborted) return study;
    told = now;
    fill(head, headOf(study, path, name, refresh));
    fill(area, contentOf(data, { name, query, signal }));
    return study;
  };
  let study = await refresh();
  const timer = setInterval(async () => {
    if (study.state === null || OVER.includes(study.state)) return clearInterval(timer);
    // What is being read or chosen stays in place.
    if (area.contains(document.activeElement)) return;
    study = await refresh().catch(() => study);
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return [head, area];
}

/** Report and tables of a study. */
async function behind(path, label, signal) {
  const wanted = label ? `?${new URLSearchParams({ class: label })}` : "";
  const [report, ...texts] = await Promise.all([
    get(`${path}/report${wanted}`, signal),
    ...Object.keys(TABLES).map(async (format) => {
      const response = await call("GET", `${path}/table?format=${format}&style=paper`, { signal });
      return await response.text();
    }),
  ]);
  const endings = Object.values(TABLES);
  return { report, tables: Object.fromEntries(texts.map((text, i) => [endings[i], text])) };
}

function headOf(study, path, name, refresh) {
  const button = (text, action, kind) => {
    const made = h("button", { type: "button", class: kind }, text);
    made.addEventListener("click", () => attempt(made, action));
    return made;
  };
  const act = (what) => async () => {
    await post(`/v1/jobs/${study.job}/${what}`);
    await refresh();
  };
  const remove = async () => {
    const sure = await ask({
      title: "Delete this study?",
      text: "Its models and evaluations stay.",
      action: "Delete",
      danger: true,
    });
    if (!sure) return;
    await call("DELETE", path);
    location.hash = stepLink(name, "results");
  };
  const over = study.state === null || OVER.includes(study.state);
  return [
    h(
      "div",
      {},
      h("h1", {}, study.name ?? "Study"),
      h(
        "p",
        { class: "hint row" },
        study.state && stateChip(study.state),
        progressOf(study),
        // No worker holds a study: one that is on its way may stand in the queue.
        study.state === "queued" ? timeLeft({ ...study, state: "running" }) : timeLeft(study),
        `begun ${time(study.created_at)}`,
        study.stale && h("span", { class: "chip warn" }, "the data have changed since"),
      ),
    ),
    h(
      "div",
      { class: "row" },
      !over && study.state !== "paused" && button("Pause", act("pause")),
      study.state === "paused" && button("Go on", act("resume")),
      !over && button("Cancel", act("cancel")),
      button("Export", () => download(`${path}/export`, `${study.id}.zip`), "primary"),
      h(
        "a",
        { class: "button", href: stepLink(name, ["training", "study"], { from: study.id }) },
        "Again with changes",
      ),
      over && button("Delete", remove, "danger"),
    ),
  ];
}

function contentOf({ study, report, tables }, { name, query, signal }) {
  const chosen = Object.fromEntries(
    ["row", "backbone"].flatMap((field) => {
      const value = query.get(field);
      const known = report.rows.some((row) => row[field] === value);
      return value !== null && known ? [[field, value]] : [];
    }),
  );
  const drawn = globalThis.McgipReport.draw({ study, report, tables }, {
    chosen,
    onChoose: ({ row, backbone }) => setQuery({ row, backbone }),
    picture: (image, alt) =>
      study.stale ? null : picture(imagePath(name, image, "overlay"), { alt, signal }),
    imageLink: (image) => stepLink(name, ["image", image]),
    casesLink: (evaluations, truth, predicted) =>
      stepLink(name, "data", { evaluation: evaluations.join(), truth, predicted }),
    runLink: (evaluation) => stepLink(name, ["results", "evaluation", evaluation]),
  });
  return [drawn, trainings(study, name), technical([["Study", study.id], ["Job", study.job]])];
}

function trainings({ rows, runs, run_kind }, name) {
  const to = (page, id, text) => id && h("a", { href: stepLink(name, [...page, id]) }, text);
  const failed = runs.filter(({ error }) => error);
  return card(
    "Trainings",
    failed.map((run) =>
      h("p", { class: "error" }, `${nameOf(rows, run)}, ${run_kind} ${run.run}: ${run.error}`)
    ),
    h(
      "details",
      {},
      h("summary", {}, `${runs.length} trainings with their curves`),
      table(
        [
          { head: "Row", cell: (run) => nameOf(rows, run) },
          { head: "Backbone", cell: ({ backbone }) => backbone },
          { head: run_kind === "fold" ? "Fold" : "Seed", cell: ({ run }) => run, number: true },
          { head: "State", cell: ({ state }) => state },
          { head: "Pre-training", cell: (run) => to(["training"], run.pretrain_job, "curves") },
          { head: "Fine-tuning", cell: (run) => to(["training"], run.finetune_job, "curves") },
          {
            head: "Result",
            cell: (run) => to(["results", "evaluation"], run.evaluation, "figures"),
          },
        ],
        runs,
        { label: "Trainings" },
      ),
    ),
  );
}

const nameOf = (rows, { row }) => rows.find(({ key }) => key === row)?.name ?? row;
