/**
 * `deno task study`: runs the experiment of `lib/demo/experiment.ts` on a server of its own and writes the tables
 * down. Interrupted, it goes on where it was: cells that are done are not computed again. See `--help`.
 */
import { client } from "@/lib/demo/client.ts";
import { earlier, type Experiment, experiment, METHODS, SEEDS } from "@/lib/demo/experiment.ts";
import { report } from "@/lib/demo/experiment_report.ts";
import { startServer } from "@/lib/demo/server.ts";
import { readOptions } from "@/lib/options.ts";
import { prepareAdapter } from "@/lib/setup/adapter.ts";

const HELP = `deno task study [OPTIONS]
  --methods LIST   of ${METHODS} (all)
  --seeds N        runs of each cell (${SEEDS.length})
  --set NAME       informative, control or both (both)
  --epochs N       of pre-training, instead of those that are fixed: for a closer look
  --report         runs nothing: writes what the data directory holds
  --into FOLDER    data directory, kept: a second call goes on in it (study-data)
  --out FILE       where the tables go (bench/STUDY.md)
  -h, --help       prints this and leaves`;

/** The call that gives these figures anywhere: without the places of one machine. */
function commandOf(options: Record<string, string | boolean | undefined>): string {
  const telling = ["methods", "seeds", "set", "epochs"]
    .flatMap((name) => options[name] === undefined ? [] : [`--${name} ${options[name]}`]);
  return ["deno task study", ...telling].join(" ");
}

/** @returns the exit code */
async function main(): Promise<number> {
  const { values: options } = readOptions("run the study", {
    methods: { type: "string" },
    seeds: { type: "string" },
    set: { type: "string" },
    epochs: { type: "string" },
    report: { type: "boolean", default: false },
    into: { type: "string" },
    out: { type: "string" },
  }, Deno.args);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const methods = options.methods?.split(",") ?? METHODS;
  const runs = Number(options.seeds ?? SEEDS.length);
  if (!(Number.isInteger(runs) && runs >= 1 && runs <= 100)) {
    throw new Error(`Cannot run ${options.seeds} seeds: a whole number from 1 to 100 is needed`);
  }
  const epochs = options.epochs === undefined ? undefined : Number(options.epochs);
  if (epochs !== undefined && !(Number.isInteger(epochs) && epochs >= 4 && epochs <= 10000)) {
    throw new Error(`Cannot train ${options.epochs} epochs: a whole number from 4 is needed`);
  }
  const seeds = [...Array(runs).keys()];
  const set = options.set ?? "both";
  if (!["informative", "control", "both"].includes(set)) {
    throw new Error(`Cannot use --set ${set}: informative, control or both is needed`);
  }
  const adapter = await prepareAdapter();
  if (!adapter) return 1;
  const server = await startServer(options.into ?? "study-data");
  try {
    const api = client(server.url, server.key);
    const done: Experiment[] = [];
    for (const control of [false, true]) {
      if (set !== "both" && (set === "control") !== control) continue;
      const made = options.report
        ? await earlier(api, control)
        : await experiment(api, { methods, seeds, control, epochs });
      if (made) done.push(made);
    }
    if (done.length === 0) {
      throw new Error("Cannot report: the data directory holds no ended study");
    }
    const text = report(done, {
      date: new Date().toISOString(),
      adapter: `${adapter.description}${adapter.software ? " (software)" : ""}`,
      epochs,
      command: commandOf(options),
    });
    const out = options.out ?? "bench/STUDY.md";
    Deno.writeTextFileSync(out, text);
    console.log(`\n${text}\nwritten to ${out}`);
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
