/** The first process: gives the API process its few permissions, and stays to pass signals on. */
import { checkoutWatch, type CommitFiles, commitFiles, commitOf } from "./commit.ts";
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

/** Between two looks whether another commit is checked out, ms. */
const LOOK_MS = 1_000;

/** The log's last lines may come so long after the end of the API, ms. */
const LAST_WORDS_MS = 1_000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The commit that is checked out, and whether files were changed since. */
export const checkout = () => commitOf(root);

/** What tells whether it is still that one. */
export const checkedOut = () => commitFiles(root);

/** The arguments of the API process, as this code wants them. */
export function apiCommand(
  config: Config,
  git: CommitFiles | undefined,
  commit: string | undefined,
): string[] {
  const connections = connectionLimit();
  return [
    ...apiArguments(config, git),
    ...(commit ? [`--commit=${commit}`] : []),
    ...(connections === undefined ? [] : [`--connections=${connections}`]),
  ];
}

/**
 * The version of the code which is checked out now, and the arguments that it wants for its processes: they are their
 * permissions, too, and this process runs the code that was checked out when it started.
 * @param given `start` or `worker`, and the arguments of this process
 * @throws {Error} where that code cannot say, with its last words
 */
export async function askArguments(
  given: string[],
): Promise<{ args: string[]; version: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--frozen", `--config=${root}/deno.json`],
      ...["--allow-env", "--allow-read", "--allow-sys=hostname"],
      ...[`${root}/main.ts`, "arguments", ...given],
    ],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (success) return JSON.parse(text.decode(stdout));
  throw new Error(text.decode(stderr).trim().split("\n")[0]);
}

/** A commit, for the log: the version that it calls itself is known to its own code only. */
export const nameOf = (commit: string | undefined) =>
  commit === undefined ? "No commit" : `Commit ${commit}`;

/** Calls `changed` once another commit is checked out than `git` says, and git is done with it. */
export function onCheckout(
  git: CommitFiles | undefined,
  changed: () => void,
): { stop(): void } {
  const stale = checkoutWatch(git);
  let seen = false;
  const timer = setInterval(() => {
    const now = stale();
    // A rebase goes through several.
    if (now && seen) {
      clearInterval(timer);
      changed();
    }
    seen = now;
  }, LOOK_MS);
  return { stop: () => clearInterval(timer) };
}

/**
 * Runs the API until it is asked to leave: one that ends otherwise, by a signal or by an error, is started
 * again. Only a first start that is refused (its address or its data directory cannot be had) ends the launcher.
 * Where another commit is checked out meanwhile, all is started again with it: its modules are loaded when they are
 * first needed, and two versions are not to run at once.
 */
export async function launch(config: Config): Promise<never> {
  // In this order: what is checked out in between is found to be another one.
  let git = checkedOut();
  let commit = checkout();
  let args = apiCommand(config, git, commit);
  // Absolute, so that the other processes need not know where this one was started.
  const env = { MCGIP_DATA: config.data };
  const log = logger(config.log, { process: "launcher" });
  let child: Deno.ChildProcess | undefined;
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      asked = true;
      // It says by which one it leaves.
      child?.kill(signal);
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
    if (starts > 1) git = checkedOut();
    const now = starts === 1 ? commit : checkout();
    if (now !== commit) {
      try {
        ({ args } = await askArguments(["start", ...Deno.args]));
        log(`Started again as ${nameOf(now)}; before it was ${nameOf(commit)}`);
      } catch (error) {
        // Who works on the code mends it, and is shown by the API what is wrong.
        if (config.watch) args = apiCommand(config, git, now);
        else {
          log(
            `Cannot start ${nameOf(now)}, which is checked out now (${
              (error as Error).message
            }): start the server anew`,
            { level: "error" },
          );
          Deno.exit(1);
        }
      }
      commit = now;
      if (asked) Deno.exit(0);
    }
    const started = performance.now();
    // Its standard input tells the child when this process is gone.
    const stderr = config.log === "json" ? "piped" : "inherit";
    child = new Deno.Command(Deno.execPath(), { args, env, stdin: "piped", stderr }).spawn();
    const relayed = config.log === "json" ? relayLines(child.stderr, log) : undefined;
    const watching = watch(config, child, log);
    const looking = onCheckout(git, () => {
      log(
        `${
          nameOf(checkout())
        } is checked out now, another one than runs: all is started again with it; ` +
          "jobs that run are saved first",
      );
      changed = true;
      child?.kill("SIGTERM");
    });
    const { code, signal } = await child.status;
    watching.stop();
    looking.stop();
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
