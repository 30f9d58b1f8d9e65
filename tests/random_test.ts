import assert from "node:assert/strict";
import { bits, normal, nth, permutation, stream, uniform } from "@/lib/random.ts";

Deno.test("uniform numbers are flat and neighbouring places unrelated", () => {
  const n = 20000;
  const values = Array.from({ length: n }, (_, i) => uniform(5, i));
  const mean = values.reduce((sum, v) => sum + v, 0) / n;
  assert.ok(Math.abs(mean - 0.5) < 0.01);
  const bins = new Float64Array(20);
  values.forEach((v) => bins[Math.floor(v * 20)]++);
  const chi = bins.reduce((sum, count) => sum + (count - n / 20) ** 2 / (n / 20), 0);
  assert.ok(chi < 45, `chi-square ${chi} of 19 degrees of freedom`);
  const lag = (other: (i: number) => number) =>
    values.reduce((sum, v, i) => sum + (v - 0.5) * (other(i) - 0.5), 0) / n * 12;
  for (
    const other of [
      (i: number) => uniform(5, i + 1),
      (i: number) => uniform(6, i),
      (i: number) => uniform(5, i, 0),
    ]
  ) {
    assert.ok(Math.abs(lag(other)) < 0.03);
  }
});

Deno.test("a flipped bit of a place flips half of the bits", () => {
  let flipped = 0;
  for (let i = 0; i < 2000; i++) {
    let difference = bits(9, i, 3) ^ bits(9, i ^ (1 << (i % 20)), 3);
    for (; difference !== 0; difference &= difference - 1) flipped++;
  }
  assert.ok(Math.abs(flipped / 2000 - 16) < 0.3, `${flipped / 2000} of 32`);
  assert.notEqual(bits(1, 2 ** 40), bits(1, 2 ** 41), "high words count");
  assert.notEqual(stream("order"), stream("augment"));
});

Deno.test("normal numbers have mean 0 and deviation 1", () => {
  const values = Array.from({ length: 10000 }, (_, i) => normal(3, i));
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const square = values.reduce((sum, v) => sum + v * v, 0) / values.length;
  assert.ok(Math.abs(mean) < 0.03 && Math.abs(square - 1) < 0.05);
});

Deno.test("permutations reach every position about equally often", () => {
  const counts = new Float64Array(36);
  for (let i = 0; i < 6000; i++) permutation(6, 8, i).forEach((at, j) => counts[at * 6 + j]++);
  for (const count of counts) assert.ok(Math.abs(count - 1000) < 150, `${count}`);
});

Deno.test("numbers of a stream are uniform, and streams that begin side by side are not alike", () => {
  const n = 20_000;
  const [one, other] = [1, 2].map((start) => Array.from({ length: n }, (_, i) => nth(start, i)));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / n;
  assert.ok(one.every((value) => value >= 0 && value < 1));
  assert.ok(Math.abs(mean(one) - 0.5) < 0.01);
  assert.ok(Math.abs(mean(one.map((value) => (value - 0.5) ** 2)) - 1 / 12) < 0.003);
  const together = mean(one.map((value, i) => (value - 0.5) * (other[i] - 0.5)));
  assert.ok(Math.abs(together * 12) < 0.03, `${together * 12}`);
});
