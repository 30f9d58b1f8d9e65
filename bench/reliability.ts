/**
 * `deno task bench:reliability`: what the service promises beside what was measured, written to
 * `bench/RELIABILITY.md`. Runs on a server of its own on a loopback address, and runs the attack
 * (`deno task test:attack`) for what cannot be measured but tried.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { run } from "@/tests/attack/content.ts";
import { furnish } from "@/tests/attack/content.ts";
import { Victim } from "@/tests/attack/victim.ts";
import { picture, zipOf } from "@/tests/support/archives.ts";
import { lightReads } from "./reliability/reads.ts";
import { type Content, costOf, largest } from "./reliability/requests.ts";
import { type Row, tables } from "./reliability/row.ts";
import { intoLargeSet, predictionBesideTraining } from "./reliability/single.ts";
import { commitOf } from "@/lib/commit.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const HELP = `deno task bench:reliability [OPTIONS]

  --only PARTS  with commas: requests, reads, single, attack
  --requests X  of the largest requests those alone whose description matches X
  --long        the attack's long way, larger archives, more repetitions: hours
  --seconds N   the most for each scenario of the attack's short way; 120 otherwise
  --rounds X    so many times the attack's usual count
  --out FILE    bench/RELIABILITY.md otherwise`;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string", default: "requests,reads,single,attack" },
    requests: { type: "string", default: "" },
    long: { type: "boolean", default: false },
    rounds: { type: "string", default: "1" },
    seconds: { type: "string", default: "120" },
    out: { type: "string", default: `${root}bench/RELIABILITY.md` },
    help: { type: "boolean", default: false },
  },
});

const LARGE = 10_000;
const MATRIX = 3_000;

const named = (i: number) => `i${String(i).padStart(5, "0")}`;

/** Pictures of 16 x 16 with labels, patients and the gaze of one reader. */
function set(count: number): Promise<Uint8Array<ArrayBuffer>> {
  const files: Record<string, string | Uint8Array> = {};
  let labels = "image,label,patient\n";
  let gaze = "image,reader,x,y,duration_ms\n";
  for (let i = 0; i < count; i++) {
    const name = named(i);
    files[`images/${name}.png`] = picture(16, 16, i);
    labels += `${name},${"ab"[i % 2]},p${i >> 1}\n`;
    for (let k = 1; k <= 6; k++) gaze += `${name},r1,${(i * k) % 16},${(i + k) % 16},${200 + k}\n`;
  }
  return zipOf({ ...files, "labels.csv": labels, "gaze/all.csv": gaze });
}

async function prepare(victim: Victim): Promise<Content & { job: string }> {
  const { model, job } = await furnish(victim);
  for (const [name, count] of [["large", LARGE], ["mid", MATRIX]] as const) {
    const body = await set(count);
    const answer = await victim.fetch(`/v1/datasets/${name}`, {
      ...{ method: "PUT", body, signal: AbortSignal.timeout(600_000) },
    });
    if (!answer.ok) throw new Error(`Cannot prepare: ${answer.status} ${await answer.text()}`);
    await answer.body?.cancel();
  }
  const { result, error } = await run(victim, {
    kind: "similarity",
    dataset: "mid",
    measure: "moments",
  });
  if (!result) throw new Error(`Cannot prepare: ${error}`);
  return { model, job, similarity: result.similarity, large: LARGE };
}

interface Tried {
  name: string;
  unit: string;
  tries: number;
  harms: { what: string }[];
  notes: string[];
  skipped: string | null;
}

/** The attack, as rows. */
async function attacked(): Promise<Row[]> {
  const out = Deno.makeTempFileSync({ prefix: "mcgip_bench_" });
  try {
    await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--config=tests/deno.json", "tests/attack/attack.ts", "--out", out],
        ...[
          "--rounds",
          values.rounds,
          ...(values.long ? ["--long"] : ["--seconds", values.seconds]),
        ],
      ],
      cwd: root,
    }).spawn().status;
    const tried: Tried[] = JSON.parse(Deno.readTextFileSync(out));
    return tried.map(({ unit, tries, harms, notes, skipped }) => ({
      of: "The attack (`deno task test:attack`)",
      what: `${unit} that did harm`,
      wanted: "0",
      measured: skipped !== null
        ? `skipped: ${skipped}`
        : `${harms.length} of ${tries}; ${[...notes, ...harms.map(({ what }) => what)].join("; ")}`,
      holds: skipped !== null ? undefined : harms.length === 0,
    }));
  } finally {
    Deno.removeSync(out);
  }
}

if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}
const parts = new Set(values.only.split(","));
const began = performance.now();
const rows: Row[] = [];
const told = (...made: Row[]) => {
  for (const row of made) {
    console.log(
      `${row.holds === false ? "NO " : "   "} ${row.what}: ${row.measured.slice(0, 200)}`,
    );
    rows.push(row);
    // As far as it has come: what ends it early leaves what it found.
    write();
  }
};
/** Writes the table; how many promises were held. */
function write(): string {
  const minutes = ((performance.now() - began) / 60_000).toFixed(0);
  const held = rows.filter(({ holds }) => holds).length;
  const promised = rows.filter(({ holds }) => holds !== undefined).length;
  Deno.writeTextFileSync(
    values.out,
    `# What is promised, and what was measured

\`${["deno task bench:reliability", ...Deno.args].join(" ")}\`, ${minutes} minutes, at ${
      commitOf(root) ?? "an unknown commit"
    }, Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores, load ${first} at the beginning and ${load()} at the end. **${held} of ${promised} promises held.**

Times are upper bounds: whatever else the machine did is in them. "Busy" is processor time that the
main thread used between a question to \`/healthz\` and its answer, so other work of the machine is not
in it; "an answer took" is the time that passed. Memory is what the API process grew by, threads
included, from a fresh start. Beside a rate of requests stands what a server of nothing took at the
same rate in the same minute.

${tables(rows)}`,
  );
  return `${held} of ${promised}`;
}
const load = () => Deno.loadavg()[0].toFixed(1);
const first = load();
const data = Deno.makeTempDirSync({ prefix: "mcgip_bench_" });
try {
  if (["requests", "reads", "single"].some((part) => parts.has(part))) {
    const victim = await Victim.start({ data });
    try {
      const content = await prepare(victim);
      const times = values.long ? 50 : 15;
      if (parts.has("reads")) {
        await lightReads(victim, content, { long: values.long, job: content.job, told });
      }
      if (parts.has("single")) {
        told(await predictionBesideTraining(victim, content, times));
        told(...await intoLargeSet(victim, content, times));
      }
      const asked = new RegExp(values.requests);
      const requests = parts.has("requests") ? largest(values.long) : [];
      for (const large of requests.filter(({ what }) => asked.test(what))) {
        // What the one before has left in the heap is not to hide what this one takes.
        await victim.end();
        await victim.start();
        await victim.ready(120_000);
        told(await costOf(victim, large, content));
      }
    } finally {
      await victim.end();
    }
  }
  if (parts.has("attack")) told(...await attacked());
} finally {
  Deno.removeSync(data, { recursive: true });
}
console.log(`${write()} promises held`);
