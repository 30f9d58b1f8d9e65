/** A grid of fake cells over the workers, calm or with the faults that the design names. */
import { fileURLToPath } from "node:url";
import { uniform } from "@/lib/random.ts";
import type { JobRow } from "@/lib/store/mod.ts";
import type { Row } from "../reliability/row.ts";
import type { BenchCluster } from "./cluster.ts";

const STEP_MS = 100;
const SEED = 7;
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

export interface Fault {
  /** Seconds after the first cell was queued. */
  at: number;
  what: string;
  /** Resolves when it is over, to the seconds of workers that nothing could have saved. */
  come(cluster: BenchCluster): Promise<number>;
}

/** Seconds that each running cell could still go on without anybody to tell. */
async function left({ store }: BenchCluster): Promise<number[]> {
  const { data } = await store.jobs.listJobs({ state: "running" });
  return data.map(({ spec, progress }) =>
    ((spec as { to: number }).to - progress.done) * STEP_MS / 1000
  );
}

export const FAULTS: Fault[] = [
  {
    at: 10,
    what: "a worker killed, back after 3 s",
    async come(cluster) {
      await cluster.killWorker("w1");
      await pause(3);
      cluster.startWorker("w1");
      return 3;
    },
  },
  {
    at: 25,
    what: "a server killed",
    come({ servers: [server] }) {
      Deno.kill(server.children().api!, "SIGKILL");
      return Promise.resolve(0);
    },
  },
  {
    at: 40,
    what: "PostgreSQL killed, back after 5 s",
    async come(cluster) {
      const { postgres, workers } = cluster;
      const rest = await left(cluster);
      const killed = performance.now();
      postgres.kill("SIGKILL");
      await postgres.ended();
      await pause(5);
      await postgres.start();
      const away = (performance.now() - killed) / 1000;
      // A cell that ends meanwhile waits to say so.
      return workers.reduce((sum, _, i) => sum + Math.max(0, away - (rest[i] ?? 0)), 0);
    },
  },
  {
    at: 60,
    what: "a worker frozen for 20 s",
    async come(cluster) {
      cluster.worker("w2").kill("SIGSTOP");
      await pause(20);
      cluster.worker("w2").kill("SIGCONT");
      return 20;
    },
  },
  {
    at: 85,
    what: "a server frozen for 15 s",
    async come({ servers: [, server] }) {
      const { api } = server.children();
      Deno.kill(api!, "SIGSTOP");
      await pause(15);
      Deno.kill(api!, "SIGCONT");
      return 0;
    },
  },
];
/** Seconds after which the last of them is over. */
const FAULTS_S = 100;

export async function cells(
  cluster: BenchCluster,
  count: number,
  faults: Fault[],
): Promise<Row[]> {
  const steps = Array.from({ length: count }, (_, i) => 20 + Math.floor(uniform(SEED, i) * 41));
  const ideal = steps.reduce((sum, one) => sum + one, 0) * STEP_MS / cluster.workers.length / 1000;
  if (faults.length > 0 && ideal < FAULTS_S) {
    throw new Error(
      `Cannot put ${faults.length} faults of ${FAULTS_S} s into ${count} cells, which take ` +
        `${ideal.toFixed(0)} s: give --cells ${Math.ceil(count * FAULTS_S / ideal)} or more`,
    );
  }
  const plain = await plainly(steps, cluster.workers.length);
  const ids: string[] = [];
  const started = performance.now();
  for (const to of steps) ids.push(await cluster.count(to, STEP_MS));
  const coming = faults.map(async (fault) => {
    await pause(fault.at);
    console.log(`${fault.at} s: ${fault.what}`);
    return await fault.come(cluster);
  });
  const jobs = await cluster.ended(ids, (ideal * 3 + 300) * 1000);
  const span = (performance.now() - started) / 1000;
  const own = (await Promise.all(coming)).reduce((sum, one) => sum + one, 0) /
    cluster.workers.length;
  const over = (span / plain - 1) * 100;
  const most = faults.length > 0 ? 20 : 10;
  const of = faults.length > 0
    ? `${count} cells with faults: ${faults.map(({ what }) => what).join(", ")}`
    : `${count} cells, calm`;
  const { once, whole } = await looked(cluster, ids, steps);
  const inCells = jobs.reduce(
    (sum, { started_at, finished_at }) =>
      sum + (Date.parse(finished_at!) - Date.parse(started_at!)) / 1000,
    0,
  );
  console.log(`workers in a cell, each 5 s: ${busy(jobs, span).join(" ")}`);
  const claims = jobs.reduce((sum, { fence }) => sum + fence, 0);
  return [
    {
      of,
      what: "span, over what the same steps took in as many plain loops just before",
      wanted: `at most ${most} % more`,
      measured: `${span.toFixed(1)} s, ${over.toFixed(1)} % over ${plain.toFixed(1)} s ` +
        `(${ideal.toFixed(1)} s on a machine that does nothing else)`,
      holds: over <= most,
    },
    ...(faults.length > 0
      ? [{
        of,
        what:
          "of it the faults' own: workers killed or frozen, and cells that end without a database",
        wanted: "",
        measured: `${own.toFixed(1)} s, ${(100 * own / plain).toFixed(1)} %; the rest is ` +
          `${(span - plain - own).toFixed(1)} s, ${(over - 100 * own / plain).toFixed(1)} %`,
      }]
      : []),
    {
      of,
      what: "the workers' time between cells, of their time in cells",
      wanted: "",
      measured: `${(100 * (span * cluster.workers.length / inCells - 1)).toFixed(1)} %`,
    },
    {
      of,
      what: "cells that succeeded, each once",
      wanted: `${count}`,
      measured: `${once}, by ${claims} claims`,
      holds: once === count,
    },
    {
      of,
      what: "cells whose series are those of an undisturbed run",
      wanted: `${count}`,
      measured: `${whole}`,
      holds: whole === count,
    },
  ];
}

/** Means of the number of cells that were begun and had not ended, each 5 s. */
function busy(jobs: JobRow[], span: number): string[] {
  const spans = jobs.map(({ started_at, finished_at }) =>
    [started_at, finished_at].map((time) => Date.parse(time!) / 1000)
  );
  const first = Math.min(...spans.map(([from]) => from));
  return Array.from({ length: Math.ceil(span / 5) }, (_, i) => {
    const [from, to] = [first + 5 * i, first + 5 * i + 5];
    const inside = spans.reduce(
      (sum, [began, ended]) => sum + Math.max(0, Math.min(to, ended) - Math.max(from, began)),
      0,
    );
    return (inside / 5).toFixed(1);
  });
}

/** Seconds that the steps take without a cluster, dealt to so many processes as a queue would deal them. */
async function plainly(steps: number[], processes: number): Promise<number> {
  const hands = Array.from({ length: processes }, () => ({ sum: 0, cells: [] as number[] }));
  for (const one of steps) {
    const least = hands.reduce((a, b) => b.sum < a.sum ? b : a);
    least.sum += one;
    least.cells.push(one);
  }
  const program = fileURLToPath(import.meta.resolve("./plain.ts"));
  const started = performance.now();
  await Promise.all(hands.map(async ({ cells }) => {
    const args = ["run", "--quiet", program, String(STEP_MS), ...cells.map(String)];
    const { success } = await new Deno.Command(Deno.execPath(), { args }).output();
    if (!success) throw new Error("Cannot time the steps alone");
  }));
  return (performance.now() - started) / 1000;
}

/** How many jobs have ended once, and of how many every point is there. */
async function looked(
  { store }: BenchCluster,
  ids: string[],
  steps: number[],
): Promise<{ once: number; whole: number }> {
  let [once, whole] = [0, 0];
  for (const [i, id] of ids.entries()) {
    const { data } = await store.events.list(id, { limit: 1000 });
    const ends = data.filter(({ type, data }) => type === "state" && data.state === "succeeded");
    if (ends.length === 1) once++;
    const points = await store.db.all<{ step: number; value: number }>(
      "SELECT step, value FROM metrics WHERE job_id = ? ORDER BY step",
      id,
    );
    if (
      points.length === steps[i] && points.every(({ step, value }, n) => step === n && value === n)
    ) {
      whole++;
    }
  }
  return { once, whole };
}
