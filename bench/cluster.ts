/**
 * `deno task bench:cluster`: what a cluster promises beside what was measured, written to `bench/CLUSTER.md`. Two
 * servers without workers of their own on a PostgreSQL and an S3 server that it starts, four workers that know both,
 * and jobs that count instead of training: what is measured is the handing out, the telling and the going on.
 */
import { fileURLToPath } from "node:url";
import { startCluster } from "./cluster/cluster.ts";
import { databaseAway } from "./cluster/away.ts";
import { cells, FAULTS } from "./cluster/cells.ts";
import { newsElsewhere, submitToStart, workerKilled } from "./cluster/times.ts";
import { type Row, tables } from "./reliability/row.ts";
import { optionsOrEnd, wholeNumber } from "@/lib/options.ts";

const HELP = `deno task bench:cluster [OPTIONS]
  --cells N    fake cells of 2 to 6 s (120)
  --only LIST  with commas, of times, calm, faults, away
  --out FILE   bench/CLUSTER.md otherwise`;
const values = optionsOrEnd(HELP, "measure", {
  cells: { type: "string" },
  only: { type: "string" },
  out: { type: "string" },
});
const count = wholeNumber("--cells", values.cells, { otherwise: 120, least: 4, most: 10_000 });
const parts = (values.only ?? "times,calm,faults,away").split(",");
const out = values.out ?? fileURLToPath(new URL("CLUSTER.md", import.meta.url));

const cluster = await startCluster({ workers: 4 });
const rows: Row[] = [];
const add = (...more: Row[]) => {
  for (const { what, measured } of more) console.log(`${what}: ${measured}`);
  rows.push(...more);
};
try {
  if (parts.includes("times")) {
    add(await submitToStart(cluster), await newsElsewhere(cluster));
    add(...await workerKilled(cluster));
  }
  if (parts.includes("calm")) add(...await cells(cluster, count, []));
  if (parts.includes("faults")) add(...await cells(cluster, count, FAULTS));
  if (parts.includes("away")) add(...await databaseAway(cluster, 20));
} finally {
  await cluster.stop();
}
const load = Deno.loadavg().map((one) => one.toFixed(1)).join(", ");
Deno.writeTextFileSync(
  out,
  `# A cluster: promised and measured

By \`deno task bench:cluster\`, on ${navigator.hardwareConcurrency} cores with a load of ${load} at its end, all
processes on this one machine: two servers, four workers, PostgreSQL, s3rver. Jobs count instead of training.

${tables(rows)}`,
);
console.log(tables(rows));
Deno.exit(rows.every(({ holds }) => holds !== false) ? 0 : 1);
