/** Single times of a cluster: from a request to a worker, from a worker to who watches elsewhere, from a kill to another. */
import { LEASE_MS } from "@/lib/store/lease.ts";
import { until } from "@/tests/support/server.ts";
import { quantile } from "../load.ts";
import type { Row } from "../reliability/row.ts";
import type { BenchCluster } from "./cluster.ts";

const of = "Times";
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Workers wait; from before the job is queued until one has it. */
export async function submitToStart(cluster: BenchCluster, times = 40): Promise<Row> {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    await pause(200 + 13 * i % 300);
    const queued = Date.now();
    const id = await cluster.count(1, 1);
    const [{ started_at }] = await cluster.ended([id], 60_000);
    taken.push(Date.parse(started_at!) - queued);
  }
  const [p50, p99] = [quantile(taken, 0.5), quantile(taken, 0.99)];
  return {
    of,
    what: "a job is queued, a waiting worker starts it (p50)",
    wanted: "at most 100 ms",
    measured: `${p50.toFixed(0)} ms; p99 ${p99.toFixed(0)} ms of ${times}`,
    holds: p50 <= 100,
  };
}

/** Both servers are watched: the worker is linked to one of them, the other hears of it by the database. */
export async function newsElsewhere(cluster: BenchCluster): Promise<Row> {
  const id = await cluster.count(120, 150);
  const late = await Promise.all(cluster.servers.map(async (server) => {
    const response = await server.fetch(`/v1/jobs/${id}/events`, {
      headers: { accept: "text/event-stream" },
    });
    const times: number[] = [];
    let rest = "";
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const came = Date.now();
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines.filter((line) => line.startsWith("data: "))) {
        const { created_at } = JSON.parse(line.slice(6)) as { created_at?: string };
        if (created_at) times.push(came - Date.parse(created_at));
      }
    }
    return times;
  }));
  // Those before the watching began were told at once, late.
  const p99s = late.map((times) => quantile(times.slice(2), 0.99));
  const worst = Math.max(...p99s);
  return {
    of,
    what: "news of a job, from its writing to who watches at either server (p99)",
    wanted: "at most 500 ms",
    measured: `${p99s.map((ms) => ms.toFixed(0)).join(" and ")} ms of ${late[0].length} events`,
    holds: worst <= 500,
  };
}

export async function workerKilled(cluster: BenchCluster): Promise<Row[]> {
  const id = await cluster.count(1_000, 50);
  let job = (await cluster.jobs([id]))[0];
  await until(async () => {
    [job] = await cluster.jobs([id]);
    return job.progress.done > 60;
  }, 60_000);
  const before = job.progress.done;
  await cluster.killWorker(job.worker!);
  const killed = performance.now();
  await until(async () => (await cluster.jobs([id]))[0].fence > job.fence, 120_000);
  const seconds = (performance.now() - killed) / 1000;
  cluster.startWorker(job.worker!);
  const [{ result, state }] = await cluster.ended([id], 180_000);
  const { starts } = result as { starts: number[] };
  const most = LEASE_MS / 1000 + 5;
  return [
    {
      of,
      what: "kill -9 of a worker, until its job runs elsewhere",
      wanted: `at most the lease and 5 s: ${most} s`,
      measured: `${seconds.toFixed(1)} s`,
      holds: seconds <= most,
    },
    {
      of,
      what: "steps that were done again after it",
      wanted: "those since the last upload, which comes every 5 minutes",
      measured: `from ${starts.at(-1)}, killed at ${before}`,
      holds: state === "succeeded" && starts.length === 2,
    },
  ];
}
