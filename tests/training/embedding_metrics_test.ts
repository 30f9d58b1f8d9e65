import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { rowBank } from "@/gpu/ops/row_bank.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { collapseAlarm } from "@/lib/training/collapse_detector.ts";
import { gauges, knn } from "@/lib/training/embedding_metrics.ts";

/** A unit vector of the plane, at an angle in turns. */
const at = (turns: number) => [Math.cos(2 * Math.PI * turns), Math.sin(2 * Math.PI * turns)];
const rows = (turns: number[], length = 1) =>
  Float32Array.from(turns.flatMap((turn) => at(turn).map((value) => value * length)));
const close = (value: number, expected: number) =>
  assert.ok(Math.abs(value - expected) < 1e-6, `${value} for ${expected}`);

/** Images 0 and 2 of four are positive. */
const positives = {
  matrix: Uint8Array.of(1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1),
  n: 4,
  cut: null,
  pairs: 1,
};

Deno.test("alignment and uniformity are those of unit vectors, rows not seen yet left out", () => {
  // Rows of images 2, 0, 1; image 1 was not seen.
  const first = rows([0, 0.25, 0], 3);
  first.fill(0, 4);
  const second = rows([0.5, 0.25, 0], 7);
  const figures = gauges(
    { images: Uint32Array.of(2, 0, 1), features: first, embeddings: [first, second] },
    { positives },
  );
  close(figures.alignment, (4 + 0) / 2);
  close(figures.uniformity, -2 * 2);
  close(figures.pair_alignment, 2);
  assert.equal("knn_accuracy" in figures, false);
});

Deno.test("neighbours name the label, except those of the same patient", () => {
  const known = [
    ...["a", "a", "b", "b", "b"].map((label, i) => ({ label, patient: `${i}` })),
    { label: null, patient: null },
  ];
  const near = [0, 0.01, 0.5, 0.51, 0.52, 0.51].map((turn) => Float32Array.from(at(turn)));
  assert.deepEqual(knn(near, known), { knn_accuracy: 1, knn_balanced_accuracy: 1 });
  // The only other image of its class is of the same patient, so the far ones decide.
  known[1].patient = "0";
  assert.deepEqual(knn(near, known), { knn_accuracy: 0.6, knn_balanced_accuracy: 0.5 });
  assert.deepEqual(knn(near, known.map((row) => ({ ...row, label: "a" }))), {});
});

Deno.test("the cache keeps rows where their slots say", async () => {
  const gpu = await openGpu();
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const x = tape.input("x", [3, 33]);
  const slots = tape.input("slots", [5], "u32");
  rowBank(tape, x, slots, { name: "kept", rows: 4, first: 2 });
  assert.throws(() => rowBank(tape, x, slots, { name: "kept", rows: 4, first: 3 }), /2 slots/);
  const program = compile(tape);
  const run = async (values: number[], places: number[]) => {
    program.write("x", Float32Array.from(values.flatMap((value) => new Array(33).fill(value))));
    program.write("slots", Uint32Array.from([0, 0, ...places]));
    program.run();
    const { data } = (await store.read(({ name }) => name === "kept")).get("kept")!;
    return [0, 1, 2, 3].map((row) => data.subarray(row * 33, row * 33 + 33))
      .map((row) => row.every((value) => value === row[0]) ? row[0] : NaN);
  };
  assert.deepEqual(await run([1, 2, 3], [3, 0xffffffff, 0]), [3, 0, 0, 1]);
  assert.deepEqual(await run([4, 5, 6], [1, 4, 3]), [3, 4, 0, 6]);
  program.destroy();
  store.destroy();
  gpu.check();
  gpu.device.destroy();
});

Deno.test("the alarm of collapse rings once, as a warning", () => {
  const told: [string, Record<string, unknown>][] = [];
  const alarm = collapseAlarm({ event: (type, data) => void told.push([type, data]) }, 16);
  alarm({ output_spread: 0.2 }, 1);
  assert.equal(told.length, 0);
  alarm({ output_spread: 0.02 }, 2);
  alarm({ output_spread: 0.01 }, 3);
  assert.equal(told.length, 1);
  assert.equal(told[0][0], "warning");
  assert.match(String(told[0][1].message), /collapsed: their spread is 8\.0 %/);
});
