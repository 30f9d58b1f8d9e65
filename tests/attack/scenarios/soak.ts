/** Mixed load for a long time: reads, writes, predictions, rubbish, imports, jobs, changes to sets that jobs do not read. */
import { archive, ended, furnish, type Job } from "../content.ts";
import { picture } from "../../support/archives.ts";
import { type Attempt, type Scenario } from "../scenario.ts";
import { figuresOf, pause, type Victim, withVictim } from "../victim.ts";

export const soak: Scenario = {
  unit: "requests and jobs of a mixed load",
  promise:
    "all succeed; memory, handles and temporary files are afterwards what they were after the beginning",
  run: (attempt) => withVictim((victim) => load(attempt, victim)),
};

/** s; an hour in the long way. */
const SECONDS = [20, 3600] as const;
/**
 * What the processes may have grown by since the first fifth, a share and bytes: caches are warm then in an hour; in
 * the short way they are not, and what is found there is large.
 */
const GROWTH = { share: 1.25, bytes: { short: 400 * 2 ** 20, long: 64 * 2 ** 20 } };

interface Sample {
  api: number;
  worker: number;
  handles: number;
}

async function load(attempt: Attempt, victim: Victim): Promise<void> {
  const stage = await furnish(victim);
  const other = await archive(12, 5);
  await put(victim, "/v1/datasets/other", other);
  const stop = new AbortController();
  const seconds = attempt.count(...SECONDS);
  const end = performance.now() + seconds * 1000;
  const { api, worker } = victim.pids();
  const counted = { requests: 0, jobs: 0, failed: 0 };
  const samples: Sample[] = [];

  /** Does something every so many ms, until the end. */
  const every = async (ms: number, work: (i: number) => Promise<void>) => {
    for (let i = 0; performance.now() < end && !stop.signal.aborted; i++) {
      const next = performance.now() + ms;
      await work(i).catch((error) => attempt.harm(`no answer: ${String(error).slice(0, 200)}`));
      await pause(Math.max(0, next - performance.now()));
    }
  };
  const call = async (method: string, path: string, allowed: number[], body?: BodyInit) => {
    const answer = await victim.fetch(path, { method, body });
    const text = answer.ok ? (await answer.body?.cancel(), "") : await answer.text();
    counted.requests++;
    attempt.tried();
    if (!allowed.includes(answer.status)) {
      attempt.harm(`${method} ${path.slice(0, 80)}: ${answer.status} ${text.slice(0, 200)}`);
    }
  };
  const reads = [
    ...["/v1/datasets", "/v1/datasets/base", "/v1/datasets/base/images", "/v1/jobs", "/metrics"],
    ...["/v1/datasets/base/images/c001/overlay.png", "/v1/datasets/base/archive", "/v1/models"],
    ...[`/v1/similarities/${stage.similarity}/matrix?format=json`, "/v1/predictions", "/"],
    ...[`/v1/similarities/${stage.similarity}/audit`, `/v1/jobs/${stage.job}/events`],
  ];
  const predictions = `/v1/models/${stage.model}/predictions`;
  const busy = [200, 429];
  await Promise.all([
    every(50, (i) => call("GET", reads[i % reads.length], [200])),
    every(
      200,
      (i) =>
        call("PUT", `/v1/datasets/other/images/c${String(i % 12).padStart(3, "0")}`, [
          200,
          201,
          429,
        ], picture(32, 32, i)),
    ),
    every(500, (i) => {
      const name = `c${String(i % 12).padStart(3, "0")}`;
      const gaze = `image,reader,x,y,duration_ms\n${name},r9,${i % 30},3,200\n${name},r9,5,5,300\n`;
      return call("POST", "/v1/datasets/other/gaze", busy, gaze);
    }),
    every(200, (i) => call("POST", predictions, busy, picture(32, 32, i))),
    every(500, (i) => call("POST", `/v1/models/${stage.model}/saliency`, busy, picture(32, 32, i))),
    every(
      300,
      (i) => call("PUT", "/v1/datasets/other/images/x", [422], new Uint8Array(500).fill(i)),
    ),
    every(5000, async (i) => {
      await call("PUT", `/v1/datasets/z${i % 3}`, [201, 200, 429], other);
      await call("DELETE", `/v1/datasets/z${i % 3}`, [204, 404]);
    }),
    every(1000, async (i) => {
      const { id } = await victim.json<Job>("POST", "/v1/jobs", spec(i));
      const { state, error } = await ended(victim, id);
      counted.jobs++;
      attempt.tried();
      if (state === "succeeded") return;
      counted.failed++;
      attempt.harm(`job ${i} is ${state}: ${error}`);
    }),
    every(Math.max(1000, seconds * 20), () => {
      const [a, w] = [figuresOf(api!), figuresOf(worker!)];
      if (a && w) samples.push({ api: a.resident, worker: w.resident, handles: a.handles });
      return Promise.resolve();
    }),
  ]);
  await pause(3_000);
  const now = victim.pids();
  if (now.api !== api || now.worker !== worker) return attempt.harm("a process ended");
  const [a, w] = [figuresOf(api!)!, figuresOf(worker!)!];
  const warm = samples.slice(0, Math.ceil(samples.length / 5));
  const least = (key: keyof Sample) => Math.max(...warm.map((sample) => sample[key]));
  const most = GROWTH.bytes[attempt.options.long ? "long" : "short"];
  const grown = (what: string, before: number, after: number) => {
    const MiB = (bytes: number) => Math.round(bytes / 2 ** 20);
    attempt.note(`memory of the ${what}: ${MiB(before)} -> ${MiB(after)} MiB`);
    if (after > before * GROWTH.share && after - before > most) {
      attempt.harm(`the ${what} has grown from ${MiB(before)} to ${MiB(after)} MiB`);
    }
  };
  grown("API", least("api"), a.resident);
  grown("worker", least("worker"), w.resident);
  const handles = least("handles");
  if (a.handles > handles + 30) attempt.harm(`handles: ${handles} -> ${a.handles}`);
  const left = [...Deno.readDirSync(`${victim.data}/tmp`)].length;
  if (left > 0) attempt.harm(`${left} files are left in tmp/`);
  attempt.note(
    `${seconds} s, ${counted.requests} requests, jobs that failed ${counted.failed} of ${counted.jobs}; ` +
      `handles ${handles} -> ${a.handles}; files in tmp/ ${left}`,
  );
}

const spec = (i: number) =>
  i % 2
    ? {
      ...{ kind: "finetune", dataset: "base", init: "scratch", backbone: "resnet18", width: 4 },
      ...{ image_size: 32, epochs: 1, batch_size: 4, tuning: "off", seed: i },
    }
    : { kind: "similarity", dataset: "base", measure: "multimatch" };

async function put(victim: Victim, path: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const answer = await victim.fetch(path, { method: "PUT", body });
  if (!answer.ok) throw new Error(`Cannot begin: ${path}: ${answer.status} ${await answer.text()}`);
  await answer.body?.cancel();
}
