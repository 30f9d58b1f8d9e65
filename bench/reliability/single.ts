/** Single requests: a prediction while a job trains, an image into a large set. */
import { figuresOf, pause, type Victim } from "@/tests/attack/victim.ts";
import type { Job } from "@/tests/attack/content.ts";
import { picture } from "@/tests/support/archives.ts";
import { begun, training } from "./reads.ts";
import type { Content } from "./requests.ts";
import type { Row } from "./row.ts";

async function answered(victim: Victim, path: string, init: RequestInit): Promise<number> {
  const started = performance.now();
  const answer = await victim.fetch(path, init);
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`Cannot measure: ${path}: ${answer.status} ${text.slice(0, 200)}`);
  }
  return performance.now() - started;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** The median of single predictions, one after the other, idle and beside a training. */
export async function predictionBesideTraining(
  victim: Victim,
  { model }: Content,
  times: number,
): Promise<Row> {
  let seed = 0;
  const one = () =>
    answered(victim, `/v1/models/${model}/predictions`, {
      method: "POST",
      body: picture(32, 32, seed++),
    });
  const several = async () => {
    const took: number[] = [];
    for (let i = 0; i < times; i++) took.push(await one());
    return median(took);
  };
  await several();
  const idle = await several();
  const { id } = await victim.json<Job>("POST", "/v1/jobs", training);
  await begun(victim, id);
  const meanwhile = await several();
  await victim.json("POST", `/v1/jobs/${id}/cancel`);
  await pause(500);
  const ratio = meanwhile / idle;
  return {
    of: "Predictions",
    what: "a single one while a job trains, against idle",
    wanted: "at most 3 times",
    measured:
      `${ratio.toFixed(1)} times: ${meanwhile.toFixed(0)} ms against ${idle.toFixed(0)} ms ` +
      `(medians of ${times})`,
    holds: ratio <= 3,
  };
}

/** Processor time of the API for each of some requests, ms, all its threads together. */
async function processorTime(
  victim: Victim,
  times: number,
  one: (i: number) => Promise<unknown>,
): Promise<number> {
  await one(0);
  // What the process does without any request comes off.
  const pid = victim.pids().api!;
  const used = () => figuresOf(pid)!.all_ms;
  const quiet = performance.now();
  const atRest = used();
  await pause(2000);
  const rate = (used() - atRest) / (performance.now() - quiet);
  const started = performance.now();
  const before = used();
  for (let i = 1; i <= times; i++) await one(i);
  return (used() - before - rate * (performance.now() - started)) / times;
}

export async function intoLargeSet(
  victim: Victim,
  { large }: Content,
  times: number,
): Promise<Row[]> {
  const image = await processorTime(
    victim,
    times,
    (i) =>
      answered(victim, `/v1/datasets/large/images/new${i}`, {
        method: "PUT",
        body: picture(16, 16, 7 * i),
      }),
  );
  const gaze = await processorTime(
    victim,
    times,
    (i) =>
      answered(victim, "/v1/datasets/large/gaze", {
        method: "POST",
        body: `image,reader,x,y,duration_ms\ni00001,r${i},1,1,200\ni00001,r${i},5,5,300\n`,
        headers: { "content-type": "text/csv" },
      }),
  );
  const row = (what: string, ms: number): Row => ({
    of: `One thing into a set of ${large.toLocaleString("en")} images, processor time`,
    what,
    wanted: "under 10 ms",
    measured: `${ms.toFixed(1)} ms (mean of ${times})`,
    holds: ms < 10,
  });
  return [row("PUT of an image", image), row("POST of one image's gaze", gaze)];
}
