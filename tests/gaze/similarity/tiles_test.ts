import assert from "node:assert/strict";
import type { Gpu } from "@/gpu/device.ts";
import { Distribution } from "@/lib/gaze/similarity/distribution.ts";
import { Matrix } from "@/lib/gaze/similarity/matrix.ts";
import type { Item, Measure } from "@/lib/gaze/similarity/measure.ts";
import { Neighbours, TopPairs } from "@/lib/gaze/similarity/neighbours.ts";
import { forEachTile } from "@/lib/gaze/similarity/tiles.ts";
import { z } from "zod";
import { randomNumbers } from "./reference.ts";

const n = 53, side = 8, invalid = 17;
const random = randomNumbers(5);
const table = Array.from({ length: n }, () => Array.from({ length: n }, () => 0));
for (let i = 0; i < n; i++) {
  for (let j = 0; j <= i; j++) {
    // Few values, so that there are equals.
    table[i][j] = table[j][i] = i === invalid || j === invalid
      ? NaN
      : Math.floor(random() * 40) / 40;
  }
}
const items: Item[] = table.map((_, i) => ({
  id: `${i}`,
  width: 1,
  height: 1,
  scanpaths: [{ reader: "r", fixations: [] }],
}));

/** Similarities from the table; no GPU is used. */
const measure: Measure = {
  title: "Places",
  about: "A measure of the test.",
  params: z.strictObject({}),
  components: ["score", "half"],
  input: "scanpath",
  prepare: (_gpu, comparands) =>
    Promise.resolve({
      valid: comparands.map((_, i) => i !== invalid),
      pairs: {
        components: 2,
        side,
        destroy() {},
        tile: (rows, columns) =>
          Promise.resolve(Float32Array.from(
            { length: 2 * rows.count * columns.count },
            (_, at) => {
              const cell = at % (rows.count * columns.count);
              const row = rows.from + Math.floor(cell / columns.count);
              const value = table[row][columns.from + cell % columns.count];
              return at === cell ? value : value / 2;
            },
          )),
      },
    }),
};

const sorted = (list: { i: number; j: number; value: number }[]) =>
  list.filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => b.value - a.value || a.i - b.i || a.j - b.j);

Deno.test("tiles make the whole matrix, each pair once for progress", async () => {
  const matrix = new Matrix(n, 2);
  const seen: number[] = [];
  const result = await forEachTile({} as Gpu, measure, items, {
    params: {},
    sinks: [matrix],
    onProgress: (done) => {
      seen.push(done);
    },
  });
  assert.deepEqual(result.invalid, [`${invalid}`]);
  assert.equal(seen.at(-1), n * (n + 1) / 2);
  assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const wanted = i === j && i !== invalid ? 1 : table[i][j];
      assert.equal(matrix.values[i * n + j], Math.fround(wanted));
      const part = i === j ? wanted : wanted / 2;
      assert.equal(matrix.values[(n + i) * n + j], Math.fround(part));
    }
  }
});

for (const k of [1, 5, n]) {
  Deno.test(`neighbours: the ${k} nearest of each, of equals the first`, async () => {
    const neighbours = new Neighbours(n, k);
    await forEachTile({} as Gpu, measure, items, { params: {}, sinks: [neighbours] });
    for (let i = 0; i < n; i++) {
      const wanted = sorted(
        table[i].map((value, j) => ({ i: j, j, value })).filter(({ j }) => j !== i),
      ).slice(0, k);
      const got = [...neighbours.indices.subarray(i * k, (i + 1) * k)];
      assert.deepEqual(got.filter((j) => j >= 0), wanted.map(({ j }) => j));
      const values = neighbours.values.subarray(i * k, i * k + wanted.length);
      assert.deepEqual([...values], wanted.map(({ value }) => Math.fround(value)));
    }
  });
}

for (const capacity of [1, 10, 100, 5000]) {
  Deno.test(`the ${capacity} nearest pairs of all`, async () => {
    const top = new TopPairs(capacity);
    await forEachTile({} as Gpu, measure, items, { params: {}, sinks: [top] });
    const all = sorted(
      table.flatMap((row, i) => row.slice(i + 1).map((value, at) => ({ i, j: i + 1 + at, value }))),
    );
    const { rows, columns, values, above } = top.pairs;
    assert.deepEqual(
      [...values],
      all.slice(0, capacity).map(({ value }) => Math.fround(value)),
    );
    values.forEach((value, at) => assert.equal(value, Math.fround(table[rows[at]][columns[at]])));
    assert.equal(new Set(rows.map((row, at) => row * n + columns[at])).size, values.length);
    if (capacity < all.length) {
      assert.equal(above, values.at(-1));
      const strictly = all.filter(({ value }) => Math.fround(value) > above!).length;
      assert.equal(values.filter((value) => value > above!).length, strictly);
    } else assert.equal(above, null);
  });
}

Deno.test("the distribution counts every pair once", async () => {
  const distribution = new Distribution([0, 1]);
  await forEachTile({} as Gpu, measure, items, { params: {}, sinks: [distribution] });
  const { counts, pairs, invalid_pairs, mean, min, max } = distribution.data;
  const all: number[] = [];
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) all.push(Math.fround(table[i][j]));
  const good = all.filter((value) => !Number.isNaN(value));
  assert.deepEqual([pairs, invalid_pairs], [good.length, n - 1]);
  assert.equal(counts.reduce((a, b) => a + b), pairs);
  for (let bin = 0; bin < 100; bin += 7) {
    const inside = good.filter((value) => value * 100 >= bin && value * 100 < bin + 1);
    assert.equal(counts[bin], inside.length);
  }
  assert.ok(Math.abs(mean! - good.reduce((a, b) => a + b) / good.length) < 1e-9);
  assert.deepEqual([min, max], [Math.min(...good), Math.max(...good)]);
});

Deno.test("a pair of images with gaze whose similarity is no number ends the job by their names", async () => {
  for (const wrong of [Infinity, NaN]) {
    const broken: Measure = {
      ...measure,
      prepare: async (...given) => {
        const { pairs, ...rest } = await measure.prepare(...given);
        return {
          ...rest,
          pairs: {
            ...pairs,
            async tile(rows, columns) {
              const values = await pairs.tile(rows, columns);
              if (rows.from <= 3 && 3 < rows.from + rows.count && columns.from === rows.from) {
                values[(3 - rows.from) * columns.count + 5 - columns.from] = wrong;
              }
              return values;
            },
          },
        };
      },
    };
    const options = { params: {}, sinks: [new Matrix(n, 2)] };
    await assert.rejects(
      forEachTile(undefined as unknown as Gpu, broken, items, options),
      new RegExp(`similarity of "3" and "5": it is ${wrong}`),
    );
  }
});
