/**
 * Brings a ZIP in: from a file input, or dropped anywhere. Its card stands in the frame, so that neither another
 * page nor time takes the report away; a data set that is there is never replaced without being asked about.
 */
import { stepLink } from "./address.js";
import { call, list, upload } from "./api.js";
import { field, fill, h, table } from "./dom.js";
import { bytes, count, number } from "./format.js";
import { banner, fileButton } from "./parts.js";
import { forgetPictures } from "./picture.js";

const area = () => document.getElementById("imports");

const pathOf = (name) => `/v1/datasets/${encodeURIComponent(name)}`;

/** Problems that are told one by one. */
const SHOWN = 500;

/**
 * Opens the card of an import.
 * @param {File} file
 * @param {string} [name] of the data set; the file's without it
 */
function importZip(file, name = file.name.replace(/\.zip$/i, "")) {
  const { body } = openCard(file, `Import of ${file.name}, ${bytes(file.size)}`);
  choose({ file, body }, name);
  body.querySelector("input").focus();
}

/**
 * A card above the page, for what becomes of a file.
 * @returns {{body: HTMLElement, close: (text: string) => HTMLElement}} `close` makes a button
 */
export function openCard(file, title) {
  const body = h("div", { class: "stack" });
  const card = h("section", { class: "card", "aria-label": cardName(file) });
  const close = (text) =>
    h("button", { type: "button", class: "quiet", on: { click: () => card.remove() } }, text);
  card.append(h("div", { class: "row between" }, h("h2", {}, title), close("Close")), body);
  area().append(card);
  card.scrollIntoView({ block: "nearest" });
  return { body, close };
}

/** The same file may come several times. */
function cardName({ name }) {
  const label = (number) => `Import of ${name}${number > 1 ? ` (${number})` : ""}`;
  let number = 1;
  const taken = new Set([...area().children].map((card) => card.getAttribute("aria-label")));
  while (taken.has(label(number))) number++;
  return label(number);
}

/** First: under which name, and whether it is only checked. */
function choose(task, name) {
  const input = h("input", { value: name, required: true, maxlength: "100", autocomplete: "off" });
  const go = h("button", { type: "submit", class: "primary" }, "Import");
  const check = h("button", { type: "button" }, "Only check it");
  const form = h(
    "form",
    { class: "row bottom" },
    field("Name of the data set", input),
    go,
    check,
  );
  const start = (options) => {
    const wanted = input.value.trim();
    if (!form.reportValidity() || wanted === "") return;
    begin(task, wanted, options);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start({});
  });
  check.addEventListener("click", () => start({ dry_run: true }));
  fill(task.body, form);
}

/** Then, where the name is taken, what shall become of what is there. */
async function begin(task, name, options) {
  fill(task.body, h("p", { class: "hint" }, "Looking whether the name is free …"));
  let there;
  try {
    there = (await list("/v1/datasets")).find((set) => set.name === name);
  } catch (error) {
    return failed(task, name, error);
  }
  if (!there || options.dry_run) return send(task, name, options);
  const button = (text, action, kind = "") => {
    const made = h("button", { type: "button", class: kind }, text);
    made.addEventListener("click", action);
    return made;
  };
  fill(
    task.body,
    h(
      "p",
      {},
      `There is a data set “${name}” already, with ${count(there.images, "image")} and ${
        count(there.gaze.recordings, "scanpath")
      }. What shall become of it?`,
    ),
    h(
      "div",
      { class: "row" },
      button("Add to it", () => send(task, name, { mode: "add" }), "primary"),
      button("Replace it", () => send(task, name, {}), "danger"),
      button("Use another name", () => choose(task, `${name}-2`)),
    ),
  );
  task.body.querySelector("button").focus();
}

async function send(task, name, options) {
  const bar = h("progress", { max: "1", value: 0, "aria-label": "Sent" });
  const text = h("p", { class: "hint", role: "status" }, "Sending …");
  fill(task.body, bar, text);
  const query = new URLSearchParams(options);
  try {
    const report = await upload(
      "PUT",
      `${pathOf(name)}${query.size ? `?${query}` : ""}`,
      task.file,
      "application/zip",
      (share) => {
        bar.value = share;
        if (share < 1) text.textContent = `Sending, ${Math.floor(100 * share)} %`;
        else {
          bar.removeAttribute("value");
          text.textContent = "Sent. The server reads pictures, labels and gaze …";
        }
      },
    );
    done(task, name, report, options);
  } catch (error) {
    failed(task, name, error);
  }
}

function done(task, name, report, { dry_run: dry, mode }) {
  const kinds = report.warning_kinds ?? [];
  const open = h(
    "a",
    { class: "button primary", href: stepLink(name, "data") },
    "Open the data set",
  );
  const again = h("button", { type: "button", class: "primary" }, "Import it now");
  again.addEventListener("click", () => begin(task, name, {}));
  fill(
    task.body,
    banner(
      kinds.length > 0 ? "warn" : "good",
      `${dry ? "Checked, nothing was kept" : mode === "add" ? "Added" : "Imported"}: ${
        count(report.images, "image")
      }, ${count(report.gaze, "scanpath")}`,
      kinds.length === 0
        ? "Nothing was passed over."
        : `${number(report.warnings.length)} warnings of ${number(kinds.length)} kinds. ` +
          (dry ? "" : "They stay with the data set, under Data."),
    ),
    kinds.length > 0 && warningTable(kinds),
    h("div", { class: "row" }, dry ? again : open),
  );
  if (dry) return;
  forgetPictures(pathOf(name));
  document.dispatchEvent(new CustomEvent("sets-changed"));
}

/** What was warned of, counted by what it says. */
export function warningTable(kinds) {
  return table(
    [
      { head: "How often", cell: ({ count }) => number(count), number: true },
      { head: "What", cell: ({ count, kind, example }) => count > 1 ? kind : example.message },
      {
        head: "For example",
        cell: ({ example: { file, line, message }, count }) =>
          [file, line && `line ${line}`, count > 1 && message].filter(Boolean).join(": "),
      },
    ],
    kinds,
    { label: "Warnings of the import" },
  );
}

function failed(task, name, error) {
  const problems = error.errors ?? [];
  const again = h("button", { type: "button" }, "Try again");
  again.addEventListener("click", () => choose(task, name));
  fill(
    task.body,
    banner("bad", "Nothing was imported", error.message),
    problemTable(problems),
    h("div", { class: "row" }, again),
  );
}

/** What is wrong with a file, place by place. */
export function problemTable(problems) {
  if (problems.length === 0) return null;
  return [
    table(
      [
        { head: "File", cell: ({ file }) => file ?? "" },
        { head: "Line", cell: ({ line }) => line ?? "", number: true },
        { head: "What is wrong", cell: ({ message }) => message },
      ],
      problems.slice(0, SHOWN),
      { label: "What is wrong with the file" },
    ),
    problems.length > SHOWN &&
    h("p", { class: "hint" }, `and ${number(problems.length - SHOWN)} more`),
  ];
}

/** Makes a set up, and opens it unless another page is looked at by then. */
export async function makeUp() {
  const taken = new Set((await list("/v1/datasets")).map(({ name }) => name));
  let name = "made-up";
  for (let number = 2; taken.has(name); number++) name = `made-up-${number}`;
  const from = location.hash;
  const close = h("button", { type: "button", class: "quiet" }, "Close");
  const body = h(
    "div",
    { class: "stack" },
    h("progress", { "aria-label": `Making ${name}` }),
    h("p", { class: "hint", role: "status" }, "Drawing pictures, and the gaze of their readers …"),
  );
  const card = h(
    "section",
    { class: "card", "aria-label": `Making ${name}` },
    h("div", { class: "row between" }, h("h2", {}, `The made-up set ${name}`), close),
    body,
  );
  close.addEventListener("click", () => card.remove());
  area().append(card);
  try {
    await call("POST", `${pathOf(name)}/synthetic`);
  } catch (error) {
    card.remove();
    throw error;
  }
  const to = stepLink(name, "data");
  if (location.hash === from) {
    card.remove();
    location.hash = to;
    return;
  }
  fill(
    body,
    banner("good", `${name} is made`),
    h("div", { class: "row" }, h("a", { class: "button primary", href: to }, "Open the data set")),
  );
  document.dispatchEvent(new CustomEvent("sets-changed"));
}

/** A button that asks for a ZIP, and imports it. */
export const chooseZip = (text, name, kind) =>
  fileButton(text, (file) => importZip(file, name), { kind, accept: ".zip,application/zip" });

/** How long the hint stays after the last sign of what is held over the page. */
const OVER_MS = 600;

const isZip = (file) => /\.zip$/i.test(file.name) || file.type === "application/zip";

/** A ZIP that is dropped anywhere is imported. */
export function takeDrops() {
  const hint = h(
    "div",
    { class: "drop-hint", hidden: true },
    h("p", {}, "Drop a ZIP to import it"),
  );
  document.body.append(hint);
  const files = (event) => [...event.dataTransfer?.types ?? []].includes("Files");
  let over;
  // While something is held over the page this comes several times a second; there is no event of its end.
  addEventListener("dragover", (event) => {
    if (!files(event)) return;
    // A page that takes files of its own (pictures to try) prevents the default first.
    const taken = event.defaultPrevented;
    event.preventDefault();
    hint.hidden = taken;
    clearTimeout(over);
    over = setTimeout(() => hint.hidden = true, OVER_MS);
  });
  addEventListener("drop", (event) => {
    if (!files(event)) return;
    const taken = event.defaultPrevented;
    event.preventDefault();
    hint.hidden = true;
    const zip = [...event.dataTransfer.files].find(isZip);
    if (zip) importZip(zip);
    else if (!taken) {
      import("./notice.js").then(({ notice }) =>
        notice("Only a ZIP can be imported here: images/, labels.csv, gaze/.", "bad")
      );
    }
  });
}
