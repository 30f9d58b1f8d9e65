/** TERM, INT and HUP, to the launcher and to the group, once and twice; a hung process; a clock that jumps. */
import { existsSync } from "node:fs";
import { ended, type Job, putSet, run } from "../content.ts";
import { weightsOf } from "../ledger.ts";
import { type Attempt, type Scenario, withFolder } from "../scenario.ts";
import { attacked, pause, Victim, within } from "../victim.ts";

export const signals: Scenario = {
  unit: "signals and steps of the clock",
  promise: "save a checkpoint at the very step, leave in order, and change no result",
  run: (attempt) =>
    withFolder(async (data) => {
      await attacked(data, (victim) => assail(attempt, victim));
      await clock(attempt, `${data}/clock`);
    }),
};

const training = {
  ...{
    kind: "pretrain",
    dataset: "t",
    method: "byol",
    arm: "none",
    backbone: "resnet18",
    width: 4,
  },
  ...{ image_size: 32, epochs: 8, batch_size: 4, seed: 1, tuning: "off" },
};

const LEAVES_MS = 30_000;

async function assail(attempt: Attempt, victim: Victim): Promise<void> {
  await putSet(victim, "t", 24);
  const wanted = await weightsOf(victim, await run(victim, training));
  const ways: [string, () => unknown][] = [
    ["TERM to the launcher", () => victim.signal("launcher", "SIGTERM")],
    ["TERM to the group", () => victim.signal("group", "SIGTERM")],
    ["INT to the group", () => victim.signal("group", "SIGINT")],
    ["HUP to the group", () => victim.signal("group", "SIGHUP")],
    ["TERM to the launcher, twice", async () => {
      victim.signal("launcher", "SIGTERM");
      await pause(100);
      victim.signal("launcher", "SIGTERM");
    }],
  ];
  // In the short way others for every seed, as many as there is time for.
  for (const [what, send] of attempt.options.long ? ways : attempt.dice.shuffled(ways)) {
    if (!attempt.time) break;
    attempt.tried();
    const { id } = await victim.json<Job>("POST", "/v1/jobs", training);
    let at = 0;
    await within(60_000 * attempt.slowness, async () => {
      const { progress } = await victim.json<Job>("GET", `/v1/jobs/${id}`);
      if (progress.unit === "steps") at = progress.done;
      return at >= 4;
    });
    const pids = Object.values(victim.pids());
    const started = performance.now();
    await send();
    const left = await victim.gone(pids, LEAVES_MS * attempt.slowness);
    const seconds = (performance.now() - started) / 1000;
    if (left.length > 0) attempt.harm(`${what}: still there after ${seconds.toFixed(0)} s`);
    const newest = newestCheckpoint(`${victim.data}/checkpoints/${id}`);
    if (newest < at) attempt.harm(`${what}: at step ${at} the newest checkpoint is ${newest}`);
    await victim.start();
    await victim.ready(60_000 * attempt.slowness);
    const got = await weightsOf(victim, await ended(victim, id));
    if (got !== wanted) attempt.harm(`${what}: the training ends otherwise: ${got}`);
  }
  if (attempt.options.long) await hung(attempt, victim);
}

/** A stopped process answers nothing and does not end: it is noticed, and another takes its place. */
async function hung(attempt: Attempt, victim: Victim): Promise<void> {
  for (const role of ["worker", "api"] as const) {
    attempt.tried();
    const before = victim.pids()[role];
    victim.signal(role, "SIGSTOP");
    const replaced = await within(
      60_000 * attempt.slowness,
      () => ![undefined, before].includes(victim.pids()[role]),
    );
    if (!replaced) {
      attempt.harm(`a stopped ${role} is not noticed`);
      victim.signal(role, "SIGCONT");
    }
    if (await victim.ready(60_000 * attempt.slowness) === undefined) {
      attempt.harm(`not ready after a stopped ${role}`);
    }
  }
}

/** Step of the newest checkpoint; -1 without one. */
function newestCheckpoint(folder: string): number {
  if (!existsSync(folder)) return -1;
  return [...Deno.readDirSync(folder)].reduce(
    (newest, { name }) => Math.max(newest, Number(/^step-(\d+)/.exec(name)?.[1] ?? -1)),
    -1,
  );
}

const FAKETIME = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/** An hour forward and a day back while a training runs, by libfaketime, where it is installed. */
async function clock(attempt: Attempt, data: string): Promise<void> {
  const library = FAKETIME.find((path) => existsSync(path));
  if (!library) return attempt.note("steps of the clock skipped: libfaketime is not installed");
  const steps = `${data}.time`;
  Deno.writeTextFileSync(steps, "+0\n");
  const victim = await Victim.start({
    data,
    env: {
      LD_PRELOAD: library,
      LD_LIBRARY_PATH: library.replace(/\/faketime\/.*/, ""),
      FAKETIME_TIMESTAMP_FILE: steps,
      FAKETIME_CACHE_DURATION: "1",
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
  });
  try {
    await putSet(victim, "t", 24);
    const { id } = await victim.json<Job>("POST", "/v1/jobs", { ...training, epochs: 400 });
    const before = victim.pids();
    const jumps = ["+3600", "-86400", "+0", "+30"];
    for (const jump of attempt.options.long ? jumps : jumps.slice(0, 2)) {
      attempt.tried();
      Deno.writeTextFileSync(steps, `${jump}\n`);
      await pause(4_000);
      const { state, error } = await victim.json<Job>("GET", `/v1/jobs/${id}`);
      if (state !== "running") attempt.harm(`clock ${jump} s: the job is ${state}: ${error}`);
    }
    const now = victim.pids();
    for (const role of ["api", "worker"] as const) {
      if (now[role] !== before[role]) attempt.harm(`steps of the clock ended the ${role}`);
    }
    await victim.json("POST", `/v1/jobs/${id}/cancel`);
  } finally {
    await victim.end();
  }
}
