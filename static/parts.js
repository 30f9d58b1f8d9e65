/** What pages are made of, beside the plain elements of `dom.js`. */
import { h } from "./dom.js";
import { ApiError } from "./api.js";
import { span, time } from "./format.js";

/** A short word in a pill. @param {"" | "good" | "warn" | "bad" | "accent"} [kind] */
export function chip(text, kind = "") {
  return h("span", { class: `chip ${kind}` }, text);
}

/** Links side by side, of which one is shown. @param {{href: string, text: string, current?: boolean}[]} links */
export function tabs(label, links) {
  return h(
    "nav",
    { class: "tabs", "aria-label": label },
    links.map(({ href, text, current }) =>
      h("a", { href, "aria-current": current ? "page" : null }, text)
    ),
  );
}

/** What stands where there is nothing yet: what is missing, why, and what to do next. */
export function nothing(title, text, ...actions) {
  return h(
    "section",
    { class: "nothing" },
    h("h2", {}, title),
    text && h("p", {}, text),
    actions.length > 0 && h("p", { class: "row centre" }, actions),
  );
}

/** A sentence of weight above what it is about. @param {"good" | "warn" | "bad" | "plain"} kind */
export function banner(kind, title, ...text) {
  return h(
    "section",
    { class: `banner ${kind}` },
    h("h2", {}, title),
    text.length > 0 && h("p", {}, text),
  );
}

/** A page with this in it cannot be shown: the server's own words. */
export function problem(error, ...actions) {
  const title = error instanceof ApiError && error.status === 401
    ? "A key is needed"
    : error instanceof ApiError && error.status === 404
    ? "This is not here"
    : "This cannot be shown";
  return h(
    "section",
    { class: "card problem" },
    h("h1", {}, title),
    h("p", {}, error.message),
    h("p", { class: "row" }, actions),
  );
}

/**
 * A button that asks for a file, and hands it on.
 * @param {(file: File) => void} take
 * @param {{kind?: string, accept?: string}} [options]
 */
export function fileButton(text, take, { kind = "", accept = null } = {}) {
  const input = h("input", { type: "file", accept, hidden: true });
  const button = h("button", { type: "button", class: kind }, text);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files[0]) take(input.files[0]);
    input.value = "";
  });
  return [button, input];
}

/** A button that opens a list of links and buttons; it closes by itself (`closeMenus`). */
export function menu(label, ...items) {
  return h(
    "details",
    { class: "menu end" },
    h("summary", { class: "button" }, label),
    h("div", { class: "menu-list" }, items),
  );
}

/** Menus close by Escape, by a click elsewhere and by a choice. */
export function closeMenus() {
  const opened = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    for (const one of opened()) {
      const inside = one.contains(event.target);
      if (!inside || event.target.closest("a, .menu-list button")) one.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const one of opened()) {
      one.open = false;
      one.querySelector("summary").focus();
    }
  });
}

/**
 * Asks in a dialog of its own.
 * @param {{title: string, text: string, action: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function ask({ title, text, action, danger = false }) {
  const cancel = h("button", { type: "button" }, "Cancel");
  const go = h("button", { type: "button", class: danger ? "primary danger" : "primary" }, action);
  const dialog = h(
    "dialog",
    { "aria-label": title },
    h(
      "div",
      { class: "stack" },
      h("h2", {}, title),
      h("p", {}, text),
      h("div", { class: "row end" }, cancel, go),
    ),
  );
  return new Promise((resolve) => {
    let answer = false;
    cancel.addEventListener("click", () => dialog.close());
    go.addEventListener("click", () => {
      answer = true;
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A larger dialog with a close button. */
export function showDialog(title, ...content) {
  const close = h("button", { type: "button", class: "quiet" }, "Close");
  const dialog = h(
    "dialog",
    { class: "wide", "aria-label": title },
    h("div", { class: "row between" }, h("h2", {}, title), close),
    content,
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ids and digests, out of the way. @param {[name: string, value: unknown][]} entries */
export function technical(entries) {
  return h(
    "details",
    { class: "technical" },
    h("summary", {}, "Details"),
    h(
      "dl",
      {},
      entries.filter(([, value]) => ![null, undefined, ""].includes(value)).map(([name, value]) =>
        h("div", {}, h("dt", {}, name), h("dd", {}, h("code", {}, value)))
      ),
    ),
  );
}

/** A number with its name, large. */
export function figure(name, value, note) {
  return h(
    "div",
    { class: "figure" },
    h("span", {}, name),
    h("strong", {}, value),
    note && h("small", {}, note),
  );
}

const STATES = { succeeded: "done" };

/** A job's state as a word. */
export function stateChip(state) {
  return h("span", { class: `chip state ${state}` }, STATES[state] ?? state);
}

/** How far a job is; empty where that is not known. */
export function progressOf(job) {
  const { done = 0, total = 0, unit = "" } = job.progress ?? {};
  if (total === 0 || job.state === "succeeded") return null;
  return h(
    "span",
    { class: "progress" },
    h("progress", { max: String(total), value: done, "aria-label": `${done} of ${total} ${unit}` }),
    h("small", {}, `${done} / ${total} ${unit}`),
  );
}

/** "4 min left, done at about 14:20" of a job that runs; a paused one promises nothing. */
export function timeLeft(job) {
  if (job.state !== "running" || !job.estimated_finish) return null;
  if (new Date(job.estimated_finish) < new Date()) return "nearly done";
  return `${span(new Date(), job.estimated_finish)} left, done at about ${
    time(job.estimated_finish)
  }`;
}
