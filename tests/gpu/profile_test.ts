/** Times of single kernels: as many as launches, in proportion to the work, no part of the result. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { relu } from "@/gpu/ops/relu.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { profile } from "@/gpu/profile.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";

const gpu = await openGpu();

Deno.test({
  name: "profile: runs every launch once, and a larger one takes longer",
  ignore: !gpu.features.timestamps,
  async fn() {
    const store = new ParameterStore(gpu);
    const tape = new Tape(store);
    const [small, large] = [tape.input("small", [64]), tape.input("large", [2 ** 20])];
    const kept = [relu(tape, small), relu(tape, large)];
    const program = compile(tape, { outputs: kept });
    program.write("small", new Float32Array(64).fill(-1));
    program.write("large", new Float32Array(2 ** 20).fill(3));
    const least = [Infinity, Infinity];
    for (let round = 0; round < 5; round++) {
      const times = await profile(gpu, program.launches.step);
      assert.equal(times.length, 2);
      times.forEach((time, i) => least[i] = Math.min(least[i], time));
    }
    assert.ok(least[0] >= 0 && least[1] > 4 * least[0], `${least} ms`);
    assert.ok(least[1] < 1000);
    const [low, high] = await program.read(...kept);
    assert.ok(low.every((value) => value === 0) && high.every((value) => value === 3));
    program.destroy();
    store.destroy();
  },
});

Deno.test("profile: more launches than a query set holds; an adapter without timestamps is told", async () => {
  const without = { ...gpu, features: { ...gpu.features, timestamps: false } };
  await assert.rejects(profile(without, []), /Cannot profile: this adapter takes no timestamps/);
  if (!gpu.features.timestamps) return;
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const program = compile(tape, { outputs: [relu(tape, tape.input("x", [4]))] });
  const [launch] = program.launches.step;
  assert.equal((await profile(gpu, Array(2100).fill(launch))).length, 2100);
  program.destroy();
  store.destroy();
});
