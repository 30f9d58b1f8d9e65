/** The first process: gives the API process its few permissions, and stays to pass signals on. */
import { commitOf } from "./commit.ts";
import { CANNOT_START, type Config } from "./config.ts";
import { connectionLimit } from "./file_handles.ts";
import { watch } from "./health.ts";
import { apiArguments, root } from "./permissions.ts";
import { logger, relayLines } from "./log.ts";
import { onSourceChange } from "./source_changes.ts";

/** Before an API that ended is started again, ms; doubled each time that it did not last. */
const BACKOFF_MS = 250;
const MOST_BACKOFF_MS = 5_000;
/** One that ran for so long, ms, is taken for sound. */
const LASTED_MS = 30_000;

/** The log's last lines may come so long after the end of the API, ms. */
const LAST_WORDS_MS = 1_000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The commit that is checked out, and whether files were changed since. */
export const checkout = () => commitOf(root);

/**
 * Runs the API until it is asked to leave: one that ends otherwise, by a signal or by an error, is started
 * again. Only a first start that is refused (its address or its data directory cannot be had) ends the launcher.
 */
export async function launch(config: Config): Promise<never> {
  const commit = checkout();
  const connections = connectionLimit();
  const args = [
    ...apiArguments(config),
    ...(commit ? [`--commit=${commit}`] : []),
    ...(connections === undefined ? [] : [`--connections=${connections}`]),
  ];
  // Absolute, so that the other processes need not know where this one was started.
  const env = { MCGIP_DATA: config.data };
  const log = logger(config.log, { process: "launcher" });
  let child: Deno.ChildProcess | undefined;
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      asked = true;
      child?.kill("SIGTERM");
    });
  }
  let changed = false;
  if (config.watch) {
    onSourceChange(root, () => {
      log("A file of the server has changed; starting again");
      changed = true;
      child?.kill("SIGTERM");
    });
  }
  let backoff = BACKOFF_MS;
  for (let starts = 1;; starts++) {
    const started = performance.now();
    // Its standard input tells the child when this process is gone.
    const stderr = config.log === "json" ? "piped" : "inherit";
    child = new Deno.Command(Deno.execPath(), { args, env, stdin: "piped", stderr }).spawn();
    const relayed = config.log === "json" ? relayLines(child.stderr, log) : undefined;
    const watching = watch(config, child, log);
    const { code, signal } = await child.status;
    watching.stop();
    child = undefined;
    if (asked) {
      await Promise.race([relayed, pause(LAST_WORDS_MS)]);
      Deno.exit(signal ? 0 : code);
    }
    if (changed) {
      changed = false;
      backoff = BACKOFF_MS;
      continue;
    }
    if (code === CANNOT_START && starts === 1) {
      await Promise.race([relayed, pause(LAST_WORDS_MS)]);
      Deno.exit(1);
    }
    if (performance.now() - started > LASTED_MS) backoff = BACKOFF_MS;
    log(
      `The API process ended ${signal ? `by ${signal}` : `with code ${code}`}; ` +
        `starting it again in ${backoff / 1000} s`,
    );
    await pause(backoff);
    // A signal to the whole group may reach the child first.
    if (asked) Deno.exit(0);
    backoff = Math.min(2 * backoff, MOST_BACKOFF_MS);
  }
}
