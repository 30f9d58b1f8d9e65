/**
 * `deno task bench:cluster`: what a cluster promises beside what was measured, written to `bench/CLUSTER.md`. Two
 * servers without workers of their own on a PostgreSQL and an S3 server that it starts, four workers that know both,
 * and jobs that count instead of training: what is measured is the handing out, the telling and the going on. Parts
 * that were measured at other times stay in the table, each with its commit and load (`bench/CLUSTER.json`).
 */
import { fileURLToPath } from "node:url";
import { commitOf } from "@/lib/commit.ts";
import { optionsOrEnd, wholeNumber } from "@/lib/options.ts";
import { databaseAway } from "./cluster/away.ts";
import { cells, FAULTS } from "./cluster/cells.ts";
import { largeCheckpoint } from "./cluster/checkpoint.ts";
import { type BenchCluster, startCluster } from "./cluster/cluster.ts";
import { idleWorkers } from "./cluster/idle.ts";
import { modulesOfAStart } from "./cluster/modules.ts";
import { readsOnBoth } from "./cluster/reads.ts";
import { codeAt, readRecord, report, writeRecord } from "./cluster/record.ts";
import { reporting } from "./cluster/reporting.ts";
import { claimLost, newsElsewhere, submitToStart, workerKilled } from "./cluster/times.ts";
import type { Row } from "./reliability/row.ts";

/** Minutes that each takes, and what it does; those that need the cluster are next to each other. */
const PARTS: Record<
  string,
  { minutes: number; about: string; run(need: () => Promise<BenchCluster>): Promise<Row[]> }
> = {
  times: {
    minutes: 3,
    about: "submit to start, news, kills, lost claims",
    async run(need) {
      const cluster = await need();
      return [
        await submitToStart(cluster),
        await newsElsewhere(cluster),
        ...await workerKilled(cluster),
        await claimLost(cluster),
      ];
    },
  },
  calm: {
    minutes: 4.5,
    about: "the cells",
    run: async (need) => await cells(await need(), count, []),
  },
  faults: {
    minutes: 5,
    about: "the cells with five faults",
    run: async (need) => await cells(await need(), count, FAULTS),
  },
  away: {
    minutes: 1.5,
    about: "PostgreSQL away for 20 s",
    run: async (need) => await databaseAway(await need(), 20),
  },
  reads: { minutes: 2, about: "light reads on SQLite and PostgreSQL", run: readsOnBoth },
  reporting: { minutes: 1, about: "16 jobs that report, on both", run: reporting },
  idle: { minutes: 2, about: "64 workers without work, on both", run: idleWorkers },
  checkpoint: { minutes: 2, about: "0.4 GB to the bucket", run: largeCheckpoint },
  default: { minutes: 0.1, about: "what a start without a cluster loads", run: modulesOfAStart },
};

const HELP = `deno task bench:cluster [OPTIONS]
  --cells N    fake cells of 2 to 6 s (120, at which the faults fit in)
  --only LIST  with commas, of:
${
  Object.entries(PARTS).map(([name, { minutes, about }]) =>
    `               ${name.padEnd(11)} ${about} (${minutes} minutes)`
  ).join("\n")
}
  --out FILE   bench/CLUSTER.md otherwise; what it is made of goes into a file .json beside it`;
const values = optionsOrEnd(HELP, "measure", {
  cells: { type: "string" },
  only: { type: "string" },
  out: { type: "string" },
});

const count = wholeNumber("--cells", values.cells, { otherwise: 120, least: 4, most: 10_000 });
const parts = values.only?.split(",") ?? Object.keys(PARTS);
for (const part of parts) {
  if (!Object.hasOwn(PARTS, part)) {
    console.error(
      `Cannot measure "${part}": --only takes ${Object.keys(PARTS).join(", ")}; see --help`,
    );
    Deno.exit(1);
  }
}
const out = values.out ?? fileURLToPath(new URL("CLUSTER.md", import.meta.url));
const recorded = out.replace(/(\.md)?$/, ".json");

const root = fileURLToPath(new URL("..", import.meta.url));
const load = () => Deno.loadavg()[0].toFixed(1);
const order = Object.keys(PARTS);
const record = readRecord(recorded);
const rows: Row[] = [];
let cluster: Promise<BenchCluster> | undefined;
try {
  for (const part of order.filter((part) => parts.includes(part))) {
    const [before, began, commit] = [load(), performance.now(), commitOf(root)];
    const measured = await PARTS[part].run(() => cluster ??= startCluster({ workers: 4 }));
    const minutes = ((performance.now() - began) / 60_000).toFixed(1);
    // A server that starts again has the version of the files; workers of another are not taken.
    if (commitOf(root) !== commit) {
      throw new Error("Cannot measure: the checkout was changed meanwhile; leave it as it is");
    }
    for (const { what, measured: found, holds } of measured) {
      console.log(`${holds === false ? "NO " : "   "}${what}: ${found}`);
    }
    rows.push(...measured);
    record[part] = {
      how: `At ${codeAt(root) ?? "an unknown commit"}, in ${minutes} minutes, with a load of ` +
        `${before} before and ${load()} after it.`,
      rows: measured,
    };
  }
} finally {
  await (await cluster)?.stop();
  // As far as it has come; only now, since a file that changes makes another version of the program.
  writeRecord(recorded, record, order);
  Deno.writeTextFileSync(out, report(record, order));
}
Deno.exit(rows.every(({ holds }) => holds !== false) ? 0 : 1);
