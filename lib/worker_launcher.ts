/** `deno task worker`: gives a worker beside the server's own its few permissions, and starts it again when it dies. */
import type { Config } from "./config.ts";
import { workerArguments } from "./permissions.ts";

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
  let child: Deno.ChildProcess | undefined;
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
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
    console.error(`The worker ended (${signal ?? code}); starting it again in ${backoff / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, backoff));
    if (asked) Deno.exit(0);
    backoff = Math.min(2 * backoff, MOST_BACKOFF_MS);
  }
}
