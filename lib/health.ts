/** Does the API still answer? A process can live on and be deaf, or stopped. */
import type { Config } from "./config.ts";
import type { Log } from "./log.ts";

const DEFAULTS = {
  everyMs: 5_000,
  patienceMs: 10_000,
  /** Questions without an answer, one after another, after which the process is ended. */
  most: 3,
};

/**
 * What came of a question: an answer, silence, a connection that was closed at once (it has as many as it may
 * hold), or that nobody listens there.
 */
type Outcome = "answered" | "silent" | "sent away" | "refused";

async function ask(url: string, patienceMs: number): Promise<Outcome> {
  try {
    const signal = AbortSignal.timeout(patienceMs);
    const response = await fetch(url, { signal, headers: { connection: "close" } });
    await response.body?.cancel();
    return "answered";
  } catch (error) {
    const { name, cause } = error as Error;
    if (name === "TimeoutError") return "silent";
    return /refused/i.test(String(cause)) ? "refused" : "sent away";
  }
}

/**
 * Asks the API's `/healthz` again and again; ends the process when it is silent, or when nobody listens any more.
 * Until it listens it has all the time that it needs. A server whose port the system chose is not watched: nobody
 * but it knows the port.
 */
export function watch(
  config: Pick<Config, "host" | "port">,
  child: Pick<Deno.ChildProcess, "kill">,
  log: Log,
  { everyMs, patienceMs, most } = DEFAULTS,
): { stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = config.port === 0;
  let listens = false;
  let missed = 0;
  const any = ["0.0.0.0", "::"].includes(config.host);
  const host = any ? "127.0.0.1" : config.host;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${config.port}/healthz`;
  const look = async () => {
    if (stopped) return;
    const outcome = await ask(url, patienceMs);
    if (stopped) return;
    // One that is deaf before its first answer listens all the same: the system takes its connections.
    listens ||= outcome !== "refused";
    if (outcome === "answered" || outcome === "sent away") missed = 0;
    else if (listens && ++missed === most) {
      log(`The API has not answered ${most} times in a row: ended`);
      child.kill("SIGKILL");
      return;
    }
    timer = setTimeout(look, everyMs);
  };
  if (!stopped) timer = setTimeout(look, everyMs);
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
