/**
 * How long a client waits while a job trains: single predictions one after the other, and 500 requests/s for
 * lists of jobs, idle and beside a pre-training that fills the machine; and what the predictions cost that
 * training. Run: `deno run -A bench/latency.ts`
 */
import { zipSet } from "@/lib/demo/archive.ts";
import { client, type Job } from "@/lib/demo/client.ts";
import { startServer } from "@/lib/demo/server.ts";
import { synthesize } from "@/lib/demo/synthetic.ts";
import { evenly, oneByOne, quantile, report, timed } from "./load.ts";

const RATE = 500;
const SECONDS = 10;
/** Spans with and without predictions take turns, so that other load on the machine meets both. */
const TURNS = 3;

const data = Deno.makeTempDirSync({ prefix: "mcgip_bench_" });
const server = await startServer(data);
const headers = { authorization: `Bearer ${server.key}` };
const lists = () =>
  evenly(() => timed(`${server.url}/v1/jobs`, { headers }), { rate: RATE, seconds: SECONDS });
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
    timed(`${server.url}/v1/models/${model}/predictions`, {
      method: "POST",
      body: picture,
      headers: { ...headers, "content-type": "image/png" },
    });

  // The first one loads the model.
  await predict();
  const idle = await oneByOne(predict, SECONDS);
  report("a prediction, idle", idle);
  report(`GET /v1/jobs, ${RATE}/s, idle`, await lists());

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
  const [times, pace] = await pacing(lists);
  report(`GET /v1/jobs, ${RATE}/s, while training (${pace.toFixed(2)} steps/s)`, times);
} finally {
  await server.stop();
  Deno.removeSync(data, { recursive: true });
}
