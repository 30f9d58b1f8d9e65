/** `deno task worker`: gives a worker beside the server's own its few permissions, and starts it again when it dies. */
import { existsSync } from "node:fs";
import { type clusterVariables, readCluster } from "./cluster_settings.ts";
import { type Config, dataDirectory } from "./config.ts";
import { logger } from "./log.ts";
import { readOptions } from "./options.ts";
import { workerArguments } from "./permissions.ts";

const DATABASE = "mcgip.db";

/** What `--help` prints. */
export const workerHelp = `deno task worker [OPTIONS]
A GPU worker beside the server's own, on the jobs of a data directory that a server has made.
  --data FOLDER   the data directory (MCGIP_DATA, ./data)
  -h, --help      prints this and leaves
It ends, after saving what it runs, by SIGTERM, SIGINT or SIGHUP. On a database and a bucket that servers
share it needs MCGIP_DATABASE and MCGIP_FILES as they do (deno task start --help).`;

/**
 * What the command line and the environment say; null where help is asked for.
 * @throws {Error} for an option that does not exist, and for a data directory that no server has made
 */
export function readWorker(
  env: (name: "MCGIP_DATA" | (typeof clusterVariables)[number]) => string | undefined,
  args: string[],
): Pick<Config, "data" | "cluster"> | null {
  const { values } = readOptions("start a worker", { data: { type: "string" } }, args);
  if (values.help) return null;
  const data = dataDirectory(values.data || env("MCGIP_DATA"));
  const cluster = readCluster(env);
  if (!cluster && !existsSync(`${data}/${DATABASE}`)) {
    throw new Error(
      `Cannot start a worker on ${data}: it holds no ${DATABASE}. The server makes it: run deno task start with ` +
        "this data directory first, or name another by --data or MCGIP_DATA",
    );
  }
  return { data, cluster };
}

/** Before a worker that ended is started again, ms; doubled each time that it did not last. */
const BACKOFF_MS = 250;
const MOST_BACKOFF_MS = 10_000;
/** One that ran for so long, ms, is taken for sound. */
const LASTED_MS = 30_000;

/** Runs a worker on the jobs of a data directory until it is asked to leave. */
export async function launchWorker(
  { data, cluster }: Pick<Config, "data" | "cluster">,
): Promise<never> {
  // A worker that is started again has its name still, and takes up what it ran at once.
  const args = [
    ...workerArguments({ data, cluster, alone: true }),
    `worker-${crypto.randomUUID()}`,
    "alone",
  ];
  const log = logger("text");
  log(`A worker serves the jobs of ${data}${cluster ? " and of the database that is shared" : ""}`);
  let child: Deno.ChildProcess | undefined;
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (!asked) log(`The worker was asked to leave (${signal})`);
      asked = true;
      child?.kill("SIGTERM");
    });
  }
  for (let backoff = BACKOFF_MS;;) {
    const started = performance.now();
    // Its standard input tells the child when this process is gone.
    child = new Deno.Command(Deno.execPath(), {
      args,
      env: { MCGIP_DATA: data },
      stdin: "piped",
      stdout: "null",
    }).spawn();
    const { code, signal } = await child.status;
    child = undefined;
    if (asked) Deno.exit(signal ? 0 : code);
    if (performance.now() - started > LASTED_MS) backoff = BACKOFF_MS;
    log(`The worker ended (${signal ?? code}); starting it again in ${backoff / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, backoff));
    if (asked) Deno.exit(0);
    backoff = Math.min(2 * backoff, MOST_BACKOFF_MS);
  }
}
