/** The database goes away for a while, under jobs that run. */
import { until } from "@/tests/support/server.ts";
import type { Row } from "../reliability/row.ts";
import type { BenchCluster } from "./cluster.ts";

export async function databaseAway(cluster: BenchCluster, seconds: number): Promise<Row[]> {
  const { servers, postgres } = cluster;
  const of = `PostgreSQL away for ${seconds} s`;
  const ids: string[] = [];
  for (const _ of cluster.workers) ids.push(await cluster.count(600, 100));
  const progress = async () => (await cluster.jobs(ids)).map(({ progress }) => progress.done);
  await until(
    async () => (await progress()).every((done) => done > 30),
    120_000,
    async () => `${await progress()}\n${await cluster.told()}`,
  );
  postgres.kill("SIGKILL");
  await postgres.ended();
  const gone = performance.now();
  const statuses: string[] = [];
  while (performance.now() - gone < seconds * 1000) {
    for (const server of servers) {
      const response = await server.fetch("/v1/datasets");
      statuses.push(`${response.status} ${response.headers.get("retry-after") ?? "at once"}`);
      await response.body?.cancel();
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await postgres.start();
  const back = performance.now();
  for (const server of servers) {
    await until(async () => {
      const response = await server.fetch("/v1/datasets").catch(() => undefined);
      await response?.body?.cancel();
      return response?.ok ?? false;
    }, 60_000);
  }
  const late = (performance.now() - back) / 1000;
  const jobs = await cluster.ended(ids, 300_000);
  const failed = jobs.filter(({ state }) => state !== "succeeded").length;
  const moved = jobs.filter(({ fence }) => fence > 1).length;
  const answers = [...new Set(statuses)];
  return [
    {
      of,
      what: "jobs that failed, of those that ran",
      wanted: "0",
      measured: `${failed} of ${jobs.length}; ${moved} were taken up anew`,
      holds: failed === 0,
    },
    {
      of,
      what: "answers meanwhile, with Retry-After",
      wanted: "503 with it",
      measured: answers.join(", "),
      holds: answers.every((answer) => /^503 \d+$/.test(answer)),
    },
    {
      of,
      what: "answers again after it is back",
      wanted: "at most 5 s",
      measured: `${late.toFixed(1)} s`,
      holds: late <= 5,
    },
  ];
}
