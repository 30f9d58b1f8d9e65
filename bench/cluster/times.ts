/** Single times of a cluster: from a request to a worker, from a worker to who watches elsewhere, from a kill to another. */
import { LEASE_MS } from "@/lib/store/lease.ts";
import { BEAT_MS } from "@/lib/worker/beat.ts";
import type { JobRow } from "@/lib/store/mod.ts";
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

/** ms between two steps of jobs that are killed. */
const STEP_MS = 50;
/** Kills of a worker that comes back at once. */
const KILLS = 5;
/** Work between two uploads, s: the bench's workers send each second what the checkpoint after it holds, one in 10 steps. */
const SEGMENT_S = 1 + 10 * STEP_MS / 1000;

/** Runs a job until it is `steps` on; how it stands then. */
async function begun(cluster: BenchCluster, id: string, steps: number): Promise<JobRow> {
  let [job] = await cluster.jobs([id]);
  await until(
    async () => {
      [job] = await cluster.jobs([id]);
      return job.state === "running" && job.progress.done > steps;
    },
    60_000,
    cluster.told,
  );
  return job;
}

export async function workerKilled(cluster: BenchCluster): Promise<Row[]> {
  const lost: number[] = [];
  const id = await cluster.count(1_000, STEP_MS);
  const job = await begun(cluster, id, 60);
  const before = job.progress.done;
  await cluster.killWorker(job.worker!);
  const killed = performance.now();
  await until(async () => (await cluster.jobs([id]))[0].fence > job.fence, 120_000);
  const seconds = (performance.now() - killed) / 1000;
  cluster.startWorker(job.worker!);
  const most = LEASE_MS / 1000 + 5;
  const [{ result }] = await cluster.ended([id], 180_000);
  lost.push(before - (result as { starts: number[] }).starts.at(-1)!);
  for (let kill = 0; kill < KILLS; kill++) {
    const id = await cluster.count(200, STEP_MS);
    // At another place between two uploads each time.
    const { worker, progress: { done } } = await begun(cluster, id, 60 + 7 * kill);
    await cluster.killWorker(worker!);
    cluster.startWorker(worker!);
    const [{ result }] = await cluster.ended([id], 180_000);
    lost.push(done - (result as { starts: number[] }).starts.at(-1)!);
  }
  const work = Math.max(...lost) * STEP_MS / 1000;
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
      what: "work that a kill loses",
      wanted: `at most a segment, from one upload to the next: here ${SEGMENT_S} s`,
      measured: `${work.toFixed(1)} s at most of ${lost.length} kills`,
      holds: work <= SEGMENT_S,
    },
  ];
}

/** Another has a worker's job: until it has stopped. */
export async function claimLost(cluster: BenchCluster, times = 10): Promise<Row> {
  const taken: number[] = [];
  const { jobs, db } = cluster.store;
  for (let i = 0; i < times; i++) {
    const id = await cluster.count(2_000, STEP_MS);
    const { worker, progress: { done } } = await begun(cluster, id, 5 + i);
    const { log } = cluster.worker(worker!);
    const claim = await db.transaction(async () => {
      await jobs.release(worker!);
      return await jobs.claim("another", { kinds: ["count"] });
    });
    const lost = performance.now();
    if (claim?.id !== id) throw new Error(`Cannot take job ${id}, at ${done}, from ${worker}`);
    const said = `job ${id}: Cannot write`;
    while (!log().includes(said)) {
      if (performance.now() - lost > 60_000) throw new Error(`${worker} goes on:\n${log()}`);
      await pause(5);
    }
    taken.push(performance.now() - lost);
    await jobs.change(claim, { state: "cancelled" });
  }
  const longest = Math.max(...taken);
  return {
    of,
    what: "a claim is lost, until its worker has stopped",
    wanted: `at most a beat: ${BEAT_MS} ms`,
    measured: `${longest.toFixed(0)} ms at most of ${times}; p50 ` +
      `${quantile(taken, 0.5).toFixed(0)} ms`,
    holds: longest <= BEAT_MS,
  };
}
