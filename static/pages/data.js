/** 1 Data: the pictures of a data set, what it holds in numbers, and what was said when it came. */
import { countsIn, labelOf, namesIn } from "../findings.js";
import { address, setQuery, stepLink } from "../address.js";
import { call, download } from "../api.js";
import { fill, h, pageHead, select } from "../dom.js";
import { count, number } from "../format.js";
import { gallery } from "../gallery.js";
import { FILTERS, hasGaze, imagesOf, listQuery, narrowed, scoresOf } from "../image_list.js";
import { chooseZip } from "../importer.js";
import { attempt, notice } from "../notice.js";
import { chooseGaze, chooseLabels } from "../one_file.js";
import { ask, chip, menu, nothing, tabs } from "../parts.js";
import { imagePath } from "../picture.js";
import { evaluationsOf } from "../set_lists.js";

const LAYERS = [
  ["overlay", "Picture and gaze"],
  ["image", "Picture"],
  ["heatmap", "Gaze map"],
  ["scanpath", "Scanpaths"],
];

const ORDERS = [
  ["", "name"],
  ["label", "label"],
  ["patient", "patient"],
  ["fixations", "most fixations"],
];

const SIZES = { min: 96, max: 400, step: 8, usual: 176 };

export async function show({ name, query, signal, set: promised }) {
  const set = await promised;
  const view = query.get("view") ?? "images";
  const head = [
    pageHead(name, summaryOf(set), manage(set)),
    tabs(
      "Views of the data",
      [
        ["images", "Images"],
        ["counts", "Counts"],
        ["report", "Import report"],
      ].map(([one, text]) => ({
        text,
        href: stepLink(name, "data", one === "images" ? {} : { view: one }),
        current: one === view,
      })).concat({ text: "Embedding", href: stepLink(name, "embedding") }),
    ),
  ];
  if (view === "counts" || view === "report") {
    const { show } = await import(`./data_${view}.js`);
    return [...head, await show({ set, signal })];
  }
  if (set.images === 0) {
    return [...head, nothing("No images yet", "Add a ZIP of pictures, labels and gaze.")];
  }
  const made = await pictures({ set, query, signal });
  return {
    content: [...head, ...made.content],
    shown: made.draw,
    // Another of the views is shown anew.
    update: ({ query }) => !query.has("view") && made.update(query),
  };
}

function summaryOf(set) {
  const parts = [
    count(set.images, "image"),
    set.patients > 0 && count(set.patients, "patient"),
    ...countsIn(set).slice(0, 6).map(([label, count]) => `${number(count)} ${label}`),
    set.unlabelled > 0 && `${number(set.unlabelled)} without a label`,
    set.gaze.images === 0
      ? "no gaze yet"
      : set.gaze.images < set.images && `${number(set.images - set.gaze.images)} without gaze`,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** What changes the data set stands behind a menu. */
function manage({ name }) {
  const path = `/v1/datasets/${encodeURIComponent(name)}`;
  const save = h("button", { type: "button" }, "Download as ZIP");
  save.addEventListener(
    "click",
    () => attempt(save, () => download(`${path}/archive`, `${name}.zip`)),
  );
  const remove = h("button", { type: "button", class: "danger" }, "Delete …");
  remove.addEventListener("click", () =>
    attempt(remove, async () => {
      const sure = await ask({
        title: `Delete “${name}”?`,
        text: "Its images, labels and gaze go for good. Models and similarities made from it stay.",
        action: "Delete the data set",
        danger: true,
      });
      if (!sure) return;
      await call("DELETE", path);
      notice(`“${name}” is deleted.`);
      location.hash = "#/";
    }));
  return menu(
    "Manage",
    save,
    ...chooseZip("Add or replace by a ZIP …", name),
    ...chooseLabels("Set labels by a CSV …", name),
    ...chooseGaze("Add a file of gaze …", name),
    remove,
  );
}

async function pictures({ set, query: asked, signal }) {
  const { name } = set;
  let query = asked;
  let said;
  /** Those that have been read so far: the first ones are shown while the rest comes. */
  let images = [];
  const first = Promise.withResolvers();
  const all = imagesOf(set, signal, (part) => first.resolve(part));
  all.then(first.resolve, first.reject);
  const evaluations = await evaluationsOf(name, signal).catch(() => []);
  if (query.get("evaluation")) said = await scoresOf(query.get("evaluation"), signal);

  images = await first.promise;

  const found = h("p", { class: "hint found", role: "status" });
  const clear = h("button", { type: "button", class: "quiet" }, "Show all");
  const none = h("div", { hidden: true });
  const size = () => Number(query.get("size")) || SIZES.usual;
  const layer = () => query.get("layer") ?? (set.gaze.images > 0 ? "overlay" : "image");
  const grid = gallery({
    label: "Images",
    href: (image) => stepLink(name, ["image", image.name], listQuery(query)),
    alt: (image) => `${image.name}${labelOf(image) ? `, ${labelOf(image)}` : ""}`,
    path: (image) =>
      imagePath(name, image.name, layer(), { size: pixels(size()), bits: image.bits }),
    caption: (image) => captionOf(image, said !== undefined),
    captionHeight: 62,
    signal,
  });
  const bar = filterBar({ set, evaluations });

  function draw() {
    const shown = narrowed(images, query, said);
    const narrow = FILTERS.some((filter) => query.has(filter) && filter !== "evaluation");
    found.textContent = narrow
      ? `${number(shown.length)} of ${count(images.length, "image")}`
      : count(images.length, "image");
    if (images.length < set.images) found.textContent += ", more are read …";
    clear.hidden = !narrow;
    none.hidden = shown.length > 0;
    if (shown.length === 0) {
      fill(none, nothing("No image is like this", "Take a filter away to see more."));
    }
    grid.draw(shown, size());
    bar.tell(query);
  }

  /** What a control says goes into the address and is drawn. */
  async function change(changes) {
    setQuery(changes);
    query = address().query;
    const evaluation = query.get("evaluation");
    said = evaluation ? await scoresOf(evaluation, signal) : undefined;
    if (!signal.aborted) draw();
  }
  bar.onChange(change);
  clear.addEventListener(
    "click",
    () => change(Object.fromEntries(FILTERS.map((filter) => [filter, undefined]))),
  );
  all.then((whole) => {
    bar.offer(whole);
    if (signal.aborted || whole.length === images.length) return;
    images = whole;
    draw();
  }).catch(() => {});
  return {
    // The grid knows its width once it stands in the page.
    draw,
    content: [bar.element, h("div", { class: "row" }, found, clear), none, grid.element],
    async update(now) {
      query = now;
      const evaluation = query.get("evaluation");
      said = evaluation ? await scoresOf(evaluation, signal) : undefined;
      draw();
    },
  };
}

/** Of the picture that is asked for: a few sizes, so that the server's kept ones are used again. */
function pixels(width) {
  const needed = width * Math.min(2, devicePixelRatio || 1);
  return [160, 320, 640].find((size) => size >= needed) ?? 640;
}

function captionOf(image, judged) {
  const { score } = image;
  return [
    h("strong", {}, image.name),
    h(
      "span",
      { class: "chips" },
      labelOf(image) !== null && chip(labelOf(image)),
      !hasGaze(image) && chip("no gaze", "warn"),
      judged && score &&
        chip(
          `${score.wrong ? "wrong: " : ""}${score.predicted} ${
            Math.round(100 * score.probability)
          } %${score.of > 1 ? `, ${score.times} of ${score.of} runs` : ""}`,
          score.wrong ? "bad" : "good",
        ),
    ),
  ];
}

const options = (all, values) => [["", all], ...values.map((value) => [value, value])];

function filterBar({ set, evaluations }) {
  const splits = Object.keys(set.splits);
  const judged = evaluations.length > 0;
  const controls = {
    q: h("input", { type: "search", placeholder: "any words", autocomplete: "off" }),
    label: select("label", [
      ...options(set.findings ? "all findings" : "all labels", namesIn(set)),
      ...(set.findings
        ? [["\0none", "findings not known"]]
        : set.unlabelled > 0
        ? [["\0none", "without a label"]]
        : []),
    ]),
    split: splits.length > 0 && select("split", options("all parts", splits)),
    patient: set.patients > 0 && h("input", {
      type: "search",
      list: "patients",
      placeholder: "any",
      autocomplete: "off",
    }),
    reader: set.gaze.readers.length > 0 &&
      select("reader", options("any reader", sorted(set.gaze.readers))),
    gaze: set.gaze.images > 0 && set.gaze.images < set.images &&
      select("gaze", [["", "all"], ["some", "with gaze"], ["none", "without gaze"]]),
    evaluation: judged && select("evaluation", [
      ["", "none"],
      ...evaluations.map((one) => [one.id, one.title]),
    ]),
    judgement: judged && select("judgement", [["", "all"], ["wrong", "wrong ones"]]),
    sort: select("sort", [...ORDERS, ...(judged ? [["certain", "most certain mistakes"]] : [])]),
    layer: select(
      "layer",
      LAYERS.slice(0, set.gaze.images > 0 ? 4 : 0).concat(
        set.gaze.images > 0 ? [] : [["image", "Picture"]],
      ),
    ),
    size: h("input", {
      type: "range",
      min: SIZES.min,
      max: SIZES.max,
      step: SIZES.step,
      value: SIZES.usual,
    }),
  };
  const named = {
    q: "Search",
    label: "Label",
    split: "Part",
    patient: "Patient",
    reader: "Read by",
    gaze: "Gaze",
    evaluation: "Judged by",
    judgement: "Of them",
    sort: "Order by",
    layer: "Show",
    size: "Size",
  };
  const patients = h("datalist", { id: "patients" });
  const one = (key) =>
    controls[key] && h(
      "label",
      { class: `filter ${key}` },
      h("span", {}, named[key]),
      controls[key],
    );
  const more = h("details", { class: "filters-more" }, h("summary", {}, "Filters"));
  const rest = ["label", "split", "patient", "reader", "gaze", "evaluation", "judgement"];
  more.append(h("div", { class: "filters" }, rest.map(one)));
  // Folded on a phone only, where it would fill the screen.
  more.open = matchMedia("(min-width: 48rem)").matches;
  const element = h(
    "div",
    { class: "card filter-card" },
    more,
    h("div", { class: "filters view" }, ["q", "sort", "layer", "size"].map(one)),
    controls.patient && patients,
  );
  let changed = () => {};
  const valueOf = {
    label: (value) =>
      value === "\0none" ? { label: "", unlabelled: 1 } : { label: value, unlabelled: "" },
    judgement: (value) => ({ wrong: value && 1 }),
    evaluation: (value) =>
      value ? { evaluation: value } : {
        ...{ evaluation: "", wrong: "", truth: "", predicted: "", fold: "" },
      },
  };
  for (const [key, control] of Object.entries(controls)) {
    if (!control) continue;
    const live = key === "q" || key === "size" || key === "patient";
    control.addEventListener(live ? "input" : "change", () => {
      const { value } = control;
      changed(valueOf[key]?.(value) ?? { [key]: value });
      // "Wrong ones" are those of an evaluation: the newest, where none is chosen.
      if (key === "judgement" && value && !controls.evaluation.value) {
        changed({ evaluation: evaluations[0].id, wrong: 1 });
      }
    });
  }
  return {
    element,
    onChange: (handler) => changed = handler,
    /** Patients to choose from. */
    offer(images) {
      const names = new Set(images.map(({ patient }) => patient).filter(Boolean));
      fill(patients, [...names].slice(0, 2000).map((value) => h("option", { value })));
    },
    /** The controls show what the address says. */
    tell(query) {
      const set = (key, value) => {
        if (controls[key] && controls[key] !== document.activeElement) controls[key].value = value;
      };
      for (const key of ["q", "split", "patient", "reader", "gaze", "evaluation", "sort"]) {
        set(key, query.get(key) ?? "");
      }
      const runs = query.get("evaluation")?.split(",").length ?? 0;
      // The runs of a study, whose confusion led here, are no choice of the list.
      if (runs > 1 && controls.evaluation && controls.evaluation.value === "") {
        controls.evaluation.append(
          h(
            "option",
            { value: query.get("evaluation"), selected: true },
            `${runs} runs of a study`,
          ),
        );
      }
      set("label", query.has("unlabelled") ? "\0none" : query.get("label") ?? "");
      set("judgement", query.has("wrong") ? "wrong" : "");
      set("layer", query.get("layer") ?? controls.layer.options[0].value);
      set("size", query.get("size") ?? SIZES.usual);
      const count = rest.filter((key) => controls[key]?.value).length;
      more.firstElementChild.textContent = count > 0 ? `Filters (${count})` : "Filters";
    },
  };
}

/** Readers 1, 2, … 10: numbers in names count as numbers. */
export function sorted(names) {
  return names.toSorted(new Intl.Collator("en", { numeric: true }).compare);
}
