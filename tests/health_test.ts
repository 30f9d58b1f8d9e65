/** The launcher's watch over an API that lives and does not answer. */
import assert from "node:assert/strict";
import { watch } from "@/lib/health.ts";
import { until } from "./support/server.ts";

const quick = { everyMs: 20, patienceMs: 100, most: 3 };

Deno.test("an API that stops answering is ended; one that is slow to start, or answers, is not", async () => {
  const killed: string[] = [];
  const child = { kill: (signal: Deno.Signal = "SIGTERM") => void killed.push(signal) };
  const port = 18_731;
  const watching = watch({ host: "0.0.0.0", port }, child, () => {}, quick);
  await new Promise((resolve) => setTimeout(resolve, 300));
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
  watching.stop();
  await Promise.race([server.shutdown(), new Promise((resolve) => setTimeout(resolve, 200))]);
});
