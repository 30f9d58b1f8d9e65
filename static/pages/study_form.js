/** A study is planned: methods, arms, seeds, the cut from the audit; a dry run tells what it costs before it starts. */
import { stepLink } from "../address.js";
import { get, post } from "../api.js";
import { card, field, fill, h, pageHead, select, table } from "../dom.js";
import { bytes, number } from "../format.js";
import { FIRST_SEED } from "../audit.js";
import { arranged, controlsOf, NO_AUDIT, readForm, specFrom, suggestedCut } from "../job_form.js";
import { kindName } from "../names.js";
import { attempt } from "../notice.js";
import { figure } from "../parts.js";

/** How much is trained: what the machine has decides, not the question. */
const BUDGETS = {
  try: ["A try: minutes without a GPU", { width: 8, image_size: 48, epochs: 10, batch_size: 16 }, {
    epochs: 10,
  }],
  small: [
    "Small: an hour without a GPU",
    { width: 16, image_size: 64, epochs: 50, batch_size: 32 },
    { epochs: 30 },
  ],
  full: ["As published: a night on a GPU", {}, {}],
  as: ["As the study before", undefined, undefined],
};
const OWN = [
  "methods",
  "arms",
  "backbones",
  "seeds",
  "folds",
  "similarity",
  "cut",
  "cut_leave_out",
  "split_seed",
  "dataset",
  "name",
  "dry_run",
  "pretrain",
  "finetune",
];

export async function show({ name, query, signal, set }) {
  const from = query.get("from");
  const { kinds, choices, known, before } = await readForm(name, {
    set,
    before: from === null ? undefined : `/v1/studies/${encodeURIComponent(from)}`,
    signal,
  });
  const kind = kinds.find((one) => one.kind === "study");
  return [
    pageHead(
      before ? "Again with changes" : "Plan a study",
      before
        ? `As ${before.name ?? "the study before"}`
        : "The same trainings with gaze and without, over several seeds: does gaze help?",
      h("a", { class: "button", href: stepLink(name, "training") }, "All trainings"),
    ),
    form({ name, known, kind, choices, before: before?.spec, query, signal }),
  ];
}

function form({ name, known, kind, choices, before, query, signal }) {
  const hasGaze = known.gaze.images > 0 || known.heatmaps > 0;
  const of = (field) => kind.fields.find((one) => one.name === field);
  const methods = several("Methods", of("methods"), before?.methods ?? ["byol", "moco"]);
  const arms = several(
    "Arms: where the pairs come from",
    of("arms"),
    before?.arms ?? (hasGaze ? ["none", "shuffled", "gaze"] : ["none"]),
  );
  const backbones = several("Backbones", of("backbones"), before?.backbones ?? ["resnet18"]);
  const title = h("input", {
    name: "name",
    value: before?.name ?? "",
    placeholder: "Does gaze help?",
  });
  const oneSplit = before && !before.folds && (before.split_seed ?? null) !== null;
  const runs = select(
    "runs",
    [
      ["seeds", "seeds, own splits"],
      ["split", `seeds, the split of ${oneSplit ? before.split_seed : FIRST_SEED}`],
      ["folds", "folds of one split"],
    ],
    before?.folds ? "folds" : oneSplit ? "split" : "seeds",
  );
  const count = h("input", {
    type: "number",
    name: "count",
    min: "1",
    max: "100",
    value: String(before?.folds ?? before?.seeds?.length ?? 8),
  });
  const similarity = select(
    "similarity",
    [["", "none"], ...choices.similarities],
    query.get("similarity") ?? before?.similarity ?? choices.similarities[0]?.[0] ?? "",
  );
  const quantile = h("input", {
    type: "number",
    name: "quantile",
    min: "0.0001",
    max: "1",
    step: "any",
    value: query.get("quantile") ?? before?.cut?.quantile ?? "",
  });
  const note = h("p", { class: "hint", "aria-live": "polite" });
  let own = quantile.value !== "";
  /** What the audit of the cut that stands here left out; null where a person chose it without. */
  let leftOut = query.get("cut_seen") === "all"
    ? "none"
    : query.has("quantile")
    ? { seed: FIRST_SEED }
    : before?.cut_leave_out ?? null;
  quantile.addEventListener("input", () => {
    own = true;
    leftOut = null;
  });
  const follow = async () => {
    if (own || !similarity.value) return;
    note.textContent = "Asking the audit …";
    const found = await suggestedCut(similarity.value, FIRST_SEED, signal).catch(() => NO_AUDIT);
    if (own || signal.aborted) return;
    quantile.value = String(found.quantile);
    leftOut = found.seed === null ? null : { seed: found.seed };
    note.textContent = found.told;
    asked();
  };
  const budgets = Object.entries(BUDGETS).filter(([key]) => key !== "as" || before)
    .map(([key, [text]]) => [key, text]);
  const budget = select("budget", budgets, before ? "as" : "try");
  const more = controlsOf(
    kind.fields.filter(({ name }) => !OWN.includes(name.split(".")[0])),
    {},
    choices,
  );
  const plan = h("div", { class: "stack", "aria-live": "polite" });
  const start = h("button", { type: "submit", class: "primary" }, "Start");
  const spec = () => {
    const [, pretrain, finetune] = BUDGETS[budget.value];
    const needsPairs = similarity.value !== "";
    const number = Number(count.value) || 1;
    return {
      kind: "study",
      ...specFrom(more),
      dataset: name,
      ...(title.value ? { name: title.value } : {}),
      methods: methods.chosen(),
      arms: arms.chosen(),
      backbones: backbones.chosen(),
      ...(runs.value === "folds"
        ? { folds: number }
        : { seeds: Array.from({ length: number }, (_, i) => i) }),
      ...(runs.value === "split" ? { split_seed: oneSplit ? before.split_seed : FIRST_SEED } : {}),
      ...(needsPairs ? { similarity: similarity.value } : {}),
      ...(needsPairs && quantile.value ? { cut: { quantile: Number(quantile.value) } } : {}),
      ...(needsPairs && leftOut ? { cut_leave_out: leftOut } : {}),
      pretrain: pretrain ?? before.pretrain,
      finetune: finetune ?? before.finetune,
      ...(pretrain === undefined ? { by_method: before.by_method } : {}),
    };
  };
  let waiting, turn = 0;
  const asked = () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const mine = ++turn;
      start.disabled = true;
      fill(plan, h("p", { class: "hint" }, "Reckoning what it costs …"));
      try {
        const found = await post("/v1/jobs", { ...spec(), dry_run: true }, signal);
        if (mine !== turn || signal.aborted) return;
        fill(plan, planOf(found, { way: runs.value === "seeds" && leftOut !== "none" }));
        start.disabled = false;
      } catch (error) {
        if (mine !== turn || signal.aborted) return;
        fill(
          plan,
          h("p", { class: "error" }, error.message),
          (error.errors ?? []).map((one) =>
            h("p", { class: "error" }, `${(one.pointer ?? "").slice(1)}: ${one.message}`)
          ),
        );
      }
    }, 300);
  };
  similarity.addEventListener("change", follow);
  const submit = (event) => {
    event.preventDefault();
    attempt(start, async () => {
      const job = await post("/v1/jobs", spec());
      const study = await studyOf(job, signal);
      location.hash = study
        ? stepLink(name, ["results", "study", study])
        : stepLink(name, ["training", job.id]);
    });
  };
  const element = h(
    "form",
    { class: "stack", on: { submit, input: asked, change: asked } },
    card(
      "What is compared",
      methods.element,
      arms.element,
      backbones.element,
      !arms.chosen().includes("gaze") && !hasGaze &&
        h(
          "p",
          { class: "warn-text" },
          "This set has no gaze: methods can be compared, gaze cannot.",
        ),
    ),
    card(
      "Pairs by gaze",
      h(
        "div",
        { class: "form columns" },
        field(
          "Similarity",
          similarity,
          choices.similarities.length === 0
            ? "None that can be used: compare the gaze first."
            : undefined,
        ),
        field("Share of pairs that count as positive", quantile),
      ),
      note,
    ),
    card(
      "How much",
      h(
        "div",
        { class: "form columns" },
        field("Name", title),
        field(
          "Runs",
          count,
          "Eight seeds or more can tell small differences; below three nothing is claimed.",
        ),
        field("They differ by", runs, "With one split for all seeds the test images are the same."),
        field("Size of the trainings", budget),
      ),
      h(
        "details",
        {},
        h("summary", {}, "All settings"),
        h("div", { class: "form columns" }, arranged(more, {}).rest.map(({ box }) => box)),
      ),
    ),
    card("What it costs", plan, h("div", { class: "row" }, start)),
  );
  follow();
  asked();
  return element;
}

/** The study is there once its job has begun to be looked at. */
async function studyOf(job, signal) {
  if (job.study) return job.study;
  return (await get(`/v1/jobs/${job.id}`, signal)).study;
}

/** Boxes to tick, each with the sentence that the API has for it. */
function several(title, { options, about }, chosen) {
  const boxes = options.map(([value, text]) => {
    const box = h("input", { type: "checkbox", value, checked: chosen.includes(value) });
    return {
      box,
      element: h(
        "label",
        { class: "arm" },
        box,
        h("span", {}, text),
        about[value] && h("small", {}, about[value]),
      ),
    };
  });
  return {
    element: h(
      "fieldset",
      { class: "arms" },
      h("legend", {}, title),
      boxes.map(({ element }) => element),
    ),
    chosen: () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value),
  };
}

const duration = (seconds) =>
  seconds === null
    ? "not known"
    : seconds < 90
    ? `${Math.round(seconds)} s`
    : seconds < 5400
    ? `${Math.round(seconds / 60)} min`
    : seconds < 172_800
    ? `${(seconds / 3600).toFixed(1)} h`
    : `${(seconds / 86_400).toFixed(1)} days`;

/** @param {{way: boolean}} options `way`: whether one split for all seeds would take the warnings away */
function planOf({ seconds, bytes: memory, parts, warnings, ...plan }, { way }) {
  const jobs = parts.reduce((sum, part) => sum + part.jobs, 0);
  const kept = parts.reduce((sum, part) => sum + part.known, 0);
  return [
    h(
      "div",
      { class: "figures" },
      figure(
        "Trainings",
        number(jobs),
        kept > 0 ? `${number(kept)} of them are done already` : `${number(plan.cells)} cells`,
      ),
      figure(
        "Time",
        duration(seconds),
        seconds === null ? "after the first training it will be" : "about, if nothing else runs",
      ),
      figure("Memory", memory === null ? "not known" : bytes(memory), "of the GPU, at most"),
    ),
    warnings.map((text) =>
      h("p", { class: "warn-text" }, `${text}.`, way && " Seeds on one split avoid it.")
    ),
    h(
      "details",
      {},
      h("summary", {}, "Part by part"),
      table(
        [
          {
            head: "Part",
            cell: ({ kind, ...part }) =>
              [kindName(kind), part.method, part.arm, part.backbone].filter(Boolean).join(" · "),
          },
          { head: "Trainings", cell: (part) => part.jobs, number: true },
          { head: "Memory", cell: (part) => bytes(part.bytes), number: true },
          { head: "Reckoned from", cell: ({ basis }) => basis ?? "–" },
        ],
        parts,
        { label: "Parts of the study" },
      ),
    ),
  ];
}
