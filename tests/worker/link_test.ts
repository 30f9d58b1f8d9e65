/** Both ends of a link when one of them stands still: a worker goes to another server, and nothing is done twice. */
import assert from "node:assert/strict";
import type { Claim } from "@/lib/jobs/outcome.ts";
import { connectionByLink } from "@/lib/worker/link_connection.ts";
import { startOf } from "@/lib/worker/links.ts";
import { RemoteWorker } from "@/lib/worker/remote_worker.ts";
import type { Message } from "@/lib/worker/rpc.ts";
import { type Hello, MOVE_MS, PROTOCOL } from "@/lib/worker/session.ts";
import type { StoreDesk } from "@/lib/worker/store_desk.ts";
import { until } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const idle = { job: null, training: null, gpu_bytes: 0, silent_ms: 0, unanswered_ms: 0, rss: 0 };

/** A server of links that answers every question, until it stands still; `jobs` are the greetings of a link for jobs. */
function startAnswering() {
  const state = { still: false, jobs: 0, asked: [] as string[] };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => {
      const { id, method, params } = JSON.parse(data) as Message;
      if (state.still || id === undefined) return;
      state.asked.push(method!);
      if (method === "hello" && !(params as Hello).side) state.jobs++;
      socket.send(JSON.stringify({ id, result: null }));
    };
    return response;
  });
  return { api: `http://127.0.0.1:${server.addr.port}`, state, stop: () => server.shutdown() };
}

Deno.test("a worker leaves a server that stands still for another, and stays there", async () => {
  const servers = [startAnswering(), startAnswering()];
  await withDirectory(async (data) => {
    const said: string[] = [];
    const tell = () => said.join("\n");
    const connection = connectionByLink({
      ...{ data, version: "1", label: "w", device: () => null, receive() {} },
      elsewhere: {
        server: { apis: servers.map(({ api }) => api), key: "k", name: "w" },
        maxBytes: 1,
      },
      log: (text) => void said.push(text),
    });
    const beats = setInterval(() => connection.beat(idle), 200);
    try {
      const linked = () => said.filter((text) => text.startsWith("linked")).length;
      await until(() => linked() === 2, 10_000, tell);
      const [first, second] = servers.toSorted((a, b) => b.state.jobs - a.state.jobs);
      assert.deepEqual([first.state.jobs, second.state.jobs], [1, 0]);
      const since = performance.now();
      first.state.still = true;
      await until(() => second.state.jobs === 1, 10_000, tell);
      assert.ok(performance.now() - since < 9_000, "long before a single server is given up");
      // The silence of the link before is not that of this one.
      await pause(2 * MOVE_MS);
      assert.deepEqual([first.state.jobs, second.state.jobs], [1, 1], tell());
      assert.ok(second.state.asked.filter((method) => method === "beat").length > 3);
    } finally {
      clearInterval(beats);
      await connection.end();
    }
  });
  await Promise.all(servers.map(({ stop }) => stop()));
});

Deno.test("workers spread over the servers", () => {
  const begun = ["gpu-1", "gpu-2", "gpu-3", "gpu-4"].map((name) => startOf(name, 2));
  assert.equal(begun.filter((server) => server === 0).length, 2);
  assert.equal(startOf("gpu-1", 1), 0);
});

/** A server's end over a desk that counts the jobs that it is asked for. */
function startRemote(hold: () => Promise<void> = () => Promise.resolve()) {
  const seen = { claims: 0, closed: 0, answers: [] as Message[] };
  const desk = {
    claim() {
      seen.claims++;
      return Promise.resolve(null);
    },
    left: () => Promise.resolve(),
    release: () => Promise.resolve(),
    hold,
    store: {
      workers: { hold: () => Promise.resolve() },
      discard: () => Promise.resolve(),
      jobs: { find: () => Promise.resolve(undefined) },
    },
  } as unknown as StoreDesk;
  const worker = new RemoteWorker({ name: "w", key_id: null, desk, version: "1", log() {} });
  const receive = worker.attach({
    send: (message) => seen.answers.push(message),
    close: () => seen.closed++,
  });
  const hello = (patience_ms: number, claim: Claim | null = null) =>
    receive({
      id: 1,
      method: "hello",
      params: {
        protocol: PROTOCOL,
        version: "1",
        device: null,
        claim,
        side: false,
        patience_ms,
      } as Hello,
    });
  const answered = (id: number) =>
    until(() => seen.answers.some((answer) => answer.id === id), 5_000);
  return { worker, receive, hello, seen, answered };
}

Deno.test("what lay before a server that stood still is not done: the worker asked another one", async () => {
  const { worker, receive, hello, seen, answered } = startRemote();
  hello(60_000);
  await answered(1);
  receive({ id: 2, method: "claim", params: [["count"], "none"] });
  await answered(2);
  assert.deepEqual([seen.claims, seen.closed, worker.heard], [1, 0, true]);

  const still = startRemote();
  still.hello(100);
  await still.answered(1);
  await pause(200);
  assert.equal(still.worker.heard, false);
  still.receive({ id: 2, method: "claim", params: [["count"], "none"] });
  still.receive({ id: 3, method: "claim", params: [["count"], "none"] });
  await pause(50);
  assert.deepEqual([still.seen.claims, still.seen.closed, still.worker.linked], [0, 1, false]);
});

Deno.test("a beat is answered while the database is away", async () => {
  let holds = 0;
  const { receive, hello, answered, seen } = startRemote(() => {
    if (++holds === 1) return Promise.resolve();
    return new Promise(() => {});
  });
  hello(60_000);
  await answered(1);
  await pause(5_100);
  receive({ id: 2, method: "beat", params: idle });
  await answered(2);
  assert.deepEqual([holds, seen.answers.at(-1)], [2, { id: 2, result: null }]);
});
