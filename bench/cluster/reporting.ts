/** Sixteen jobs that report at one time: what a worker waits for until its news are kept. */
import { newJob } from "@/lib/jobs/queue.ts";
import type { News } from "@/lib/jobs/outcome.ts";
import { quantile } from "../load.ts";
import type { Row } from "../reliability/row.ts";
import { type LinkedWorker, linkWorkers } from "./linked.ts";
import { onEachStack } from "./stacks.ts";

const JOBS = 16;
const POINTS = 10;
/** As a running job flushes. */
const EACH_MS = 250;
const SECONDS = 20;
const of = `${JOBS} jobs that report ${POINTS} points four times a second each`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a running job tells of ten steps. */
function newsOf(number: number): News {
  const steps = Array.from({ length: POINTS }, (_, i) => number * POINTS + i);
  const done = steps.at(-1)! + 1;
  return {
    points: steps.map((step) => ({ step, epoch: 0, values: { loss: 1 / (step + 1) } })),
    events: steps.map((step) => ({
      type: "metric",
      data: { step, epoch: 0, loss: 1 / (step + 1) },
    })),
    changes: { progress: { done, total: 100_000, unit: "steps" }, estimated_finish: null },
    number,
  };
}

/** Milliseconds of each telling. */
async function report({ connection: { desk } }: LinkedWorker, offset: number): Promise<number[]> {
  const claim = await desk.claim(["count"], "none");
  if (!claim) throw new Error("Cannot report: there is no job");
  const times: number[] = [];
  await pause(offset);
  const started = performance.now();
  for (let number = 1; performance.now() - started < SECONDS * 1000; number++) {
    const told = performance.now();
    await desk.tell(claim, newsOf(number));
    times.push(performance.now() - told);
    await pause(EACH_MS - Math.min(EACH_MS, performance.now() - told));
  }
  return times;
}

export async function reporting(): Promise<Row[]> {
  return await onEachStack(async (stack, served) => {
    const { store } = served;
    const ids: string[] = [];
    for (let i = 0; i < JOBS; i++) {
      ids.push((await store.jobs.insert(newJob("count", {}))).id);
    }
    const workers = await linkWorkers(stack, served, JOBS);
    const times = (await Promise.all(
      workers.map((worker, i) => report(worker, EACH_MS * i / JOBS)),
    )).flat();
    let kept = 0;
    for (const id of ids) kept += (await store.metrics.list(id, {})).length;
    await Promise.all(workers.map((worker) => worker.stop()));
    const p99 = quantile(times, 0.99);
    const lost = times.length * POINTS - kept;
    return {
      of,
      what: `a flush, from the worker to its being kept and back, p99, ${stack.name}`,
      wanted: "at most 50 ms, none lost",
      measured: `${p99.toFixed(0)} ms; p50 ${quantile(times, 0.5).toFixed(0)} ms of ` +
        `${times.length}; ${lost} of ${kept + lost} points lost`,
      holds: p99 <= 50 && lost === 0,
    };
  });
}
