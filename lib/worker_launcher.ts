/** `deno task worker`: gives workers their few permissions, and starts them again when they die. */
import { checkout } from "./launcher.ts";
import { codeVersion, type Config } from "./config.ts";
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
  /** A worker for each of them; undefined: whichever is there. */
  cards: (string | undefined)[];
}

/** Runs workers until they are asked to leave. */
export async function launchWorkers({ cards, ...options }: LaunchOptions): Promise<never> {
  const children = new Set<Deno.ChildProcess>();
  const state = { asked: false, children };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
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
  { data, cluster, elsewhere }: Omit<LaunchOptions, "cards">,
  state: { asked: boolean; children: Set<Deno.ChildProcess> },
): Promise<number> {
  const kept = elsewhere?.cache ?? data;
  // A worker that is started again has its name still, and takes up what it ran at once.
  const name = `worker-${crypto.randomUUID()}`;
  const args = elsewhere
    ? [...remoteWorkerArguments(elsewhere), name, "elsewhere", codeVersion(checkout())]
    : [...workerArguments({ data, cluster, alone: true }), name, "alone"];
  const env = {
    ...environmentOf(card),
    ...(elsewhere
      ? {
        MCGIP_API: elsewhere.api,
        MCGIP_API_KEY: elsewhere.key,
        MCGIP_CACHE: kept,
        MCGIP_CACHE_BYTES: String(elsewhere.maxBytes),
      }
      : { MCGIP_DATA: kept, MCGIP_API_KEY: "" }),
  };
  for (let backoff = BACKOFF_MS;;) {
    const started = performance.now();
    // Its standard input tells the child when this process is gone.
    const child = new Deno.Command(Deno.execPath(), { args, env, stdin: "piped", stdout: "null" })
      .spawn();
    state.children.add(child);
    const { code, signal } = await child.status;
    state.children.delete(child);
    if (state.asked) return signal ? 0 : code;
    if (performance.now() - started > LASTED_MS) backoff = BACKOFF_MS;
    console.error(`The worker ended (${signal ?? code}); starting it again in ${backoff / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, backoff));
    if (state.asked) return 0;
    backoff = Math.min(2 * backoff, MOST_BACKOFF_MS);
  }
}
