/**
 * How long a client waits while a job trains: single predictions one after the other, and 500 requests/s for
 * lists of jobs, idle and beside a pre-training that fills the machine; and what the predictions cost that
 * training. Run: `deno run -A bench/latency.ts`
 */
import { zipSet } from "@/lib/demo/archive.ts";
import { client, type Job } from "@/lib/demo/client.ts";
import { startServer } from "@/lib/demo/server.ts";
import { synthesize } from "@/lib/demo/synthetic.ts";

const RATE = 500;
const SECONDS = 10;
/** Spans with and without predictions take turns, so that other load on the machine meets both. */
const TURNS = 3;

const data = Deno.makeTempDirSync({ prefix: "mcgip_bench_" });
const server = await startServer(data);
const headers = { authorization: `Bearer ${server.key}` };
try {
  const api = client(server.url, server.key);
  await api.call("PUT", "/v1/datasets/bench", await zipSet(synthesize({ images: 32, size: 64 })));
  const { model } = await api.job({
    ...{ kind: "finetune", dataset: "bench", init: "scratch", width: 8, image_size: 32 },
    ...{ epochs: 1, seed: 1 },
  }, () => {});
  const list = await api.call<{ data: { name: string }[] }>("GET", "/v1/datasets/bench/images");
  const image = `${server.url}/v1/datasets/bench/images/${list.data[0].name}/image.png`;
  const picture = await (await fetch(image, { headers })).bytes();
  const predict = () =>
    timed(`/v1/models/${model}/predictions`, {
      method: "POST",
      body: picture,
      headers: { ...headers, "content-type": "image/png" },
    });

  // The first one loads the model.
  await predict();
  const idle = await oneByOne(predict, SECONDS);
  report("a prediction, idle", idle);
  report(`GET /v1/jobs, ${RATE}/s, idle`, await load());

  const { id } = await api.call<{ id: string }>("POST", "/v1/jobs", {
    ...{ kind: "pretrain", dataset: "bench", method: "byol", width: 8, image_size: 64 },
    ...{ batch_size: 16, epochs: 10_000 },
  });
  const steps = async () => {
    const { progress } = await api.call<Job>("GET", `/v1/jobs/${id}`);
    return progress?.unit === "steps" ? progress.done : 0;
  };
  while (await steps() < 2) await new Promise((resolve) => setTimeout(resolve, 200));
  /** What `during` gives, and the steps/s meanwhile. */
  const pacing = async <T>(during: () => Promise<T>): Promise<[T, number]> => {
    const [from, started] = [await steps(), performance.now()];
    const value = await during();
    return [value, (await steps() - from) / (performance.now() - started) * 1000];
  };
  const [training, alone, beside]: number[][] = [[], [], []];
  for (let turn = 0; turn < TURNS; turn++) {
    const wait = () => new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
    alone.push((await pacing(wait))[1]);
    const [times, pace] = await pacing(() => oneByOne(predict, SECONDS));
    training.push(...times);
    beside.push(pace);
  }
  report("a prediction, while training", training);
  const ratio = quantile(training, 0.5) / quantile(idle, 0.5);
  console.log(`a prediction while training to one when idle, p50: ${ratio.toFixed(2)}`);
  const [free, shared] = [alone, beside].map((paces) => quantile(paces, 0.5));
  const each = SECONDS * TURNS / training.length;
  console.log(
    `training: ${free.toFixed(2)} steps/s, ${shared.toFixed(2)} beside predictions without pause ` +
      `(${(1 / each).toFixed(1)}/s): ${(shared / free).toFixed(2)}; a prediction takes ` +
      `${(1000 * each * (1 - shared / free)).toFixed(1)} ms of it`,
  );
  const [times, pace] = await pacing(load);
  report(`GET /v1/jobs, ${RATE}/s, while training (${pace.toFixed(2)} steps/s)`, times);
} finally {
  await server.stop();
  Deno.removeSync(data, { recursive: true });
}

/** Milliseconds of each call, one after the other. */
async function oneByOne(call: () => Promise<number>, seconds: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) times.push(await call());
  return times;
}

/** Milliseconds of each request for a list of jobs; they are sent by the clock, not one after the other. */
async function load(): Promise<number[]> {
  const waiting: Promise<number>[] = [];
  const started = performance.now();
  while (waiting.length < RATE * SECONDS) {
    while (waiting.length < (performance.now() - started) * RATE / 1000) {
      waiting.push(timed("/v1/jobs", { headers }));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return await Promise.all(waiting);
}

/** Milliseconds until the answer is there. */
async function timed(path: string, init: RequestInit): Promise<number> {
  const sent = performance.now();
  const response = await fetch(server.url + path, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return performance.now() - sent;
}

function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))];
}

function report(what: string, times: number[]): void {
  const at = (share: number) => quantile(times, share).toFixed(1);
  console.log(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`);
}
