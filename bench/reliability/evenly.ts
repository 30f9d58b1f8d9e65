/**
 * A process of its own that sends requests at a fixed rate, whether or not the ones before were answered: a
 * latency counts from the moment that its request was due. Prints one line of JSON.
 */
import http from "node:http";

export interface Latencies {
  sent: number;
  bad: number;
  /** ms */
  p50: number;
  p99: number;
  longest: number;
}

if (import.meta.main) {
  const [base, key, rate, seconds, ...paths] = Deno.args;
  const url = new URL(base);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
  const total = Number(rate) * Number(seconds);
  const latencies: number[] = [];
  let bad = 0;
  let sent = 0;
  const started = performance.now();
  await new Promise<void>((resolve) => {
    const one = (due: number) => {
      const done = (good: boolean) => {
        if (!good) bad++;
        latencies.push(performance.now() - due);
        if (latencies.length === total) resolve();
      };
      const request = http.request({
        host: url.hostname,
        port: url.port,
        path: paths[sent % paths.length],
        agent,
        headers: { authorization: `Bearer ${key}` },
      }, (answer) => {
        answer.resume();
        answer.on("end", () => done(answer.statusCode! < 400));
      });
      request.on("error", () => done(false));
      request.end();
    };
    const tick = () => {
      for (; sent < total; sent++) {
        const due = started + sent * 1000 / Number(rate);
        if (due > performance.now()) break;
        one(due);
      }
      if (sent < total) setTimeout(tick, 1);
    };
    tick();
  });
  latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    Number(latencies[Math.min(total - 1, Math.floor(share * total))].toFixed(1));
  console.log(JSON.stringify(
    { sent: total, bad, p50: at(0.5), p99: at(0.99), longest: at(1) } satisfies Latencies,
  ));
  Deno.exit(0);
}
