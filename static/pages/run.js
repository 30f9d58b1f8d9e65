/** One run, live: what it is doing, what speaks against it, its curves, what it made. */
import { link, stepLink } from "../address.js";
import { call, download, get, list, post } from "../api.js";
import { card, fill, h, pageHead, table } from "../dom.js";
import { number, score, span, time } from "../format.js";
import { jobName, kindName } from "../names.js";
import { attempt, notice } from "../notice.js";
import {
  ask,
  banner,
  menu,
  problem,
  progressOf,
  stateChip,
  technical,
  timeLeft,
} from "../parts.js";
import { runBoard } from "../run_board.js";
import { MODEL_FIELDS } from "../model_fields.js";

const OVER = ["succeeded", "failed", "cancelled"];
const EVERY_MS = 1000;
const TYPES = "types=state,log,checkpoint,warning";

/** Addresses of what a job makes. */
const made = (name) => ({
  model: (id) => link(["models", id]),
  evaluation: (id) => stepLink(name, ["results", "evaluation", id]),
  similarity: (id) => stepLink(name, ["pairs", id]),
  study: (id) => stepLink(name, ["results", "study", id]),
});

export async function show({ name, params, signal, set }) {
  const path = `/v1/jobs/${encodeURIComponent(params.id)}`;
  let job = await get(path, signal);
  const from = await startOf(job, signal);
  const home = name ?? job.spec.dataset;
  const head = h("div", { class: "stack" });
  const alarms = h("div", { class: "stack" });
  const gauge = h("div", {});
  const runs = h("div", {});
  let tries = "";
  const log = h("ol", { class: "event-log", tabindex: "0", "aria-label": "Events" });
  const events = [];
  const trains = job.kind === "pretrain" || job.kind === "finetune";
  const board = trains && runBoard(job, {
    path,
    signal,
    marks: () =>
      events.filter(({ type }) => type === "checkpoint").map(({ data }) => ({
        x: data.step,
        title: "checkpoint",
      })),
    levels: levelsOf(job, await set?.catch(() => undefined)),
  });
  let told = "";
  const update = () => {
    const now = JSON.stringify([job.state, job.requested, job.progress, job.estimated_finish]);
    if (now === told) return;
    told = now;
    fill(head, headOf(job, { home, from, path, refresh }));
  };
  const updateRuns = () => {
    const now = JSON.stringify(job.attempts);
    if (now === tries) return;
    tries = now;
    fill(runs, job.attempts?.length > 0 && card("Workers", attemptsOf(job.attempts)));
  };
  const refresh = async () => {
    const before = job.state;
    job = await get(path, signal);
    if (signal.aborted) return;
    update();
    updateRuns();
    await readEvents();
    // A run that was taken up again has done its last steps anew.
    if (board) await board.refresh(before !== job.state);
    if (board?.series) fill(gauge, gaugeOf(job, board.series));
  };
  const readEvents = async () => {
    for (;;) {
      const after = events.at(-1)?.id ?? 0;
      const page = await get(`${path}/events?${TYPES}&limit=1000&after=${after}`, signal);
      if (signal.aborted || page.data.length === 0) break;
      for (const event of page.data) {
        events.push(event);
        log.append(line(event));
      }
      log.scrollTop = log.scrollHeight;
      fill(alarms, alarmsOf(events, job));
      if (!page.has_more) break;
    }
  };
  update();
  updateRuns();
  const first = refresh().catch((error) => {
    if (!signal.aborted) fill(alarms, problem(error));
  });
  const timer = setInterval(() => {
    if (OVER.includes(job.state)) return clearInterval(timer);
    if (!document.hidden) refresh().catch(() => {});
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 150))]);
  return [
    head,
    alarms,
    gauge,
    board && board.element,
    h(
      "div",
      { class: "grid two" },
      card("Events", log),
      card("Settings", h("pre", { tabindex: "0" }, JSON.stringify(job.spec, null, 2))),
    ),
    runs,
    technical([
      ["Job", job.id],
      ["Study", job.study],
      ["Data digest", job.spec.dataset_digest],
      ["Code", job.spec.code_version],
      ["Device", job.device?.description],
    ]),
  ];
}

/** The name of what a fine-tuning starts from. */
async function startOf({ kind, spec }, signal) {
  if (kind !== "finetune" || spec.init === "scratch") return undefined;
  const models = await list(`/v1/models?fields=${MODEL_FIELDS}`, signal)
    .catch(() => []);
  const { groupOfModel } = await import("../names.js");
  const model = models.find(({ id }) => id === spec.init);
  return model && groupOfModel(model);
}

/** Lines that a curve is to be measured by. */
function levelsOf({ kind, spec }, set) {
  const levels = {};
  const dimensions = kind === "pretrain" ? spec.config?.output : undefined;
  if (dimensions) levels.output_spread = { value: 1 / Math.sqrt(dimensions), name: "even" };
  const counts = Object.values(set?.labels ?? {});
  if (counts.length > 1) {
    const all = counts.reduce((sum, count) => sum + count, 0);
    levels.knn_accuracy = { value: Math.max(...counts) / all, name: "always the largest class" };
  }
  levels.validation_auc = { value: 0.5, name: "chance" };
  return levels;
}

function headOf(job, { home, from, path, refresh }) {
  const button = (text, action, kind = "") => {
    const control = h("button", { type: "button", class: kind }, text);
    control.addEventListener("click", () => attempt(control, action));
    return control;
  };
  const act = (what) => async () => {
    await post(`${path}/${what}`);
    await refresh();
  };
  const remove = async () => {
    const sure = await ask({
      title: "Delete this run?",
      text: "Its curves and events go; what it made stays.",
      action: "Delete",
      danger: true,
    });
    if (!sure) return;
    await call("DELETE", path);
    notice("The run is deleted.");
    location.hash = stepLink(home, "training");
  };
  const over = OVER.includes(job.state);
  const title = jobName(job, from);
  const left = timeLeft(job);
  const ways = made(home);
  return [
    pageHead(
      title,
      undefined,
      job.state === "running" && button("Pause", act("pause")),
      job.state === "paused" && button("Go on", act("resume"), "primary"),
      !over && button("Cancel", act("cancel")),
      h(
        "a",
        {
          class: "button",
          href: stepLink(home, ["training", "start", job.kind], { from: job.id }),
        },
        "Again with changes",
      ),
      menu("More", [
        button("Curves as CSV", () => download(`${path}/metrics?format=csv`, `${job.id}.csv`)),
        button(
          "For TensorBoard",
          () => download(`${path}/metrics?format=tensorboard`, `events.out.tfevents.0.${job.id}`),
        ),
        over && button("Delete", remove, "danger"),
      ]),
    ),
    h(
      "p",
      { class: "hint row" },
      !title.startsWith(kindName(job.kind)) && apart(kindName(job.kind)),
      stateChip(job.state),
      progressOf(job),
      job.requested && apart(`asked to ${job.requested}, stops after this step`),
      left && apart(left),
      job.waits_for && `goes on on ${job.waits_for} alone, and waits for a worker that has it`,
      job.state === "queued" &&
        apart(
          job.queue_position > 0
            ? `${number(job.queue_position)} before it in the queue`
            : "next in the queue",
        ),
      job.started_at &&
        apart(
          `${over ? "took" : "since"} ${
            over ? span(job.started_at, job.finished_at) : time(job.started_at)
          }`,
        ),
      job.study && h("a", { href: ways.study(job.study) }, "part of a study"),
    ),
    job.error && banner("bad", "It failed", job.error),
    job.result && h(
      "p",
      { class: "row" },
      Object.entries(job.result).filter(([kind, id]) => ways[kind] && id).map(([kind, id]) =>
        h(
          "a",
          { class: "button primary", href: ways[kind](id) },
          `Open the ${kind === "similarity" ? "pairs" : kind}`,
        )
      ),
      job.kind === "pretrain" && job.result.model && h(
        "a",
        {
          class: "button",
          href: stepLink(home, ["training", "start", "finetune"], { init: job.result.model }),
        },
        "Fine-tune it",
      ),
    ),
  ];
}

/** Who ran it: a line for each time that a worker had it. */
function attemptsOf(attempts) {
  const end = ({ outcome, reason }) =>
    outcome === null ? "runs" : [ENDS[outcome] ?? outcome, reason].filter(Boolean).join(": ");
  return table(
    [
      { head: "Attempt", cell: (one) => number(one.number), number: true },
      {
        head: "Worker",
        cell: (one) => h("span", { title: one.worker }, one.label ?? one.worker),
      },
      { head: "Device", cell: ({ device }) => device?.description || device?.device || "–" },
      { head: "From", cell: (one) => time(one.started_at) },
      {
        head: "From step",
        cell: (one) => one.from_step === null ? "the beginning" : number(one.from_step),
        number: true,
      },
      { head: "Until", cell: (one) => time(one.ended_at) },
      { head: "Why it ended", cell: end },
    ],
    attempts,
    { label: "Workers that ran it" },
  );
}

const ENDS = { queued: "given back", lost: "lost" };

/** Texts beside each other in a row would be one without it. */
const apart = (text) => h("span", {}, text);

/** What speaks against the run, above everything else. */
function alarmsOf(events, { kind, spec }) {
  const warned = events.filter(({ type }) => type === "warning");
  const collapsed = warned.find(({ data }) => /collapsed/.test(data.message ?? ""));
  const others = warned.filter((event) => event !== collapsed);
  return [
    collapsed && banner(
      "bad",
      `This run has collapsed${
        collapsed.data.step === undefined ? "" : ` (step ${collapsed.data.step})`
      }`,
      `${
        sentence(collapsed.data.message)
      } All images look the same to it: what it made is worth nothing. `,
      "A smaller learning rate, a larger batch or another method may help.",
    ),
    others.map(({ data }) =>
      banner("warn", sentence(data.message ?? "Something is not as it should be"))
    ),
    kind === "pretrain" && spec.config?.queue > 0 && h(
      "p",
      { class: "hint" },
      `While the queue fills, the loss of ${number(spec.config.queue)} negatives rises towards ${
        Math.log(spec.config.queue).toFixed(2)
      }, the logarithm of their number: that is no fault.`,
    ),
  ];
}

const sentence = (text) =>
  `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/** The spread of the outputs as a share of an even one: 1 is even, 0 is collapsed. */
function gaugeOf({ kind, spec }, series) {
  const spread = series.newest("output_spread");
  const dimensions = kind === "pretrain" ? spec.config?.output : undefined;
  if (!dimensions || spread === undefined || spread === null) return null;
  const share = spread * Math.sqrt(dimensions);
  const state = share < 0.1 ? "collapsed" : share < 0.3 ? "little" : "fine";
  return h(
    "section",
    { class: `gauge ${state}` },
    h("span", {}, "Spread of outputs"),
    h("meter", {
      min: "0",
      max: "1",
      low: "0.1",
      high: "0.3",
      optimum: "1",
      value: String(Math.min(1, share)),
      "aria-label": `Spread of outputs: ${score(share)} of an even one`,
    }),
    h("strong", {}, `${Math.round(100 * share)} % of an even one`),
    h("small", {}, "spread × √d; below 10 % the run counts as collapsed"),
  );
}

function line({ type, created_at, data }) {
  const said = data.message ?? data.state ??
    (type === "checkpoint" ? `at step ${number(data.step)}` : JSON.stringify(data));
  const text = [
    said,
    data.attempt && `(attempt ${number(data.attempt)})`,
    data.reason && `– ${data.reason}`,
  ].filter(Boolean).join(" ");
  return h(
    "li",
    {},
    h("time", {}, time(created_at)),
    h("span", { class: `chip ${type === "warning" ? "warn" : ""}` }, type),
    h("span", {}, text),
  );
}
