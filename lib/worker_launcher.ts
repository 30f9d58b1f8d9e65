/** `deno task worker`: gives workers their few permissions, and starts them again when they die. */
import type { CommitFiles } from "./commit.ts";
import { counted } from "./counted.ts";
import { askArguments, checkedOut, checkout, nameOf, onCheckout } from "./launcher.ts";
import { codeVersion, type Config } from "./config.ts";
import { type LogFormat, logger, relayLines } from "./log.ts";
import { remoteWorkerArguments, workerArguments } from "./permissions.ts";
import { type ElsewhereSettings, environmentOf } from "./worker_settings.ts";

/** Before a worker that ended is started again, ms; doubled each time that it did not last. */
const BACKOFF_MS = 250;
const MOST_BACKOFF_MS = 10_000;
/** One that ran for so long, ms, is taken for sound. */
const LASTED_MS = 30_000;

export interface LaunchOptions {
  /** The data directory whose jobs are run. */
  data: string;
  cluster?: Config["cluster"];
  /** Those of a server on another machine instead. */
  elsewhere?: ElsewhereSettings;
  /** What people call the workers of this machine. */
  label: string;
  log: LogFormat;
  /** A worker for each of them; undefined: whichever is there. */
  cards: (string | undefined)[];
}

/** The arguments of a worker, before its name; as this code wants them. */
export function workerCommand(
  { data, cluster, elsewhere }: Pick<LaunchOptions, "data" | "cluster" | "elsewhere">,
  git: CommitFiles | undefined,
): string[] {
  return elsewhere
    ? remoteWorkerArguments(elsewhere)
    : workerArguments({ data, cluster, alone: true }, git);
}

/** Runs workers until they are asked to leave. */
export async function launchWorkers({ cards, ...options }: LaunchOptions): Promise<never> {
  const children = new Set<Deno.ChildProcess>();
  const state = { asked: false, children };
  const { data, cluster, elsewhere } = options;
  const log = logger(options.log, { process: "launcher" });
  const whose = elsewhere
    ? `the server at ${elsewhere.apis.join(", or at ")}`
    : `${data}${cluster ? " and of the database that is shared" : ""}`;
  log(`${counted(cards.length, "worker")} on the jobs of ${whose}`);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (!state.asked) log(`The workers were asked to leave (${signal})`);
      state.asked = true;
      for (const child of children) child.kill("SIGTERM");
    });
  }
  const codes = await Promise.all(cards.map((card) => keepWorker(card, options, state)));
  Deno.exit(Math.max(...codes));
}

/** Resolves to the exit code of a worker that was asked to leave. */
async function keepWorker(
  card: string | undefined,
  { data, cluster, elsewhere, label: machine, log: format }: Omit<LaunchOptions, "cards">,
  state: { asked: boolean; children: Set<Deno.ChildProcess> },
): Promise<number> {
  const log = logger(format, { process: "launcher" });
  const kept = elsewhere?.cache ?? data;
  const label = card === undefined ? machine : `${machine}-${card}`;
  // A worker that is started again has its name still, and takes up what it ran at once.
  const name = `${label}-${crypto.randomUUID().slice(0, 8)}`;
  // In this order: what is checked out in between is found to be another one.
  let git = checkedOut();
  let commit = checkout();
  let version = codeVersion(commit);
  let command = workerCommand({ data, cluster, elsewhere }, git);
  const env = {
    ...environmentOf(card),
    MCGIP_LOG: format,
    ...(elsewhere
      ? {
        MCGIP_API: elsewhere.apis.join(","),
        MCGIP_API_KEY: elsewhere.key,
        MCGIP_CACHE: kept,
        MCGIP_CACHE_BYTES: String(elsewhere.maxBytes),
      }
      : { MCGIP_DATA: kept, MCGIP_API_KEY: "" }),
  };
  for (let backoff = BACKOFF_MS;;) {
    git = checkedOut();
    const now = checkout();
    if (now !== commit) {
      try {
        ({ args: command, version } = await askArguments(["worker", ...Deno.args.slice(1)]));
        log(`Started again as ${nameOf(now)}; before it was ${nameOf(commit)}`);
        commit = now;
      } catch (error) {
        log(
          `Cannot start a worker of ${nameOf(now)}, which is checked out now (${
            (error as Error).message
          }): start it anew`,
          { level: "error" },
        );
        return 1;
      }
    }
    const args = [
      ...command,
      ...[name, elsewhere ? "elsewhere" : "alone", version, label],
      ...(git && !elsewhere ? [git.commit, git.head, git.branches] : []),
    ];
    const started = performance.now();
    // Its standard input tells the child when this process is gone.
    const json = format === "json";
    const stderr = json ? "piped" : "inherit";
    const streams = { stdin: "piped", stdout: "null", stderr } as const;
    const child = new Deno.Command(Deno.execPath(), { args, env, ...streams }).spawn();
    state.children.add(child);
    // Drivers know no JSON.
    const relayed = json && relayLines(child.stderr, logger(format, { process: "worker" }));
    let updated = false;
    const looking = onCheckout(git, () => {
      log(
        `${
          nameOf(checkout())
        } is checked out now, another one than runs: the worker is started again with it; ` +
          "what it runs is saved first",
      );
      updated = true;
      child.kill("SIGTERM");
    });
    const { code, signal } = await child.status;
    looking.stop();
    await relayed;
    state.children.delete(child);
    if (state.asked) return signal ? 0 : code;
    if (updated) continue;
    if (performance.now() - started > LASTED_MS) backoff = BACKOFF_MS;
    log(`The worker ended (${signal ?? code}); starting it again in ${backoff / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, backoff));
    if (state.asked) return 0;
    backoff = Math.min(2 * backoff, MOST_BACKOFF_MS);
  }
}
