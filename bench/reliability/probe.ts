/**
 * A process of its own that asks a server for `/healthz` every 20 ms: how long each answer took, and how much
 * processor time the server's main thread used meanwhile. The latter is what kept the answer waiting where the
 * machine has other work too. Ends with its standard input; prints one line of JSON.
 */
import { mainThreadMs } from "@/tests/attack/victim.ts";

const EVERY_MS = 20;

export interface Silence {
  probes: number;
  /** The longest that an answer took, ms: with whatever else the machine did. */
  wall_ms: number;
  /** The most that the main thread worked between a question and its answer, ms. */
  busy_ms: number;
  failed: number;
}

if (import.meta.main) {
  const [url, pid] = Deno.args;
  const found: Silence = { probes: 0, wall_ms: 0, busy_ms: 0, failed: 0 };
  let over = false;
  (async () => {
    for await (const _ of Deno.stdin.readable);
    over = true;
  })();
  while (!over) {
    const started = performance.now();
    const before = mainThreadMs(Number(pid));
    try {
      const answer = await fetch(`${url}/healthz`);
      await answer.body?.cancel();
      if (!answer.ok) found.failed++;
    } catch {
      found.failed++;
    }
    const took = performance.now() - started;
    const after = mainThreadMs(Number(pid));
    // The first opens the connection.
    if (found.probes++ > 0 && before !== undefined && after !== undefined) {
      found.wall_ms = Math.max(found.wall_ms, took);
      found.busy_ms = Math.max(found.busy_ms, Math.min(took, after - before));
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, EVERY_MS - took)));
  }
  console.log(JSON.stringify(found));
}
