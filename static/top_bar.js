/** The bar above all pages: data sets, the running job, search, key, theme, the server's state. */
import { link, stepLink } from "./address.js";
import { get, key, list } from "./api.js";
import { fill, h } from "./dom.js";
import { number } from "./format.js";
import { JOB_NAME_FIELDS, jobName } from "./names.js";

/** A fine-tuning's name begins with the model that it starts from. */
async function titleOf(job) {
  if (job.kind !== "finetune") return jobName(job);
  const { jobTitles } = await import("./set_lists.js");
  return (await jobTitles([job], new AbortController().signal))(job);
}

const by = (id) => document.getElementById(id);

/** The menu of data sets is read when it is opened. */
function readSets() {
  const menu = by("sets");
  menu.addEventListener("toggle", async () => {
    if (!menu.open) return;
    const area = menu.querySelector(".menu-list");
    try {
      const sets = await list("/v1/datasets", new AbortController().signal, 200);
      fill(
        area,
        h("a", { href: "#/" }, "All data sets"),
        sets.map((set) =>
          h(
            "a",
            { href: stepLink(set.name, "data") },
            set.name,
            h("small", {}, ` ${number(set.images)} images`),
          )
        ),
      );
    } catch (error) {
      fill(area, h("p", { class: "menu-note" }, error.message));
    }
  });
}

/** @param {string | undefined} name of the data set that is shown */
export function nameSet(name) {
  by("set-name").textContent = name ?? "Data sets";
}

const RUNNING = "/v1/jobs?state=running&limit=1&fields=id,progress,estimated_finish," +
  JOB_NAME_FIELDS;

async function readRunning() {
  const area = by("running");
  if (!key.get() || document.hidden) return;
  const { data: [job] } = await get(RUNNING).catch(() => ({ data: [] }));
  area.hidden = job === undefined;
  if (!job) return;
  const { done = 0, total = 0 } = job.progress ?? {};
  const left = job.estimated_finish && new Date(job.estimated_finish) - Date.now();
  const minutes = Math.ceil(left / 60_000);
  const name = await titleOf(job).catch(() => jobName(job));
  // What a training does before its first step says nothing of how far it is.
  const trains = ["pretrain", "finetune"].includes(job.kind) && job.progress?.unit !== "steps";
  const share = trains
    ? "preparing"
    : total > 0
    ? `${Math.floor(100 * done / total)} %`
    : "running";
  const rest = left > 0 &&
    (minutes < 90 ? `${minutes} min left` : `${Math.round(minutes / 60)} h left`);
  area.href = link(["jobs", job.id]);
  const text = [name, share, rest].filter(Boolean).join(", ");
  if (area.title === text) return;
  area.title = text;
  area.setAttribute("aria-label", text);
  fill(
    area,
    h("span", { class: "pulse" }),
    h("span", { class: "running-name" }, name),
    " ",
    h("strong", {}, share),
    " ",
    rest && h("span", { class: "running-left" }, rest),
  );
}

const NOTHING = "Nothing can be trained or predicted now.";

/** By the device, which answers while the worker starts, too: a refusal would stand on the console. */
async function readStatus() {
  if (!key.get()) return;
  const device = await get("/v1/device").catch(() => undefined);
  const ready = device?.detail === null;
  const name = device?.gpu?.description || device?.gpu?.device;
  by("status").textContent = device === undefined
    ? "The server does not answer."
    : !ready
    ? `${device.gpu ? "Jobs run, nothing can be predicted here." : NOTHING} ${device.detail}`
    : name
    ? device.software ? `Ready, without a GPU (${name})` : `Ready, on ${name}`
    : "Ready";
  by("state-dot").className = `state-dot ${ready ? "good" : device ? "warn" : "bad"}`;
  by("state-dot").title = by("status").textContent;
}

const THEMES = [["", "automatic"], ["light", "light"], ["dark", "dark"]];

function useTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  by("theme").textContent = `Theme: ${THEMES.find(([one]) => one === theme)?.[1] ?? "automatic"}`;
}

/** @param {() => void} redraw draws the page again, in other colours */
function chooseTheme(redraw) {
  useTheme(localStorage.getItem("mcgip-theme") ?? "");
  by("theme").addEventListener("click", () => {
    const now = localStorage.getItem("mcgip-theme") ?? "";
    const next = THEMES[(THEMES.findIndex(([one]) => one === now) + 1) % THEMES.length][0];
    localStorage.setItem("mcgip-theme", next);
    useTheme(next);
    redraw();
  });
}

function askForKey() {
  const dialog = by("key-dialog");
  if (!dialog.open) dialog.showModal();
}

/** @param {() => void} redraw shows the page with the key */
function takeKey(redraw) {
  document.addEventListener("key-needed", () => {
    by("key-error").textContent = key.get() ? "The server does not know this key." : "";
    askForKey();
  });
  by("change-key").addEventListener("click", askForKey);
  by("key-dialog").querySelector("form").addEventListener("submit", (event) => {
    const input = event.target.elements.key;
    key.set(input.value.trim());
    input.value = "";
    redraw();
    readStatus();
    readRunning();
  });
}

function search() {
  by("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const { q } = event.target.elements;
    if (q.value.trim()) location.hash = link(["search"], { q: q.value.trim() });
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, dialog");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    by("search").elements.q.focus();
  });
}

const EVERY_MS = 4000;

export function startTopBar(redraw) {
  readSets();
  chooseTheme(redraw);
  takeKey(redraw);
  search();
  setInterval(readRunning, EVERY_MS);
  setInterval(readStatus, 5 * EVERY_MS);
  // After the page itself has asked for what it needs.
  setTimeout(() => {
    readRunning();
    readStatus();
  }, 200);
}
