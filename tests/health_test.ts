/** The launcher's watch over an API that lives and does not answer. */
import assert from "node:assert/strict";
import { watch } from "@/lib/health.ts";
import { freePort, until } from "./support/server.ts";

/** Long enough for an answer of this very process on a busy machine. */
const quick = { everyMs: 20, patienceMs: 1_000, most: 3 };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `body` while a process on `port` is watched that counts the signals which it is sent. */
async function watched(
  body: (port: number, killed: string[]) => Promise<void>,
): Promise<void> {
  const killed: string[] = [];
  const child = { kill: (signal: Deno.Signal = "SIGTERM") => void killed.push(signal) };
  const port = freePort();
  const watching = watch({ host: "0.0.0.0", port }, child, () => {}, quick);
  try {
    await body(port, killed);
  } finally {
    watching.stop();
  }
}

const listen = (port: number) => Deno.listen({ hostname: "127.0.0.1", port });

Deno.test("an API that stops answering is ended; one that is slow to start, or answers, is not", () =>
  watched(async (port, killed) => {
    await pause(300);
    assert.deepEqual(killed, [], "nobody listens yet");
    let asked = 0;
    let deaf = false;
    const server = Deno.serve(
      { hostname: "127.0.0.1", port, onListen() {} },
      () => {
        asked++;
        return deaf ? new Promise<Response>(() => {}) : new Response("ok");
      },
    );
    await until(() => asked > 5, 5_000);
    assert.deepEqual(killed, []);
    deaf = true;
    await until(() => killed.length > 0, 5_000);
    assert.deepEqual(killed, ["SIGKILL"]);
    await Promise.race([server.shutdown(), pause(200)]);
  }));

Deno.test("an API that was deaf before anybody asked is ended: it listens, and takes no connection", () =>
  watched(async (port, killed) => {
    const listener = listen(port);
    try {
      await until(() => killed.length > 0, 10_000);
      assert.deepEqual(killed, ["SIGKILL"]);
    } finally {
      listener.close();
    }
  }));

Deno.test("an API that sends connections away has too many, and lives; one that listens no more is ended", () =>
  watched(async (port, killed) => {
    const listener = listen(port);
    let sent = 0;
    const away = (async () => {
      for await (const connection of listener) {
        sent++;
        connection.close();
      }
    })();
    await until(() => sent > 10, 10_000);
    assert.deepEqual(killed, []);
    listener.close();
    await away;
    await until(() => killed.length > 0, 10_000);
    assert.deepEqual(killed, ["SIGKILL"]);
  }));
