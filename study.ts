/**
 * `deno task study`: runs the study of `bench/STUDY_PROTOCOL.md` on a server of its own and writes down what it gave, at
 * every part's end and every two minutes. Interrupted, it goes on where it was: cells that are done are not computed
 * again. See `--help`.
 */
import { dirname, join } from "node:path";
import { client } from "@/lib/demo/client.ts";
import { type Experiment, experiment, gathered } from "@/lib/demo/experiment.ts";
import { report, type ReportHead } from "@/lib/demo/experiment_report.ts";
import { METHODS, SEEDS } from "@/lib/demo/protocol.ts";
import { startServer } from "@/lib/demo/server.ts";
import { readOptions } from "@/lib/options.ts";
import { prepareAdapter } from "@/lib/setup/adapter.ts";

const HELP = `deno task study [OPTIONS]
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
  const telling = ["methods", "seeds", "epochs"]
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

/** @returns the exit code */
async function main(): Promise<number> {
  const { values: options } = readOptions("run the study", {
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
  const methods = options.methods?.split(",") ?? METHODS;
  const runs = options.seeds === undefined
    ? SEEDS.length
    : wholeNumber("seeds", options.seeds, [1, 100]);
  const seeds = [...Array(runs).keys()];
  const epochs = options.epochs === undefined
    ? undefined
    : wholeNumber("epochs", options.epochs, [2, 10_000]);
  const out = options.out ?? "bench/STUDY.md";
  const write = (found: Experiment, head: ReportHead) => {
    const { markdown, json, pictures } = report(found, head);
    const folder = join(dirname(out), "study");
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(out, markdown);
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
      adapter: `${adapter.description}${adapter.software ? " (software)" : ""}`,
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
