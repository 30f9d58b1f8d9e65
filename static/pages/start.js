/** The form that starts one job on this data set. */
import { stepLink } from "../address.js";
import { post } from "../api.js";
import { card, fill, h, pageHead } from "../dom.js";
import { sides } from "../format.js";
import {
  arranged,
  controlsOf,
  NO_AUDIT,
  readForm,
  specFrom,
  SUGGESTED,
  suggestedCut,
  textsOf,
} from "../job_form.js";
import { jobName, kindName } from "../names.js";
import { attempt } from "../notice.js";
import { nothing, tabs } from "../parts.js";

/** Fields of a spec that say what was, not what is asked for. */
const TOLD = ["dataset_digest", "code_version", "preset"];

export async function show({ name, params, query, signal, set }) {
  const from = query.get("from");
  const { kinds, models, choices, known, before } = await readForm(name, {
    set,
    before: from === null ? undefined : `/v1/jobs/${encodeURIComponent(from)}`,
    signal,
  });
  const kind = kinds.find((one) => one.kind === params.kind);
  if (params.kind === "study") location.replace(stepLink(name, ["training", "study"], query));
  if (!kind) return nothing("There is no such kind of job", `"${params.kind}" is not known.`);
  const rest = Object.fromEntries([...query].filter(([field]) => field !== "from"));
  const usual = SUGGESTED[kind.kind] ?? {};
  const given = { ...usual, ...(before ? specBefore(before) : {}), ...rest };
  // The page is of this set, whatever set was meant before.
  if ("dataset" in usual || kind.fields.some((field) => field.name === "dataset")) {
    given.dataset = name;
  }
  const start = models.find((model) => model.id === given.init);
  if (start) given.image_size = sides(start.spec.image_size);
  return [
    pageHead(
      before ? "Again with changes" : kind.title,
      before ? `As ${jobName(before)}` : kind.about,
      h("a", { class: "button", href: stepLink(name, "training") }, "All trainings"),
    ),
    tabs(
      "Kind of job",
      kinds.filter(({ kind }) => kind !== "study").map((one) => ({
        href: stepLink(name, ["training", "start", one.kind], one.kind === kind.kind ? query : {}),
        text: kindName(one.kind),
        current: one.kind === kind.kind,
      })),
    ),
    needs(kind, { name, known, choices }),
    card("", form({ kind, given, choices, usual, name, signal, query })),
  ];
}

function specBefore({ spec }) {
  const kept = Object.entries(spec).filter(([field]) => !TOLD.includes(field));
  return textsOf(Object.fromEntries(kept));
}

/** What is missing before the job can do what it is for. */
function needs({ kind }, { name, known, choices }) {
  if (kind === "similarity" && known.gaze.images === 0 && known.heatmaps === 0) {
    return h("p", { class: "warn-text" }, "This set has no gaze: there is nothing to compare.");
  }
  if (kind === "pretrain" && choices.similarities.length === 0) {
    return h(
      "p",
      { class: "warn-text" },
      "The gaze of this set has not been compared, or has changed since: pairs by gaze need that. ",
      h("a", { href: stepLink(name, "pairs") }, "Compare it"),
    );
  }
  return null;
}

function form({ kind, given, choices, usual, name, signal, query }) {
  const made = controlsOf(kind.fields, given, choices);
  const { first, rest } = arranged(made, usual);
  const button = h("button", { type: "submit", class: "primary" }, "Start");
  const told = h("p", { class: "error", role: "alert" });
  const submit = (event) => {
    event.preventDefault();
    fill(told);
    attempt(button, async () => {
      try {
        const job = await post("/v1/jobs", { kind: kind.kind, ...specFrom(made) });
        location.hash = stepLink(name, ["training", job.id]);
      } catch (error) {
        fill(
          told,
          error.message,
          (error.errors ?? []).map((one) => h("span", {}, ` ${one.pointer ?? ""} ${one.message}`)),
        );
      }
    });
  };
  followAudit(made, { query, signal });
  return h(
    "form",
    { class: "form columns", on: { submit } },
    first.map(({ box }) => box),
    rest.length > 0 && h(
      "details",
      {},
      h("summary", {}, "All settings"),
      h(
        "p",
        { class: "hint" },
        "Fields left empty get the server's defaults. ",
        h("a", { href: "/docs" }, "All are described here."),
      ),
      h("div", { class: "form columns" }, rest.map(({ box }) => box)),
    ),
    told,
    h("div", { class: "row" }, button),
  );
}

/** The cut that the audit of the chosen similarity advises, until a person gives one. */
function followAudit(made, { query, signal }) {
  const similarity = made.find(({ field }) => field.name === "similarity")?.control;
  const cut = made.find(({ field }) => field.name === "cut.quantile");
  if (!similarity || !cut) return;
  let own = query.has("cut.quantile") || query.has("from") ||
    ["cut.threshold", "cut.top_k"].some((field) => query.has(field));
  const note = h("small", { class: "hint", "aria-live": "polite" });
  cut.box.append(note);
  cut.control.addEventListener("input", () => own = true);
  const seeds = ["split_seed", "seed"].flatMap((one) =>
    made.find(({ field }) => field.name === one)?.control ?? []
  );
  /** Of the split whose test part the training leaves out. */
  const splitSeed = () => {
    const text = seeds.map(({ value }) => value).find((value) => value !== "");
    return text === undefined ? undefined : Number(text);
  };
  const follow = async () => {
    if (own || !similarity.value) return;
    const asked = similarity.value;
    note.textContent = "Asking the audit …";
    const split = splitSeed();
    const found = await suggestedCut(asked, split, signal).catch(() => NO_AUDIT);
    if (own || signal.aborted || similarity.value !== asked || splitSeed() !== split) return;
    cut.control.value = String(found.quantile);
    note.textContent = found.told;
  };
  similarity.addEventListener("change", follow);
  for (const control of seeds) control.addEventListener("change", follow);
  follow();
}
