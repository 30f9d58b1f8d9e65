/**
 * `deno task demo`: starts a server of its own and goes the whole way over HTTP, on a synthetic set or on a
 * folder of yours. See `--help`.
 */
import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { zipSet } from "@/lib/demo/archive.ts";
import { client } from "@/lib/demo/client.ts";
import { readFolder } from "@/lib/demo/folder.ts";
import { startServer } from "@/lib/demo/server.ts";
import { SIZES, tellStory } from "@/lib/demo/walkthrough.ts";
import { DEFAULTS, synthesize } from "@/lib/demo/synthetic.ts";
import { readOptions, wholeNumber } from "@/lib/options.ts";
import { prepareAdapter } from "@/lib/setup/adapter.ts";

const OWN_DATA = "demo-data";

const HELP = `deno task demo [OPTIONS]
  --data FOLDER     use this folder (pictures and fixations.csv) instead of a synthetic set
  --label COLUMN    the column of labels.csv or fixations.csv that holds the label
  --write FILE.zip  only write the data set as a ZIP that the server takes, and leave
  --images N        synthetic: number of images (${DEFAULTS.images})
  --size PX         synthetic: width of an image (${DEFAULTS.size})
  --seed N          synthetic: another seed, another set (${DEFAULTS.seed})
  --control         synthetic: gaze independent of the label
  --into FOLDER     data directory to make (demo-data, which is emptied first)
  --keep            leave the server up until Ctrl+C
  -h, --help        prints this and leaves`;

const OPTIONS = {
  data: { type: "string" },
  label: { type: "string" },
  write: { type: "string" },
  images: { type: "string" },
  size: { type: "string" },
  seed: { type: "string" },
  control: { type: "boolean" },
  into: { type: "string" },
  keep: { type: "boolean" },
} as const;

/** @returns the exit code */
async function main(): Promise<number> {
  const { values: options } = readOptions("run the demo", OPTIONS, Deno.args);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const { images, size, seed, control } = options;
  if (options.data && (images ?? size ?? seed ?? control) !== undefined) {
    throw new Error(
      "Cannot use --data with --images, --size, --seed or --control: these make a set",
    );
  }
  const started = performance.now();
  const set = options.data ? readFolder(options.data, { label: options.label }) : synthesize({
    images: wholeNumber("--images", images, { otherwise: DEFAULTS.images, least: 4, most: 20_000 }),
    size: wholeNumber("--size", size, { otherwise: DEFAULTS.size, least: 16, most: 2048 }),
    seed: wholeNumber("--seed", seed, { otherwise: DEFAULTS.seed, most: 2 ** 32 - 1 }),
    control: control ?? false,
  });
  const archive = await zipSet(set);
  const classes = Map.groupBy(set.images, (image) => image.label);
  const counts = [...classes].map(([label, images]) => `${images.length} ${label}`).join(", ");
  console.log(`McGIP demo: ${set.images.length} images (${counts})`);
  if (options.write) {
    writeArchive(options.write, archive);
    console.log(`wrote ${options.write}`);
    return 0;
  }

  const adapter = await prepareAdapter();
  if (!adapter) return 1;
  console.log(`adapter: ${adapter.description}${adapter.software ? " (software: no GPU)" : ""}\n`);
  const stopped = interrupted();
  const dataDir = makeDataDir(options.into);
  const server = await startServer(dataDir);
  try {
    const story = tellStory(client(server.url, server.key), {
      name: options.data ? basename(resolve(options.data)) : "synthetic",
      archive,
      measure: set.structured ? "dhash" : "multimatch",
      sizes: SIZES,
    });
    await Promise.race([story, stopped.then(() => Promise.reject(new Error("interrupted")))]);
    console.log(`\n${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
    if (options.keep) {
      console.log(`dashboard: ${server.url}/   key: ${server.key}   (Ctrl+C ends the server)`);
      await Promise.race([stopped, server.ended]);
    } else {
      console.log(
        "dashboard: http://127.0.0.1:8000/ with the key below, once this runs:\n" +
          `MCGIP_DATA=${dataDir} MCGIP_API_KEY=${server.key} deno task start`,
      );
    }
  } finally {
    await server.stop();
  }
  return 0;
}

/** @throws {Error} that says what is in the way of the file */
function writeArchive(path: string, archive: Uint8Array): void {
  try {
    Deno.writeFileSync(path, archive);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? `there is no folder ${dirname(resolve(path))}`
      : existsSync(path) && Deno.statSync(path).isDirectory
      ? "it is a folder; name a file in it"
      : error instanceof Deno.errors.PermissionDenied
      ? "it may not be written"
      : (error as Error).message;
    throw new Error(`Cannot write ${path}: ${why}`);
  }
}

/** The default one is the demo's own and starts empty; one that is named must not be there yet. */
function makeDataDir(named?: string): string {
  if (named !== undefined && existsSync(named)) {
    throw new Error(`Cannot use ${named}: it exists, and --into makes a new folder; name another`);
  }
  if (named !== undefined) Deno.mkdirSync(named);
  else if (existsSync(OWN_DATA)) Deno.removeSync(OWN_DATA, { recursive: true });
  return named ?? OWN_DATA;
}

/** Ctrl+C: the server still ends in order. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => Deno.addSignalListener("SIGINT", () => resolve()));
}

try {
  Deno.exit(await main());
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
