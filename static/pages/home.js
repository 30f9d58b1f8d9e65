/** Home: the data sets, what runs, what was last found; and the first minute of an empty server. */
import { countsIn } from "../findings.js";
import { link, stepLink } from "../address.js";
import { get, list } from "../api.js";
import { card, fill, h, pageHead } from "../dom.js";
import { count, number, span, time } from "../format.js";
import { chooseZip, makeUp } from "../importer.js";
import { JOB_NAME_FIELDS, toldApart } from "../names.js";
import { attempt } from "../notice.js";
import { progressOf, timeLeft } from "../parts.js";
import { imagePath, picture } from "../picture.js";
import { jobTitles } from "../set_lists.js";

const JOB_FIELDS = "fields=id,state,progress,started_at,finished_at,estimated_finish," +
  JOB_NAME_FIELDS;
const EVERY_MS = 5000;
/** Sets whose pictures are shown. */
const PICTURED = 12;

export async function show({ signal }) {
  const area = h("div", { class: "stack wide-gap" });
  const draw = async () => {
    const sets = await list("/v1/datasets", signal);
    fill(area, sets.length === 0 ? firstMinute() : work(sets, signal));
  };
  await draw();
  const redraw = () => draw().catch(() => {});
  document.addEventListener("sets-changed", redraw, { signal });
  return area;
}

function madeUpButton(kind) {
  const button = h("button", { type: "button", class: kind }, "Try it with a made-up set");
  button.addEventListener("click", () => attempt(button, makeUp));
  return button;
}

/** What an empty server says. */
function firstMinute() {
  return [
    h(
      "section",
      { class: "hero" },
      h("h1", {}, "Does the readers’ gaze help your classifier?"),
      h(
        "p",
        {},
        "Images that radiologists read alike can teach a network before it sees a label. This " +
          "workbench takes images, labels and gaze, says whether gaze knows anything about the " +
          "label, trains with and without it, and shows the pictures behind every number.",
      ),
      h("div", { class: "row" }, madeUpButton("primary"), chooseZip("Import a ZIP …")),
      h("p", { class: "hint" }, "Or drop a ZIP anywhere on this page."),
    ),
    h(
      "div",
      { class: "grid three" },
      card(
        "What a ZIP holds",
        h(
          "ul",
          { class: "plain-list" },
          h("li", {}, h("code", {}, "images/"), " PNG, JPEG, PGM or DICOM"),
          h("li", {}, h("code", {}, "labels.csv"), " image, label, patient, split"),
          h("li", {}, h("code", {}, "gaze/"), " fixations or samples of each reader"),
        ),
      ),
      card(
        "What the made-up set is",
        h(
          "p",
          {},
          "96 breast-like pictures read by 3 made-up readers, whose gaze follows the label because " +
            "it was made so. Good for a walk through all six steps; no evidence for anything.",
        ),
      ),
      card(
        "Formats of gaze",
        h(
          "p",
          {},
          "Plain tables, and exports of EyeLink, Tobii, SMI, Gazepoint, Pupil Labs, iMotions and " +
            "others are recognised by themselves. The import says what it assumed.",
        ),
      ),
    ),
  ];
}

function work(sets, signal) {
  const jobs = h("div", { class: "stack" });
  const found = h("div", { class: "stack" });
  const read = () => Promise.all([tellJobs(jobs, signal), tellFound(found, signal)]);
  // The data sets do not wait for what is beside them.
  read().catch(() => {});
  const timer = setInterval(() => document.hidden || read().catch(() => {}), EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return [
    pageHead("Home", "", ...chooseZip("Import a ZIP …", undefined, "primary"), madeUpButton("")),
    h(
      "div",
      { class: "home" },
      h(
        "section",
        { class: "stack" },
        h("h2", {}, "Data sets"),
        h("div", { class: "set-cards" }, sets.map((set, at) => setCard(set, at, signal))),
      ),
      h(
        "div",
        { class: "stack" },
        card("Running", jobs),
        card("Last found", found),
      ),
    ),
  ];
}

function setCard(set, at, signal) {
  const strip = h("div", { class: "thumbs" });
  if (at < PICTURED) thumbs(strip, set, signal).catch(() => {});
  const labels = countsIn(set).map(([label, count]) => `${label} ${number(count)}`);
  return h(
    "a",
    { class: "card link", href: stepLink(set.name, "data") },
    strip,
    h("h3", {}, set.name),
    h(
      "p",
      { class: "hint" },
      `${count(set.images, "image")}, ${
        set.gaze.images === 0
          ? "no gaze yet"
          : `${
            Math.round(100 * set.gaze.coverage)
          } % with gaze of ${set.gaze.readers.length} readers`
      }`,
    ),
    h(
      "p",
      { class: "hint" },
      [
        labels.length > 6 ? `${labels.length} labels` : labels.join(", "),
        `since ${time(set.created_at)}`,
      ].filter(Boolean).join(" · "),
    ),
  );
}

async function thumbs(strip, set, signal) {
  const { data } = await get(
    `/v1/datasets/${encodeURIComponent(set.name)}/images?limit=4&fields=name`,
    signal,
  );
  fill(
    strip,
    data.map(({ name }) =>
      picture(imagePath(set.name, name, "overlay", { size: 160 }), { alt: "", signal })
    ),
  );
}

async function tellJobs(area, signal) {
  const [{ data: running }, waiting] = await Promise.all([
    get(`/v1/jobs?state=running&limit=5&${JOB_FIELDS}`, signal),
    get(`/v1/jobs?state=queued&limit=1&fields=id`, signal),
  ]);
  const queued = waiting.totals?.queued ?? waiting.data.length;
  const titleOf = await jobTitles(running, signal);
  fill(
    area,
    running.length === 0 && h("p", { class: "hint" }, "Nothing runs."),
    running.map((job) =>
      h(
        "a",
        { class: "entry", href: link(["jobs", job.id]) },
        h("strong", {}, titleOf(job)),
        h("small", {}, [job.spec.dataset, timeLeft(job)].filter(Boolean).join(" · ")),
        progressOf(job),
      )
    ),
    h("a", { href: link(["jobs"]) }, queued > 0 ? `${number(queued)} waiting` : "All jobs"),
  );
}

/** What ended studies say, by their ids. @type {Map<string, string>} */
const verdicts = new Map();

async function readVerdict({ id, state }, signal) {
  if (verdicts.has(id) || state === "queued" || state === "running") return;
  const { verdict } = await get(`/v1/studies/${id}`, signal);
  verdicts.set(id, verdict.sentence);
}

async function tellFound(area, signal) {
  const [{ data: studies }, { data: jobs }] = await Promise.all([
    get("/v1/studies?limit=4", signal),
    get(`/v1/jobs?state=succeeded&limit=60&${JOB_FIELDS},study`, signal),
  ]);
  // The trainings of a study stand behind its own entry.
  const rest = jobs.filter(({ kind, study }) => kind !== "study" && study === null).slice(0, 6);
  const [titleOf] = await Promise.all([
    jobTitles(rest, signal),
    ...studies.map((one) => readVerdict(one, signal).catch(() => {})),
  ]);
  const study = ([one, title]) =>
    h(
      "a",
      {
        class: "entry",
        href: one.dataset
          ? stepLink(one.dataset, ["results", "study", one.id])
          : link(["jobs", one.job]),
      },
      h("strong", {}, title),
      verdicts.has(one.id) && h("span", {}, verdicts.get(one.id)),
      h(
        "small",
        {},
        [
          one.dataset,
          `${number(one.progress.done)} of ${number(one.progress.total)} trainings`,
          time(one.created_at),
        ].filter(Boolean).join(" · "),
      ),
    );
  const job = ([one, title]) =>
    h(
      "a",
      { class: "entry", href: link(["jobs", one.id]) },
      h("strong", {}, title),
      h(
        "small",
        {},
        [one.spec.dataset, time(one.finished_at), `took ${span(one.started_at, one.finished_at)}`]
          .filter(Boolean).join(" · "),
      ),
    );
  fill(
    area,
    studies.length + rest.length === 0 &&
      h("p", { class: "hint" }, "Nothing yet: open a data set, and compare its gaze under Pairs."),
    apart(studies, ({ name }) => name ?? "Study").map(study),
    apart(rest, titleOf).map(job),
  );
}

/** With titles of which no two are the same. */
const apart = (found, textOf) =>
  toldApart(found, {
    textOf,
    more: [
      ({ dataset, spec }) => dataset ?? spec?.dataset ?? "no data set",
      ({ id }) => id.slice(-6),
    ],
  });
