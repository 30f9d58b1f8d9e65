/** All jobs, the newest first: some at a time, their states kept fresh while the page is open. */
import { address, link, setQuery } from "../address.js";
import { get, list } from "../api.js";
import { fill, h, pageHead, select } from "../dom.js";
import { number, span, time } from "../format.js";
import { JOB_NAME_FIELDS, KINDS } from "../names.js";
import { nothing, progressOf, stateChip, timeLeft } from "../parts.js";
import { jobTitles } from "../set_lists.js";

const EVERY_MS = 3000;
const PAGE = 40;
const STATES = ["queued", "running", "paused", "succeeded", "failed", "cancelled"];
/** What a row shows, and the name is made of: a refresh stays small however much a job's spec holds. */
const FIELDS = "id,state,progress,started_at,finished_at,estimated_finish,error," + JOB_NAME_FIELDS;

const sum = (totals) => Object.values(totals).reduce((all, one) => all + one, 0);

export async function show({ query, signal }) {
  const sets = await list("/v1/datasets", signal).catch(() => []);
  const filter = (name, options) => {
    const control = select(name, options, query.get(name) ?? "");
    control.addEventListener("change", () => {
      setQuery({ [name]: control.value, after: "" }, { push: true });
      draw();
    });
    return control;
  };
  const state = filter("state", [["", "all states"], ...STATES]);
  const kind = filter("kind", [["", "all kinds"], ...Object.entries(KINDS)]);
  const dataset = filter("dataset", [["", "all data sets"], ...sets.map(({ name }) => name)]);
  const totals = h("p", { class: "hint", role: "status" });
  const body = h("tbody", {});
  const none = h("div", { hidden: true });
  const frame = h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "Jobs" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          [["Job"], ["Data set", "optional"], ["State"], ["Progress", "optional"], [
            "Started",
            "optional",
          ], ["Took", "number"]].map(([head, kind]) =>
            h("th", { scope: "col", class: kind }, head)
          ),
        ),
      ),
      body,
    ),
  );
  const older = h("a", { class: "button" }, "Older");
  const newest = h("a", { class: "button" }, "Newest");
  /** What each row last told, so that only what has changed is drawn, and focus stays where it is. */
  const told = new Map();

  /** The page that is shown, and what was asked for it. */
  let shown;

  /** Only what has changed since is asked for, where nothing but the first page can have. */
  async function refresh() {
    const { query } = address();
    if (!shown || query.get("after") || query.get("state")) return await draw();
    const page = await get(`/v1/jobs?${shown.asked}&since=${shown.as_of}`, signal);
    const fresh = new Map(page.data.map((job) => [job.id, job]));
    const known = shown.data.map((job) => fresh.get(job.id) ?? job);
    const come = page.data.filter(({ id }) => !shown.data.some((job) => job.id === id));
    const newer = come.filter(({ id }) => shown.data.length < PAGE || id > shown.data.at(-1).id);
    // One was deleted, or so much has happened that the page is another.
    if (page.has_more || sum(page.totals) !== sum(shown.totals) + newer.length) return await draw();
    const data = [...newer, ...known].sort((a, b) => a.id < b.id ? 1 : -1).slice(0, PAGE);
    const has_more = sum(page.totals) > data.length;
    await tell({ ...page, data, has_more, next: has_more ? data.at(-1).id : null });
  }

  async function draw() {
    const { query } = address();
    const asked = new URLSearchParams({ limit: PAGE, fields: FIELDS });
    for (const name of ["state", "kind", "dataset", "after"]) {
      if (query.get(name)) asked.set(name, query.get(name));
    }
    const page = await get(`/v1/jobs?${asked}`, signal);
    await tell({ ...page, asked });
  }

  async function tell(page) {
    const { query } = address();
    shown = { ...shown, ...page };
    const titleOf = await jobTitles(page.data, signal);
    if (signal.aborted) return;
    rows(page.data, titleOf);
    none.hidden = page.data.length > 0;
    frame.hidden = page.data.length === 0;
    if (page.data.length === 0) {
      const narrowed = ["state", "kind", "dataset"].some((name) => query.get(name));
      fill(
        none,
        narrowed ? nothing("No job is like this", "Choose other filters.") : nothing(
          "No jobs yet",
          "Jobs compare gaze, train, evaluate and run studies. Open a data set, and start with Pairs.",
          h("a", { class: "button", href: "#/" }, "Data sets"),
        ),
      );
    }
    const counts = Object.entries(page.totals ?? {}).filter(([, count]) => count > 0);
    totals.textContent = counts.map(([state, count]) =>
      `${number(count)} ${state === "succeeded" ? "done" : state}`
    ).join(", ");
    const at = (after) => {
      const query = new URLSearchParams(address().query);
      query.delete("after");
      if (after) query.set("after", after);
      return link(["jobs"], query);
    };
    older.hidden = !page.has_more;
    if (page.has_more) older.href = at(page.next);
    newest.hidden = !query.get("after");
    newest.href = at();
  }

  function rows(jobs, titleOf) {
    const before = new Map([...body.children].map((row) => [row.dataset.id, row]));
    jobs.forEach((job, index) => {
      const text = JSON.stringify(job);
      let row = before.get(job.id);
      if (!row || told.get(job.id) !== text || job.state === "running") {
        const made = rowOf(job, titleOf);
        // The link that has the focus stays; its row's other cells are new.
        if (row) row.replaceChildren(row.firstElementChild, ...[...made.children].slice(1));
        else row = made;
        told.set(job.id, text);
      }
      before.delete(job.id);
      if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
    });
    for (const row of before.values()) row.remove();
  }

  function rowOf(job, titleOf) {
    const { spec = {} } = job;
    return h(
      "tr",
      { data: { id: job.id } },
      h(
        "td",
        {},
        h("a", { href: link(["jobs", job.id]) }, titleOf(job)),
        h(
          "small",
          { class: "only-narrow" },
          [spec.dataset, timeLeft(job)].filter(Boolean).join(", "),
        ),
        job.error && h("p", { class: "error small" }, job.error),
      ),
      h("td", { class: "optional" }, spec.dataset ?? ""),
      h("td", {}, stateChip(job.state)),
      h("td", { class: "optional" }, progressOf(job), h("small", {}, timeLeft(job))),
      h("td", { class: "optional" }, time(job.started_at)),
      h("td", { class: "number" }, job.started_at ? span(job.started_at, job.finished_at) : ""),
    );
  }

  await draw();
  const timer = setInterval(() => document.hidden || refresh().catch(() => {}), EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return {
    content: [
      pageHead("Jobs", "What the worker computes, one after the other."),
      h(
        "div",
        { class: "row" },
        h("label", { class: "inline" }, h("span", {}, "State"), state),
        h("label", { class: "inline" }, h("span", {}, "Kind"), kind),
        h("label", { class: "inline" }, h("span", {}, "Data set"), dataset),
      ),
      totals,
      none,
      frame,
      h("p", { class: "row" }, newest, older),
    ],
    update({ query }) {
      for (const control of [state, kind, dataset]) control.value = query.get(control.name) ?? "";
      draw().catch(() => {});
    },
  };
}
