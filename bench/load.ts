/** Requests by the clock, and what their times say. */

/** Milliseconds until an answer is there. */
export async function timed(url: string, init: RequestInit): Promise<number> {
  const sent = performance.now();
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return performance.now() - sent;
}

/** Milliseconds of each call, one after the other. */
export async function oneByOne(call: () => Promise<number>, seconds: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) times.push(await call());
  return times;
}

/** Milliseconds of calls that begin by the clock, evenly, whether or not others have ended. */
export async function evenly(
  call: (i: number) => Promise<number>,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<number[]> {
  const waiting: Promise<number>[] = [];
  const started = performance.now();
  while (waiting.length < rate * seconds) {
    while (waiting.length < (performance.now() - started) * rate / 1000) {
      waiting.push(call(waiting.length));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return await Promise.all(waiting);
}

export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))];
}

export function report(what: string, times: number[]): void {
  const at = (share: number) => quantile(times, share).toFixed(1);
  console.log(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`);
}
