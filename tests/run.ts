/**
 * The test command: `deno task test [WORD ...]`, only files whose path holds one of the words when given.
 *
 * A file set is a folder of tests/. Sets that neither open the GPU nor start a server run side by side,
 * the others one after the other. A software driver aborts about one process in seventy at its very end,
 * after every test has passed: a set of GPU tests that ends with 134 *after* its full summary is run once
 * again, and that is said. Nothing else is ever retried.
 */
import { dirname } from "node:path";
import { prepareAdapter } from "@/lib/setup/adapter.ts";
import { projectFiles, reach, root } from "./support/imports.ts";

interface FileSet {
  name: string;
  files: string[];
  /** Opens a device in the test process itself. */
  gpu: boolean;
  /** Needs the machine for itself. */
  alone: boolean;
}

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  /** False when the process ended otherwise than with 0, or without a summary. */
  good: boolean;
}

const LIMIT_MINUTES = 20;
/** A test that loads one of these starts a server, whose processes use the GPU, not the test. */
const SERVERS = ["tests/support/server.ts", "lib/demo/server.ts"];
const SUMMARY =
  /^(?:ok|FAILED) \| (\d+) passed.*?\| (\d+) failed(?:.*?\| (\d+) ignored)?.*\(\S.*\)\s*$/m;

/** The counts of the line that ends a complete run; undefined when the process did not come that far. */
export function readSummary(text: string) {
  const counts = SUMMARY.exec(text);
  if (!counts) return undefined;
  const [passed, failed, skipped] = counts.slice(1, 4).map((count) => Number(count ?? 0));
  return { passed, failed, skipped };
}

/** The one case in which a set is run a second time. */
export function mayRunAgain(set: { gpu: boolean }, code: number, text: string): boolean {
  return set.gpu && code === 134 && readSummary(text)?.failed === 0;
}

function fileSets(words: string[]): FileSet[] {
  const sets = new Map<string, FileSet>();
  for (const file of projectFiles("_test.ts").filter((file) => file.startsWith("tests/"))) {
    if (words.length > 0 && !words.some((word) => file.includes(word))) continue;
    const reached = reach(file);
    const server = SERVERS.some((starter) => reached.has(starter));
    const gpu = reached.has("gpu/device.ts") && !server;
    const alone = gpu || server;
    const name = `${dirname(file)}${gpu ? " (GPU)" : alone ? " (server)" : ""}`;
    const set = sets.get(name) ?? { name, files: [], gpu, alone };
    set.files.push(file);
    sets.set(name, set);
  }
  return [...sets.values()];
}

/** Runs one set in one process; prints one line, and the whole output of a set that failed. */
async function runSet(set: FileSet): Promise<Outcome> {
  const started = performance.now();
  let { code, text } = await runProcess(set);
  let note = "";
  if (mayRunAgain(set, code, text)) {
    note = "; run again: the process had aborted (134) after its full summary";
    ({ code, text } = await runProcess(set));
  }
  const counts = readSummary(text);
  const { passed, failed, skipped } = counts ?? { passed: 0, failed: 0, skipped: 0 };
  const good = code === 0 && counts !== undefined && failed === 0;
  if (!good) console.log(`\n${text}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${good ? "ok    " : "FAILED"} ${set.name.padEnd(26)} ${String(passed).padStart(5)} passed, ` +
      `${failed} failed, ${skipped} skipped ${seconds.padStart(7)} s${
        good ? "" : `, exit ${code}`
      }${note}`,
  );
  return { passed, failed: good ? 0 : Math.max(1, failed), skipped, good };
}

async function runProcess(set: FileSet): Promise<{ code: number; text: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--frozen", "--config=tests/deno.json", ...set.files],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MINUTES * 60_000);
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.status,
  ]);
  clearTimeout(timer);
  const text = `${stdout}\n${stderr}`.trim();
  const late = status.signal === "SIGKILL" ? `\nended after ${LIMIT_MINUTES} minutes` : "";
  return { code: status.code, text: text + late };
}

async function runAll(sets: FileSet[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const beside = sets.filter((set) => !set.alone);
  const lanes = Array.from({ length: Math.max(1, navigator.hardwareConcurrency) }, async () => {
    for (let set = beside.shift(); set; set = beside.shift()) outcomes.push(await runSet(set));
  });
  await Promise.all(lanes);
  for (const set of sets.filter((set) => set.alone)) outcomes.push(await runSet(set));
  return outcomes;
}

const HELP = `deno task test [WORD ...]
Tests whose path holds one of the words; all without.
  -h, --help    prints this and leaves`;

if (import.meta.main) {
  const option = Deno.args.find((arg) => arg.startsWith("-"));
  if (option === "-h" || option === "--help") {
    console.log(HELP);
    Deno.exit(0);
  }
  if (option !== undefined) {
    console.error(`Cannot test: unknown option '${option}'; see --help`);
    Deno.exit(1);
  }
  const started = performance.now();
  const adapter = await prepareAdapter();
  if (!adapter) console.log("Without an adapter, every test that computes on the GPU will fail.");
  else console.log(`adapter: ${adapter.description || adapter.vendor}`);
  const sets = fileSets(Deno.args);
  if (sets.length === 0) {
    console.error(`Cannot test: no test file has [${Deno.args.join(", ")}] in its path`);
    Deno.exit(1);
  }
  const outcomes = await runAll(sets);
  const total = (key: "passed" | "failed" | "skipped") =>
    outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
  console.log(`\n${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
  console.log(`${total("passed")} passed, ${total("failed")} failed, ${total("skipped")} skipped`);
  Deno.exit(outcomes.every((outcome) => outcome.good) ? 0 : 1);
}
