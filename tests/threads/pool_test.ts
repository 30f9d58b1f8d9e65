import assert from "node:assert/strict";
import { Conflict, InvalidInput, NotFound, Overloaded, Unavailable } from "@/lib/errors.ts";
import { Crashed } from "@/lib/threads/failure.ts";
import { type Limits, limits } from "@/lib/threads/limits.ts";
import { type TaskOptions, ThreadPool } from "@/lib/threads/pool.ts";
import type { TestTask } from "../support/task_worker.ts";

const module = import.meta.resolve("../support/task_worker.ts");

type Run = (task: TestTask, options?: TaskOptions) => Promise<Float32Array>;

/** Runs the test with a pool; its threads are gone afterwards. */
function poolTest(name: string, changed: Partial<Limits>, body: (run: Run) => Promise<void>) {
  Deno.test(name, async () => {
    const pool = new ThreadPool(module, {
      ...limits.picture,
      ...{ doing: "count", threads: 2, waiting: 1, cpuMs: 20_000, cpuMsPerUnit: 0 },
      ...changed,
    });
    try {
      await body((task, options = {}) => pool.run(task, { memory: 1, ...options }));
    } finally {
      await pool.close();
    }
  });
}

poolTest("a task: its result comes back, buffers move, progress is told", {}, async (run) => {
  const numbers = Float32Array.of(1, 2);
  const seen: unknown[] = [];
  const doubled = await run({ numbers, progress: 3 }, {
    transfer: [numbers.buffer],
    onProgress: (data) => seen.push(data),
  });
  assert.deepEqual(doubled, Float32Array.of(2, 4));
  assert.equal(numbers.length, 0);
  assert.deepEqual(seen, [0, 1, 2]);
});

poolTest("a task: the domain's errors come back whole, others with message and code", {}, async (
  run,
) => {
  const thrown = (throws: TestTask["throws"]) =>
    run({ throws }).then(() => assert.fail(), (error) => error);
  assert.ok(await thrown("NotFound") instanceof NotFound);
  assert.ok(await thrown("Conflict") instanceof Conflict);
  assert.ok(await thrown("Unavailable") instanceof Unavailable);
  const invalid = await thrown("InvalidInput");
  assert.ok(invalid instanceof InvalidInput);
  assert.equal(invalid.message, "Cannot use this");
  assert.deepEqual(invalid.problems, [{ message: "here", line: 3 }]);
  const overloaded = await thrown("Overloaded");
  assert.ok(overloaded instanceof Overloaded);
  assert.equal(overloaded.seconds, 7);
  const other = await thrown("ENOSPC");
  assert.equal(other.constructor, Error);
  assert.deepEqual([other.message, other.code], ["no room", "ENOSPC"]);
});

poolTest("a pool: two at once, one waits, a fourth is turned away, later not", {}, async (run) => {
  const first = run({ idle: 300 }), second = run({ idle: 300 });
  const third = run({ numbers: Float32Array.of(3) });
  await assert.rejects(run({}), (error) => {
    assert.ok(error instanceof Overloaded);
    assert.match(error.message, /Cannot count now/);
    assert.equal(error.seconds, limits.picture.retrySeconds);
    return true;
  });
  await Promise.all([first, second]);
  assert.deepEqual(await third, Float32Array.of(6));
  assert.deepEqual(await run({ numbers: Float32Array.of(1) }), Float32Array.of(2));
});

poolTest(
  "a pool: who has waited too long is turned away",
  { threads: 1, waitMs: 100 },
  async (run) => {
    const first = run({ idle: 1500 });
    await assert.rejects(run({}), /Cannot count now: it waited 0.1 s/);
    await first;
  },
);

poolTest("a task: a limit of processor time, that waiting does not use up", {
  cpuMs: 700,
}, async (run) => {
  assert.deepEqual(await run({ blocked: 2500 }), new Float32Array());
  await assert.rejects(run({ busy: 60_000 }), (error) => {
    assert.ok(error instanceof InvalidInput);
    assert.match(error.message, /Cannot count: it takes longer than 0.7 s of processor time/);
    return true;
  });
  assert.deepEqual(await run({ numbers: Float32Array.of(1) }), Float32Array.of(2));
});

poolTest("a task: more processor time for a larger one", {
  cpuMs: 500,
  cpuMsPerUnit: 10_000,
}, async (run) => {
  assert.deepEqual(await run({ busy: 1500 }, { size: 1 }), new Float32Array());
  await assert.rejects(run({ busy: 1500 }, { size: 0.01 }), /0.6 s of processor time/);
});

poolTest("a task that is called off rejects with the reason; its thread ends, others go on", {
  threads: 1,
}, async (run) => {
  const reason = new Error("nobody waits");
  await assert.rejects(
    run({}, { signal: AbortSignal.abort(reason) }),
    (error) => error === reason,
  );
  const running = new AbortController();
  const task = run({ busy: 60_000 }, { signal: running.signal });
  const waiting = new AbortController();
  const next = run({}, { signal: waiting.signal });
  waiting.abort(reason);
  await assert.rejects(next, (error) => error === reason);
  running.abort(reason);
  await assert.rejects(task, (error) => error === reason);
  assert.deepEqual(await run({ numbers: Float32Array.of(1) }), Float32Array.of(2));
});

Deno.test("a task that is called off leaves things in order first, where it may", async () => {
  const folder = Deno.makeTempDirSync();
  const pool = new ThreadPool(module, { ...limits.import, threads: 1, graceMs: 10_000 });
  try {
    const path = `${folder}/order.txt`;
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    await assert.rejects(
      pool.run({ untilAborted: path, progress: 1 }, { signal: controller.signal, onProgress }),
      { name: "AbortError" },
    );
    assert.equal(Deno.readTextFileSync(path), "in order");
  } finally {
    await pool.close();
    Deno.removeSync(folder, { recursive: true });
  }
});

poolTest("a thread that ends takes only its own task along", {}, async (run) => {
  const other = run({ idle: 500, numbers: Float32Array.of(4) });
  for (const crash of ["error", "rejection", "exit"] as const) {
    await assert.rejects(run({ crash }), (error) => {
      assert.ok(error instanceof Crashed, `${crash}: ${error}`);
      return true;
    });
  }
  assert.deepEqual(await other, Float32Array.of(8));
  assert.deepEqual(await run({ numbers: Float32Array.of(1) }), Float32Array.of(2));
});

poolTest("a thread without memory for its objects takes only its own task along", {
  heapMb: 64,
  cpuMs: 120_000,
}, async (run) => {
  const other = run({ numbers: Float32Array.of(4) });
  await assert.rejects(run({ crash: "memory" }), /Cannot count: it takes too much memory/);
  assert.deepEqual(await other, Float32Array.of(8));
});

Deno.test("a task has others done by the pools of the process, with their errors", async () => {
  const pool = new ThreadPool(module, { ...limits.import, threads: 1 });
  try {
    const ask = (asks: TestTask) => pool.run<Float32Array>({ asks }, { memory: 1 });
    assert.deepEqual(await ask({ numbers: Float32Array.of(1.5) }), Float32Array.of(3));
    await assert.rejects(ask({ throws: "InvalidInput" }), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.deepEqual(error.problems, [{ message: "here", line: 3 }]);
      return true;
    });
    await assert.rejects(ask({ crash: "exit" }), Crashed);
    const controller = new AbortController();
    const called = pool.run({ asks: { busy: 60_000 }, progress: 1 }, {
      signal: controller.signal,
      onProgress: () => setTimeout(() => controller.abort(), 100),
    });
    await assert.rejects(called, { name: "AbortError" });
  } finally {
    await pool.close();
    await ThreadPool.closeAll();
  }
});
