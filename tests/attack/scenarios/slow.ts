/** Slow clients: headers, bodies and readers that take for ever; others are served meanwhile, and the slow are cut. */
import { putSet } from "../content.ts";
import { picture, zipOf } from "../../support/archives.ts";
import { type Attempt, type Scenario } from "../scenario.ts";
import { figuresOf, pause, type Victim, within, withVictim } from "../victim.ts";

export const slow: Scenario = {
  unit: "slow clients",
  promise: "keep nobody waiting, are cut where they send too slowly, and leave no handle",
  run: (attempt) => withVictim((victim) => assail(attempt, victim)),
};

/** What each is promised, s: idle and slow heads 10 and what the check takes, bodies 30; some more at load. */
const CUT = { head: 16, body: 45 };
/** The least that others wait on a loaded machine, ms. */
const MEANWHILE_MS = 2_000;

interface Kind {
  head: string;
  /** Sent every second. */
  drip: string;
  /** Cut after so many seconds; undefined: it may go on. */
  cut?: number;
  /** Reads what it is sent. */
  reads: boolean;
}

async function assail(attempt: Attempt, victim: Victim): Promise<void> {
  await putSet(victim, "base");
  const pictures = Array.from({ length: 12 }, (_, i) => [`images/${i}.png`, noise(700, i)]);
  await victim.fetch("/v1/datasets/big", {
    method: "PUT",
    body: await zipOf(Object.fromEntries(pictures)),
  }).then((answer) => answer.body?.cancel());
  const host = `Host: 127.0.0.1:${victim.port}\r\n`;
  const key = `${host}Authorization: Bearer ${victim.key}\r\n`;
  const body = "Content-Length: 1000000\r\n\r\n";
  const kinds: Record<string, Kind> = {
    "silent connection": { head: "", drip: "", cut: CUT.head, reads: true },
    "slow head": {
      head: `GET /healthz HTTP/1.1\r\n${host}X: `,
      drip: "a",
      cut: CUT.head,
      reads: true,
    },
    "slow body": {
      head: `PUT /v1/datasets/base/images/slow HTTP/1.1\r\n${key}${body}`,
      ...{ drip: "a", cut: CUT.body, reads: true },
    },
    "slow body without a key": {
      head: `PUT /v1/datasets/base/images/slow HTTP/1.1\r\n${host}${body}`,
      ...{ drip: "a", cut: CUT.body, reads: true },
    },
    "slow JSON": {
      head: `POST /v1/jobs HTTP/1.1\r\n${key}Content-Type: application/json\r\n${body}`,
      ...{ drip: " ", cut: CUT.body, reads: true },
    },
    "reader that does not read": {
      head: `GET /v1/datasets/big/archive HTTP/1.1\r\n${key}\r\n`,
      ...{ drip: "", reads: false },
    },
    "stream of events": {
      head: `GET /v1/jobs/none/events HTTP/1.1\r\n${key}Accept: text/event-stream\r\n\r\n`,
      ...{ drip: "", reads: true },
    },
  };
  const api = victim.pids().api!;
  const before = figuresOf(api)!;
  const each = attempt.count(25, 200);
  const stop = new AbortController();
  const clients = Object.entries(kinds).flatMap(([name, kind]) =>
    Array.from({ length: each }, () => one(attempt, victim, name, kind, stop.signal))
  );
  const waits = await meanwhile(attempt, victim, CUT.body * 1000 + 2000);
  stop.abort();
  await Promise.all(clients);
  if (victim.pids().api !== api) return attempt.harm("the API ended");
  waits.sort((a, b) => a - b);
  const worst = waits[Math.floor(waits.length * 0.99)];
  if (worst > MEANWHILE_MS * attempt.slowness) {
    attempt.harm(`others waited ${Math.round(worst)} ms (p99)`);
  }
  const back = await within(
    20_000 * attempt.slowness,
    () => (figuresOf(api)?.handles ?? 0) < before.handles + each,
  );
  const now = figuresOf(api)!;
  if (!back) attempt.harm(`${now.handles} handles are open, ${before.handles} were before`);
  const grown = Math.round((now.resident - before.resident) / 2 ** 20);
  attempt.note(
    `${each} of each of ${Object.keys(kinds).length} kinds; others waited ${
      Math.round(worst)
    } ms (p99 of ` +
      `${waits.length}); memory +${grown} MiB, handles ${before.handles} -> ${now.handles}`,
  );
}

/** A picture that does not shrink. */
const noise = (side: number, seed: number) => {
  const png = picture(side, side, seed);
  return new Uint8Array([...png]);
};

/** One client; harm where it is not cut in time. */
async function one(
  attempt: Attempt,
  victim: Victim,
  name: string,
  { head, drip, cut, reads }: Kind,
  stop: AbortSignal,
): Promise<void> {
  attempt.tried();
  const started = performance.now();
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: victim.port });
  let closed = false;
  const encoder = new TextEncoder();
  const reading = async () => {
    const chunk = new Uint8Array(4096);
    try {
      while (await connection.read(chunk) !== null);
    } catch {
      // It was cut.
    }
    closed = true;
  };
  const done = reads ? reading() : Promise.resolve();
  try {
    await connection.write(encoder.encode(head));
    while (!closed && !stop.aborted) {
      await Promise.race([pause(1000), done.then(() => reads ? undefined : pause(1000))]);
      if (drip !== "" && !closed) await connection.write(encoder.encode(drip));
    }
  } catch {
    closed = true;
  }
  const seconds = (performance.now() - started) / 1000;
  if (cut !== undefined && (!closed || seconds > cut * Math.max(1, attempt.slowness / 2))) {
    attempt.harm(`${name}: ${closed ? "cut" : "not cut"} after ${seconds.toFixed(0)} s`);
  }
  try {
    connection.close();
  } catch {
    // It is closed.
  }
  await done;
}

/** Milliseconds that a light request takes, again and again. */
async function meanwhile(attempt: Attempt, victim: Victim, ms: number): Promise<number[]> {
  const waits: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const started = performance.now();
    const answer = await victim.fetch("/v1/datasets/base").catch(() => undefined);
    await answer?.body?.cancel();
    if (!answer?.ok) attempt.harm(`a reader got ${answer?.status ?? "no answer"} meanwhile`);
    waits.push(performance.now() - started);
    await pause(100);
  }
  return waits;
}
