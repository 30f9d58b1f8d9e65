/** All jobs, freshly read every few seconds while the page is open. */
import { description, list } from "../api.js";
import { empty, fill, h, pageHead, select, table } from "../dom.js";
import { span, time } from "../format.js";
import { jobKinds } from "../job_fields.js";

const EVERY_MS = 2500;
const STATES = ["queued", "running", "paused", "succeeded", "failed", "cancelled"];

export async function show({ signal, query }) {
  const kinds = jobKinds(await description(signal)).map(({ kind, title }) => [kind, title]);
  const kind = select("kind", [["", "all kinds"], ...kinds], query.get("kind") ?? "");
  const state = select("state", [["", "all states"], ...STATES], query.get("state") ?? "");
  const area = h("div", {});
  const read = async () => {
    const filter = new URLSearchParams();
    if (kind.value) filter.set("kind", kind.value);
    if (state.value) filter.set("state", state.value);
    const jobs = await list(`/v1/jobs${filter.size ? `?${filter}` : ""}`, signal, 400);
    if (!area.contains(document.activeElement)) fill(area, jobTable(jobs));
  };
  await read();
  const timer = setInterval(() => read().catch(() => {}), EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  for (const control of [kind, state]) control.addEventListener("change", read);
  return [
    pageHead(
      "Jobs",
      "What the GPU worker computes, one after the other.",
      h("a", { class: "button primary", href: "#/start/pretrain" }, "Start a job"),
    ),
    h(
      "p",
      { class: "row" },
      h("label", { class: "inline" }, h("span", {}, "Kind"), kind),
      h("label", { class: "inline" }, h("span", {}, "State"), state),
    ),
    area,
  ];
}

function jobTable(jobs) {
  if (jobs.length === 0) return empty("No job here.");
  return table(
    [
      { head: "Job", cell: (job) => h("a", { href: `#/jobs/${job.id}` }, describe(job)) },
      { head: "Data set", cell: (job) => job.spec?.dataset ?? "" },
      { head: "State", cell: (job) => stateChip(job.state) },
      { head: "Progress", cell: progressBar },
      { head: "Started", cell: (job) => time(job.started_at) },
      { head: "Took", cell: (job) => span(job.started_at, job.finished_at), number: true },
    ],
    jobs,
    { label: "Jobs" },
  );
}

/** "pretrain byol gaze" and the like. */
export function describe(job) {
  const { method, arm, measure, mode } = job.spec ?? {};
  return [job.kind, method, arm, measure, mode].filter((word) => typeof word === "string").join(
    " ",
  );
}

export function stateChip(state) {
  return h("span", { class: `chip state ${state}` }, state);
}

export function progressBar(job) {
  const { done = 0, total = 0, unit = "" } = job.progress ?? {};
  if (total === 0) return "";
  return h(
    "span",
    { class: "progress" },
    h("progress", { max: String(total), value: done, "aria-label": "Progress" }),
    h("small", {}, `${done} / ${total} ${unit}`),
  );
}
