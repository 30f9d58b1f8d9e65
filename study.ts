/**
 * `deno task study`: runs the study of `bench/STUDY_PROTOCOL.md` on a server of its own and writes down what it gave, at
 * every part's end and every two minutes. Interrupted, it goes on where it was: cells that are done are not computed
 * again. See `--help`.
 */
import { dirname, join } from "node:path";
import { additionReport } from "@/lib/demo/addition_report.ts";
import { type AdditionFound, gatheredAddition, runAddition } from "@/lib/demo/addition_runs.ts";
import { ADDITIONS, additions } from "@/lib/demo/additions.ts";
import { client } from "@/lib/demo/client.ts";
import { type Experiment, experiment, gathered } from "@/lib/demo/experiment.ts";
import { report, type ReportHead } from "@/lib/demo/experiment_report.ts";
import { METHODS, SEEDS } from "@/lib/demo/protocol.ts";
import { keepingSections, withSection } from "@/lib/demo/report_sections.ts";
import { startServer } from "@/lib/demo/server.ts";
import { readOptions } from "@/lib/options.ts";
import { prepareAdapter } from "@/lib/setup/adapter.ts";

const HELP = `deno task study [OPTIONS]
  --only NAME      one of the protocol's additions, ${
  ADDITIONS.join(" or ")
}: its section of the report
  --start PATH     a file of weights to start from, instead of a network trained on made-up shapes
  --methods LIST   of ${METHODS} (all)
  --seeds N        runs of each cell (${SEEDS.length})
  --epochs N       of pre-training, instead of those that are fixed: for a closer look
  --report         runs nothing: writes what the data directory holds
  --json FILE      runs nothing: writes the report of such a file anew
  --into FOLDER    data directory, kept: a second call goes on in it (study-data)
  --out FILE       where the report goes, its JSON beside it and its pictures in study/ (bench/STUDY.md)
  -h, --help       prints this and leaves`;

/** The call that gives these figures anywhere: without the places of one machine. */
function commandOf(options: Record<string, string | boolean | undefined>): string {
  const telling = ["only", "methods", "seeds", "epochs"]
    .flatMap((name) => options[name] === undefined ? [] : [`--${name} ${options[name]}`]);
  return ["deno task study", ...telling, ...(options.start ? ["--start PATH"] : [])].join(" ");
}

function wholeNumber(name: string, given: string, [least, most]: [number, number]): number {
  const value = Number(given);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(
    `Cannot take ${given} ${name}: a whole number from ${least} to ${most} is needed`,
  );
}

const numbersBelow = (count: number) => [...Array(count).keys()];
const adapterText = ({ description, software }: { description: string; software: boolean }) =>
  `${description}${software ? " (software)" : ""}`;

/** Where pictures and numbers go, beside the report. */
function folderOf(out: string): string {
  const folder = join(dirname(out), "study");
  Deno.mkdirSync(folder, { recursive: true });
  return folder;
}

/** What a report holds already; nothing where there is none. */
function textOf(out: string): string {
  try {
    return Deno.readTextFileSync(out);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Options that say what of the main study is run. */
const MAIN_ALONE = ["start", "methods", "epochs"] as const;

/**
 * An addition to the protocol, by itself.
 * @returns the exit code
 */
async function runOnly(
  given: string,
  options: { out: string } & Record<string, string | boolean | undefined>,
): Promise<number> {
  const name = ADDITIONS.find((one) => one === given);
  if (!name) throw new Error(`Cannot run "${given}" only: there is ${ADDITIONS.join(", ")}`);
  for (const option of MAIN_ALONE) {
    if (options[option] === undefined) continue;
    throw new Error(`Cannot take --${option} with --only: the protocol's addition fixes it`);
  }
  const { out } = options;
  const seeds = options.seeds === undefined
    ? additions[name].seeds
    : numbersBelow(wholeNumber("seeds", String(options.seeds), [1, 100]));
  const write = (found: AdditionFound, head: Parameters<typeof additionReport>[1]) => {
    const { markdown, json } = additionReport(found, head);
    Deno.writeTextFileSync(join(folderOf(out), `${name}.json`), json);
    Deno.writeTextFileSync(out, withSection(textOf(out), name, markdown));
  };
  if (options.json !== undefined) {
    const known = JSON.parse(Deno.readTextFileSync(String(options.json)));
    if (known.name !== name) {
      throw new Error(`Cannot report "${name}": the file is of "${known.name}"`);
    }
    write(known, known);
    return 0;
  }
  const adapter = await prepareAdapter();
  if (!adapter) return 1;
  const told = (found: AdditionFound) =>
    write(found, {
      date: new Date().toISOString(),
      adapter: adapterText(adapter),
      ...{ command: commandOf(options), seeds },
    });
  const server = await startServer(String(options.into ?? "study-data"));
  try {
    const api = client(server.url, server.key);
    const found = options.report
      ? await gatheredAddition(api, name)
      : await runAddition(api, name, { seeds, onNews: told });
    if (!found) throw new Error(`Cannot report: the data directory holds nothing of "${name}"`);
    told(found);
    console.log(`\nwritten to ${out}`);
  } finally {
    await server.stop();
  }
  return 0;
}

/** @returns the exit code */
async function main(): Promise<number> {
  const { values: options } = readOptions("run the study", {
    only: { type: "string" },
    start: { type: "string" },
    methods: { type: "string" },
    seeds: { type: "string" },
    epochs: { type: "string" },
    report: { type: "boolean", default: false },
    json: { type: "string" },
    into: { type: "string" },
    out: { type: "string" },
  }, Deno.args);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const out = options.out ?? "bench/STUDY.md";
  if (options.only !== undefined) return await runOnly(options.only, { ...options, out });
  const methods = options.methods?.split(",") ?? METHODS;
  const runs = options.seeds === undefined
    ? SEEDS.length
    : wholeNumber("seeds", options.seeds, [1, 100]);
  const seeds = numbersBelow(runs);
  const epochs = options.epochs === undefined
    ? undefined
    : wholeNumber("epochs", options.epochs, [2, 10_000]);
  const write = (found: Experiment, head: ReportHead) => {
    const { markdown, json, pictures } = report(found, head);
    const folder = folderOf(out);
    Deno.writeTextFileSync(out, keepingSections(markdown, textOf(out)));
    Deno.writeTextFileSync(out.replace(/(\.md)?$/, ".json"), json);
    for (const [name, text] of pictures) Deno.writeTextFileSync(join(folder, name), text);
  };
  if (options.json !== undefined) {
    const known = JSON.parse(Deno.readTextFileSync(options.json));
    write(known as Experiment, known as ReportHead);
    return 0;
  }
  const adapter = await prepareAdapter();
  if (!adapter) return 1;
  const told = (found: Experiment) =>
    write(found, {
      date: new Date().toISOString(),
      adapter: adapterText(adapter),
      command: commandOf(options),
      ...{ methods, seeds, epochs },
    });
  const server = await startServer(options.into ?? "study-data");
  try {
    const api = client(server.url, server.key);
    const found = options.report
      ? await gathered(api)
      : await experiment(api, { methods, seeds, epochs, start: options.start, onNews: told });
    if (!found) throw new Error("Cannot report: the data directory holds no study of the protocol");
    told(found);
    console.log(`\nwritten to ${out}`);
  } finally {
    await server.stop();
  }
  return 0;
}

try {
  Deno.exit(await main());
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
