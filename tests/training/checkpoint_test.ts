import assert from "node:assert/strict";
import { Checkpoints } from "@/lib/training/checkpoint.ts";
import { withDirectory } from "../support/temporary.ts";

const state = (value: number) =>
  new Map([["values", { shape: [3], data: Float32Array.of(value, -0, 1e-40) }]]);
const files = (directory: string) =>
  [...Deno.readDirSync(directory)].map(({ name }) => name).sort();

Deno.test("a checkpoint comes back to the bit, with its notes", () =>
  withDirectory(async (directory) => {
    const checkpoints = new Checkpoints(directory);
    assert.equal(await checkpoints.load(), undefined);
    await checkpoints.save(4, { state: state(2), meta: { spec: { epochs: 3 }, step: 4 } });
    const { step, state: read, meta } = (await checkpoints.load())!;
    assert.equal(step, 4);
    assert.deepEqual(meta, { spec: { epochs: 3 }, step: 4 });
    assert.deepEqual(
      new Uint8Array(read.get("values")!.data.buffer),
      new Uint8Array(state(2).get("values")!.data.buffer),
    );
  }));

Deno.test("the last three and the last best are kept", () =>
  withDirectory(async (directory) => {
    const checkpoints = new Checkpoints(directory);
    for (const step of [9, 10, 100, 1000]) {
      await checkpoints.save(step, { state: state(step), meta: {} });
    }
    await checkpoints.save(10, { state: state(10), meta: {} }, "best");
    await checkpoints.save(100, { state: state(100), meta: {} }, "best");
    assert.deepEqual(
      files(directory).map((name) => name.slice(0, 15)),
      ["best-0000000100", "step-0000000010", "step-0000000100", "step-0000001000"],
    );
    assert.equal((await checkpoints.load())!.step, 1000);
    assert.equal((await checkpoints.load("best"))!.step, 100);
  }));

Deno.test("a damaged one is set aside and told, and the one before is used", () =>
  withDirectory(async (directory) => {
    const told: string[] = [];
    const checkpoints = new Checkpoints(directory, (message) => told.push(message));
    for (const step of [1, 2, 3]) await checkpoints.save(step, { state: state(step), meta: {} });
    const [, second, third] = files(directory);
    const bytes = Deno.readFileSync(`${directory}/${third}`);
    bytes[bytes.length - 1] ^= 1;
    Deno.writeFileSync(`${directory}/${third}`, bytes);
    Deno.writeFileSync(`${directory}/${second}`, bytes.subarray(0, 20));
    assert.equal((await checkpoints.load())!.step, 1);
    assert.equal(told.length, 2);
    assert.match(told[0], /Cannot use checkpoint of step 3: its SHA-256 is/);
    assert.equal(files(directory).filter((name) => name.endsWith(".damaged")).length, 2);
  }));

Deno.test("what a crash left half written is removed", () =>
  withDirectory(async (directory) => {
    Deno.writeTextFileSync(`${directory}/half.tmp`, "x");
    const checkpoints = new Checkpoints(directory);
    assert.deepEqual(files(directory), []);
    await checkpoints.save(1, { state: state(1), meta: {} });
    checkpoints.clear();
    assert.throws(() => Deno.statSync(directory), Deno.errors.NotFound);
    Deno.mkdirSync(directory);
  }));
