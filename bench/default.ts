/**
 * What a plain start costs, here and in another checkout, in turn: start, memory, reads, the demo. For the promise
 * that users of one machine notice nothing of what is made for many: ratios within one run. Run:
 * `deno task bench:default --against FOLDER`
 */
import { fileURLToPath } from "node:url";
import { client } from "@/lib/demo/client.ts";
import { zipSet } from "@/lib/demo/archive.ts";
import { synthesize } from "@/lib/demo/synthetic.ts";
import { optionsOrEnd, wholeNumber } from "@/lib/options.ts";
import { quantile, timed } from "./load.ts";

const HELP = `deno task bench:default [OPTIONS]
  --against FOLDER  another checkout of the project
  --rounds N        starts of each (5)
  --demos N         whole demos of each (1)`;
const values = optionsOrEnd(HELP, "compare", {
  against: { type: "string" },
  rounds: { type: "string" },
  demos: { type: "string" },
});
if (!values.against) {
  console.error("Cannot compare: --against is needed; see --help");
  Deno.exit(1);
}
const rounds = wholeNumber("--rounds", values.rounds, { otherwise: 5, least: 1, most: 1000 });
const demos = wholeNumber("--demos", values.demos, { otherwise: 1, most: 100 });

const KEY = "bench-key-0123456789abcdef";
const READS = 2_000;
const places = { before: values.against, now: fileURLToPath(new URL("../", import.meta.url)) };
type Place = keyof typeof places;
type Figures = Record<string, number>;

/** What `deno task start` runs there. */
function launch(project: string, data: string, port: number): Deno.ChildProcess {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${project}/deno.json`));
  const command: string = tasks.start.command ?? tasks.start;
  return new Deno.Command(Deno.execPath(), {
    args: command.split(" ").slice(1),
    cwd: project,
    env: { MCGIP_API_KEY: KEY, MCGIP_PORT: String(port), MCGIP_DATA: data, NO_COLOR: "1" },
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The process and all below it. */
function tree(pid: number): number[] {
  const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
  return [pid, ...(children === "" ? [] : children.split(" ").map(Number).flatMap(tree))];
}

/** Processor time that they have used, ms: what else the machine does is not in it. */
function processorTime(pid: number): number {
  const ticks = tree(pid).map((each) => {
    const stat = Deno.readTextFileSync(`/proc/${each}/stat`);
    const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
    return Number(user) + Number(system);
  });
  return ticks.reduce((sum, each) => sum + each, 0) * 10;
}

/** MiB of its own and its share of what several use. */
function memory(pid: number): number {
  const kib = tree(pid).map((each) =>
    Number(/^Pss:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${each}/smaps_rollup`))![1])
  );
  return kib.reduce((sum, each) => sum + each, 0) / 1024;
}

async function measure(project: string, set: Uint8Array<ArrayBuffer>): Promise<Figures> {
  const data = Deno.makeTempDirSync({ prefix: "mcgip_bench_" });
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const started = performance.now();
  const server = launch(project, data, port);
  try {
    for (;;) {
      const response = await fetch(`${url}/readyz`).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.ok) break;
      if (performance.now() - started > 120_000) throw new Error(`${project} does not get ready`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const ready = performance.now() - started;
    const readyTime = processorTime(server.pid);
    const api = client(url, KEY);
    await api.call("PUT", "/v1/datasets/small", set);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const idle = memory(server.pid);
    const headers = { authorization: `Bearer ${KEY}` };
    const paths = ["/v1/datasets/small", "/v1/datasets/small/images?limit=20", "/v1/jobs?limit=20"];
    const times: number[] = [];
    let before = 0;
    for (let i = -200; i < READS; i++) {
      if (i === 0) before = processorTime(server.pid);
      const time = await timed(url + paths[(i + 300) % paths.length], { headers });
      if (i >= 0) times.push(time);
    }
    return {
      "start to ready, ms": ready,
      "start to ready, ms of processor": readyTime,
      "memory of all processes at rest, MiB": idle,
      "a read, ms of processor": (processorTime(server.pid) - before) / READS,
      "a read, one after the other, p50 ms": quantile(times, 0.5),
      "a read, one after the other, p99 ms": quantile(times, 0.99),
    };
  } finally {
    server.kill("SIGTERM");
    await server.status;
    Deno.removeSync(data, { recursive: true });
  }
}

async function demo(project: string): Promise<Figures> {
  const started = performance.now();
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "demo"],
    cwd: project,
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).output();
  if (!success) throw new Error(`The demo of ${project} failed`);
  return { "deno task demo, s": (performance.now() - started) / 1000 };
}

const seen: Record<Place, Figures[]> = { before: [], now: [] };
const set = await zipSet(synthesize({ images: 100, size: 64 }));
/** In turn, each first as often as the other. */
async function inTurn(times: number, run: (project: string) => Promise<Figures>): Promise<void> {
  for (let round = 0; round < times; round++) {
    const order: Place[] = round % 2 ? ["now", "before"] : ["before", "now"];
    for (const place of order) seen[place].push(await run(places[place]));
  }
}
await inTurn(rounds, (project) => measure(project, set));
await inTurn(demos, demo);

const commit = (project: string) =>
  new TextDecoder().decode(
    new Deno.Command("git", { args: ["-C", project, "rev-parse", "--short=12", "HEAD"] })
      .outputSync().stdout,
  ).trim();
const [load] = Deno.loadavg();
console.log(
  `Medians; ${commit(places.before)} and ${
    commit(places.now)
  } in turn, Deno ${Deno.version.deno}, ` +
    `${navigator.hardwareConcurrency} cores, load ${load.toFixed(1)} at the end.\n`,
);
console.log("| what | rounds | before | now | now / before |\n| --- | --- | --- | --- | --- |");
for (const what of new Set(Object.values(seen).flat().flatMap((figures) => Object.keys(figures)))) {
  const of = (place: Place) => seen[place].flatMap((figures) => figures[what] ?? []);
  const [before, now] = [quantile(of("before"), 0.5), quantile(of("now"), 0.5)];
  const cells = [what, of("now").length, before.toPrecision(3), now.toPrecision(3)];
  console.log(`| ${[...cells, (now / before).toFixed(2)].join(" | ")} |`);
}
