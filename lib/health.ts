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
 * Asks the API's `/healthz` from its first answer on; ends the process when it does not answer any more.
 * A server whose port the system chose is not watched: nobody but it knows the port.
 */
export function watch(
  config: Pick<Config, "host" | "port">,
  child: Pick<Deno.ChildProcess, "kill">,
  log: Log,
  { everyMs, patienceMs, most } = DEFAULTS,
): { stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = config.port === 0;
  let heard = false;
  let missed = 0;
  const any = ["0.0.0.0", "::"].includes(config.host);
  const host = any ? "127.0.0.1" : config.host;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${config.port}/healthz`;
  const ask = async () => {
    if (stopped) return;
    const signal = AbortSignal.timeout(patienceMs);
    const answered = await fetch(url, { signal, headers: { connection: "close" } })
      .then((response) => response.body?.cancel().then(() => true), () => false);
    if (stopped) return;
    if (answered) [heard, missed] = [true, 0];
    else if (heard && ++missed === most) {
      log(`The API has not answered ${most} times in a row: ended`);
      child.kill("SIGKILL");
      return;
    }
    timer = setTimeout(ask, everyMs);
  };
  if (!stopped) timer = setTimeout(ask, everyMs);
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
