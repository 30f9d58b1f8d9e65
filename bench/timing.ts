import type { Prepared } from "./engine.ts";

export interface TimingOptions {
  /** Most time for all engines together, ms. */
  budget: number;
  /** Rounds at least, at most. */
  rounds: [number, number];
  /** What one timed run should take at least, ms: short operations are repeated, at most so often. */
  repeats: { aim: number; most: number };
}

/** The least time of each engine's wait, over the whole run: it is a constant. */
const waits = new Map<string, number>();

/**
 * Milliseconds of one operation per engine; each has run before. A timed run is `times` operations and one
 * wait; the same wait without work is timed beside it and taken off. Engines take turns, so that load from
 * elsewhere meets all alike; the least time counts, since load only ever adds.
 */
export async function timings(
  engines: { name: string; prepared: Prepared }[],
  options: TimingOptions,
): Promise<number[]> {
  const { budget, rounds: [fewest, most], repeats } = options;
  const started = performance.now();
  const clock = async (work: () => Promise<number | void>) => {
    const start = performance.now();
    const own = await work();
    return own ?? performance.now() - start;
  };
  const wait = async ({ name, prepared }: typeof engines[number]) => {
    const took = await clock(() => prepared.wait());
    waits.set(name, Math.min(took, waits.get(name) ?? Infinity));
    return waits.get(name)!;
  };
  const times: number[] = [];
  const best: number[] = [];
  for (const engine of engines) {
    let count = 1;
    if (repeats.most > 1) {
      await engine.prepared.run(1);
      const once = await clock(() => engine.prepared.run(1)) - await wait(engine);
      count = Math.round(repeats.aim / Math.max(0.01, once));
    }
    times.push(Math.max(1, Math.min(repeats.most, count)));
    best.push(Infinity);
  }
  for (let round = 0; round < most; round++) {
    for (const [i, engine] of engines.entries()) {
      await wait(engine);
      best[i] = Math.min(best[i], await clock(() => engine.prepared.run(times[i])));
    }
    if (round + 1 >= fewest && performance.now() - started > budget) break;
  }
  return engines.map(({ name }, i) => Math.max(0.001, best[i] - waits.get(name)!) / times[i]);
}
