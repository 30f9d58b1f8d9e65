/** One file of gaze or of labels is put into a data set: tried first, told what was assumed, then kept. */
import { call } from "./api.js";
import { field, fill, h, table } from "./dom.js";
import { count, number } from "./format.js";
import { openCard, problemTable, warningTable } from "./importer.js";
import { banner, fileButton } from "./parts.js";
import { forgetPictures } from "./picture.js";

const pathOf = (name) => `/v1/datasets/${encodeURIComponent(name)}`;
const TYPES = {
  json: "application/json",
  gz: "application/gzip",
  tsv: "text/tab-separated-values",
  txt: "text/plain",
  csv: "text/csv",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
};
const typeOf = ({ name }) =>
  TYPES[name.split(".").at(-1).toLowerCase()] ?? "application/octet-stream";

/** A button that takes a file of gaze for a data set. */
export const chooseGaze = (text, name, kind) =>
  fileButton(text, (file) => addGaze(file, name), { kind });

/** The same for labels. */
export const chooseLabels = (text, name, kind) =>
  fileButton(text, (file) => addLabels(file, name), { kind, accept: ".csv,text/csv" });

function addGaze(file, name) {
  const { body, close } = openCard(file, `Gaze for ${name} from ${file.name}`);
  const image = h("input", { autocomplete: "off", placeholder: "as the file says" });
  const reader = h("input", { autocomplete: "off", placeholder: "as the file says" });
  const send = async (dry_run) => {
    const query = new URLSearchParams({ file: file.name, dry_run });
    if (image.value.trim()) query.set("image", image.value.trim());
    if (reader.value.trim()) query.set("reader", reader.value.trim());
    const answer = await call("POST", `${pathOf(name)}/gaze?${query}`, {
      ...{ body: file, type: typeOf(file) },
    });
    return await answer.json();
  };
  const again = h("button", { type: "submit" }, "Look again");
  const named = h(
    "form",
    { class: "row bottom", on: { submit: (event) => (event.preventDefault(), look()) } },
    field("Image, where the file names none", image),
    field("Reader, where the file names none", reader),
    again,
  );
  const refused = (error) =>
    fill(
      body,
      banner("bad", "This gaze cannot be used", error.message),
      problemTable(error.errors ?? []),
      named,
    );
  const look = async () => {
    fill(body, h("p", { class: "hint", role: "status" }, "Looking at the file …"));
    try {
      told(await send(true));
    } catch (error) {
      refused(error);
    }
  };
  const told = (report) => {
    const add = h("button", { type: "button", class: "primary" }, "Add it");
    add.disabled = report.gaze === 0;
    add.addEventListener("click", async () => {
      add.disabled = true;
      try {
        kept(await send(false));
      } catch (error) {
        refused(error);
      }
    });
    fill(
      body,
      banner(
        report.gaze === 0 ? "bad" : report.warnings.length > 0 ? "warn" : "good",
        report.gaze === 0 ? "No recording of this file can be used" : `${what(report)}`,
        `Read as ${report.format}. Nothing is kept yet`,
        report.replaced > 0 &&
          `; ${number(report.replaced)} would replace what is there of the same image and reader`,
        ".",
      ),
      report.assumptions.length > 0 &&
        h("ul", { class: "plain-list" }, report.assumptions.map((text) => h("li", {}, text))),
      warned(report.warnings),
      previewTable(report.preview ?? []),
      named,
      h("div", { class: "row" }, add),
    );
  };
  const kept = (report) => {
    fill(
      body,
      banner("good", `Added: ${what(report)}`, changedText(report.replaced)),
      warned(report.warnings),
      h("div", { class: "row" }, close("Done")),
    );
    changed(name);
  };
  look();
}

const changedText = (replaced) =>
  replaced > 0 ? `${count(replaced, "recording")} replaced earlier ones.` : "";

const what = ({ gaze, images, readers, fixations }) =>
  `${count(gaze, "recording")} of ${count(readers, "reader")} on ${count(images, "image")}, ${
    count(fixations, "fixation")
  }`;

const warned = (warnings) =>
  warnings.length > 0 &&
  warningTable(warnings.map((example) => ({ count: 1, kind: example.message, example })));

/** Where the first fixation lies tells whether units and screen were taken rightly. */
function previewTable(preview) {
  if (preview.length === 0) return null;
  const px = ({ x, y }) => `${Math.round(x)}, ${Math.round(y)}`;
  return table(
    [
      { head: "Image", cell: ({ image, width, height }) => `${image}, ${width} x ${height} px` },
      { head: "Reader", cell: ({ reader }) => reader || "not named" },
      { head: "Fixations", cell: ({ fixations }) => number(fixations), number: true },
      {
        head: "The first, px",
        cell: ({ first }) => first.length > 0 ? px(first[0]) : "–",
        number: true,
        optional: true,
      },
      { head: "Left out", cell: ({ dropped }) => number(dropped), number: true, optional: true },
    ],
    preview,
    { label: "First recordings" },
  );
}

function addLabels(file, name) {
  const { body, close } = openCard(file, `Labels for ${name} from ${file.name}`);
  const set = h("button", { type: "button", class: "primary" }, "Set them");
  fill(
    body,
    h(
      "p",
      {},
      "A table with the columns ",
      h("code", {}, "image"),
      " and ",
      h("code", {}, "label"),
      ", and where you like ",
      h("code", {}, "patient"),
      " and ",
      h("code", {}, "split"),
      ". What it names is replaced; columns and images that it lacks stay as they are.",
    ),
    h("div", { class: "row" }, set),
  );
  set.addEventListener("click", async () => {
    set.disabled = true;
    try {
      const answer = await call("POST", `${pathOf(name)}/labels`, { body: file, type: "text/csv" });
      const { labels, warnings } = await answer.json();
      fill(
        body,
        banner(
          warnings.length > 0 ? "warn" : "good",
          `Labels of ${count(labels, "image")} are set`,
        ),
        warned(warnings),
        h("div", { class: "row" }, close("Done")),
      );
      changed(name);
    } catch (error) {
      fill(
        body,
        banner("bad", "No label was changed", error.message),
        problemTable(error.errors ?? []),
      );
    }
  });
}

/** What is shown of the set is no longer right. */
function changed(name) {
  forgetPictures(pathOf(name));
  document.dispatchEvent(new CustomEvent("set-changed", { detail: name }));
  document.dispatchEvent(new CustomEvent("sets-changed"));
}
