import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { heatmap } from "@/lib/gaze/heatmap.ts";
import type { Item } from "@/lib/gaze/similarity/measure.ts";
import { computeSimilarity, type MeasureName, measures } from "@/lib/gaze/similarity/mod.ts";
import { clustersOf } from "@/lib/gaze/similarity/tima.ts";
import type { Raster } from "@/lib/images/raster.ts";
import { largestDifference } from "./golden.ts";
import {
  cheapestPath,
  correlation,
  cosine,
  dhashReference,
  distribution,
  divergence,
  matrixOf,
  momentsReference,
  multimatchReference,
  randomItems,
  randomNumbers,
  relative,
} from "./reference.ts";

const gpu = await openGpu();
const plain = { weight: "duration" as const, parity: false };
/** One scanpath without fixations, then lengths that are no multiple of anything. */
const items = randomItems(37, (i) => [0, 1, 2, 7, 13, 30][i % 6], 11);
const valid = (i: number) => i % 6 !== 0;
const fixationsOf = ({ scanpaths }: Item) => scanpaths[0].fixations;

function mapsOf(list: Item[], columns: number, rows = columns): Float32Array[] {
  return list.map((item) =>
    heatmap({ ...item, fixations: fixationsOf(item) }, { columns, rows }, plain)
  );
}

async function compare(
  name: MeasureName,
  params: Record<string, unknown>,
  pair: (i: number, j: number) => number,
): Promise<void> {
  const { values, invalid } = await computeSimilarity(gpu, name, items, params);
  const wanted = matrixOf(items.length, 1, valid, (i, j) => [pair(i, j)]);
  const difference = largestDifference(values, wanted);
  assert.ok(difference < 1e-4, `${name} differs by ${difference}`);
  assert.deepEqual(invalid, items.filter((_, i) => !valid(i)).map(({ id }) => id));
}

for (const size of [4, 13, 32]) {
  Deno.test(`moments, cc, kl, histogram: maps of ${size} x ${size}`, async () => {
    const maps = mapsOf(items, size);
    const moments = maps.map((map) => momentsReference(map, size));
    await compare(
      "moments",
      { size, weights: { m00: 0.2, i1: 0.8 } },
      (i, j) =>
        1 - 0.2 * relative(moments[i][0], moments[j][0]) -
        0.8 * relative(moments[i][1], moments[j][1]),
    );
    await compare("cc", { size }, (i, j) => correlation(maps[i], maps[j]));
    const shares = maps.map((map) => distribution(map));
    await compare(
      "histogram",
      { size },
      (i, j) => shares[i].reduce((sum, share, cell) => sum + Math.min(share, shares[j][cell]), 0),
    );
    const epsilon = 1e-4;
    const spread = maps.map((map) => distribution(map, epsilon));
    await compare(
      "kl",
      { size, epsilon },
      (i, j) =>
        Math.exp(-(divergence(spread[i], spread[j]) + divergence(spread[j], spread[i])) / 2),
    );
  });
}

Deno.test("dhash: 8 rows of 9 cells", async () => {
  const bits = mapsOf(items, 9, 8).map(dhashReference);
  await compare("dhash", {}, (i, j) => cosine(bits[i], bits[j]));
});

Deno.test("dtw: distances and durations", async () => {
  const cost = (item: Item, other: Item) => (k: number, l: number) => {
    const [a, b] = [fixationsOf(item)[k], fixationsOf(other)[l]];
    const distance = Math.hypot(a.x - b.x, a.y - b.y) / Math.hypot(800, 800);
    return 0.6 * distance +
      0.4 * Math.abs(a.duration - b.duration) / Math.max(a.duration, b.duration);
  };
  await compare("dtw", { duration_weight: 0.4 }, (a, b) => {
    const [i, j] = a < b ? [a, b] : [b, a];
    const [rows, columns] = [fixationsOf(items[i]).length, fixationsOf(items[j]).length];
    const { path, total } = cheapestPath(rows, columns, cost(items[i], items[j]));
    return 1 - total / path.length;
  });
});

Deno.test("tima: clusters of gaze, without parity", async () => {
  const size = 32;
  const clusters = items.map((item) =>
    clustersOf({ ...item, fixations: fixationsOf(item) }, {
      eps: 0.3,
      min_fraction: 0.1,
      parity: false,
    }).map((fixations) =>
      momentsReference(heatmap({ ...item, fixations }, { columns: size, rows: size }, plain), size)
    )
  );
  assert.ok(clusters.some((list) => list.length > 1));
  const { values, invalid } = await computeSimilarity(gpu, "tima", items, { eps: 0.3 });
  const wanted = matrixOf(items.length, 1, (i) => clusters[i].length > 0, (a, b) => {
    const [u, v] = a < b ? [clusters[a], clusters[b]] : [clusters[b], clusters[a]];
    const { path, total } = cheapestPath(
      u.length,
      v.length,
      (k, l) => 0.7 * relative(u[k][0], v[l][0]) + 0.3 * relative(u[k][1], v[l][1]),
    );
    return [1 - total / path.length];
  });
  assert.ok(largestDifference(values, wanted) < 1e-4);
  assert.deepEqual(
    invalid,
    items.filter((_, i) => clusters[i].length === 0).map(({ id }) => id),
  );
});

for (const combine of ["mean", "max"] as const) {
  Deno.test(`several readers: ${combine} over reader pairs, invalid readers left out`, async () => {
    const readers = [[12, 5], [9, 2, 30], [6], [], [1, 2], [8, 8, 8]];
    let seed = 20;
    const several = readers.map((lengths, at): Item => ({
      id: `several ${at}`,
      width: 800,
      height: 800,
      scanpaths: lengths.map((length, r) => ({
        reader: `reader ${r}`,
        fixations: fixationsOf(randomItems(1, () => length, seed++)[0]),
      })),
    }));
    const single = several.flatMap((item) =>
      item.scanpaths.map((scanpath, r) => ({
        ...item,
        id: `${item.id}, ${r}`,
        scanpaths: [scanpath],
      }))
    );
    const alone = await computeSimilarity(gpu, "multimatch", single);
    const { values, invalid } = await computeSimilarity(gpu, "multimatch", several, {}, {
      combine,
    });
    const n = several.length, m = single.length;
    assert.deepEqual(invalid, ["several 3", "several 4"]);
    for (let c = 0; c < 6; c++) {
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          const found: number[] = [];
          single.forEach((a, k) =>
            single.forEach((b, l) => {
              if (a.id.startsWith(several[i].id) && b.id.startsWith(several[j].id)) {
                found.push(alone.values[(c * m + k) * m + l]);
              }
            })
          );
          const good = found.filter((value) => !Number.isNaN(value));
          const mean = good.reduce((sum, value) => sum + value, 0) / good.length;
          const wanted = good.length === 0
            ? NaN
            : i === j
            ? 1
            : combine === "max"
            ? Math.max(...good)
            : mean;
          assert.ok(largestDifference([values[(c * n + i) * n + j]], [wanted]) < 1e-6);
        }
      }
    }
  });
}

Deno.test("several tiles: more comparands than one tile takes", async () => {
  const many = randomItems(263, (i) => 3 + i % 4, 31);
  const { values } = await computeSimilarity(gpu, "multimatch", many);
  assert.ok(largestDifference(values, multimatchReference(many, { grouping: true })) < 1e-4);
  const maps = randomItems(1031, (i) => 1 + i % 3, 32);
  const moments = mapsOf(maps, 8).map((map) => momentsReference(map, 8));
  const found = await computeSimilarity(gpu, "moments", maps, { size: 8 });
  const wanted = matrixOf(maps.length, 1, () => true, (i, j) => [
    1 - 0.5 * relative(moments[i][0], moments[j][0]) -
    0.5 * relative(moments[i][1], moments[j][1]),
  ]);
  assert.ok(largestDifference(found.values, wanted) < 1e-4);
});

Deno.test("ready-made heatmaps stand in for scanpaths", async () => {
  const random = randomNumbers(3);
  const picture = (width: number, height: number, channels: 1 | 3): Raster => ({
    width,
    height,
    channels,
    bits: 8,
    data: Uint8Array.from({ length: width * height * channels }, () => 256 * random()),
  });
  const pictures = [picture(32, 32, 1), picture(64, 96, 1), picture(40, 50, 3)];
  const black: Raster = { ...picture(20, 20, 1), data: new Uint8Array(400) };
  const list = [...pictures, black].map((map, i): Item => ({
    id: `${i}`,
    width: 100,
    height: 80,
    scanpaths: [],
    heatmaps: [{ reader: "", map: () => map }],
  }));
  const { values, invalid } = await computeSimilarity(gpu, "cc", list);
  assert.deepEqual(invalid, ["3"]);
  const shrunk = (x: number, y: number) => {
    const [map] = pictures.slice(1);
    let sum = 0;
    for (let r = 0; r < 3; r++) {
      for (let c = 0; c < 2; c++) sum += map.data[(3 * y + r) * 64 + 2 * x + c];
    }
    return sum / 6;
  };
  const second = Array.from({ length: 1024 }, (_, i) => shrunk(i % 32, Math.floor(i / 32)));
  // Pictures of 8 bits are shrunk to whole greys.
  assert.ok(Math.abs(values[1] - correlation(pictures[0].data, second)) < 2e-3);
  assert.ok(!Number.isNaN(values[2]) && Number.isNaN(values[3]) && values[0] === 1);
  // In parity a cell is a pixel where the grid meets pixels.
  const parity = await computeSimilarity(gpu, "moments", list, { parity: true });
  const [a, b] = [pictures[0].data, pictures[1].data].map((data, i) =>
    i === 0 ? [...data] : Array.from({ length: 1024 }, (_, cell) => {
      const [x, y] = [2 * (cell % 32), 3 * Math.floor(cell / 32) + 1];
      return Math.round((data[y * 64 + x] + data[y * 64 + x + 1]) / 2);
    })
  ).map((cells) => momentsReference(cells, 32));
  const wanted = 1 - (relative(a[0], b[0]) + relative(a[1], b[1])) / 2;
  assert.ok(Math.abs(parity.values[1] - wanted) < 1e-4);
});

Deno.test("every measure: strict parameters, empty sets, one image", async () => {
  for (const name of Object.keys(measures) as MeasureName[]) {
    assert.ok(!measures[name].params.safeParse({ unknown: 1 }).success, name);
    const none = await computeSimilarity(gpu, name, []);
    assert.equal(none.values.length, 0);
    const [one] = randomItems(1, () => 20, 2);
    const { values, histogram } = await computeSimilarity(gpu, name, [one]);
    assert.deepEqual([...values], measures[name].components.map(() => 1), name);
    assert.equal(histogram.pairs, 0);
    const empty = { ...one, scanpaths: [] };
    const nothing = await computeSimilarity(gpu, name, [empty]);
    assert.ok(nothing.values.every(Number.isNaN), name);
    assert.deepEqual(nothing.invalid, [one.id], name);
  }
});

Deno.test("beside parity, a width or weight of maps is refused and the rest is honoured", async () => {
  for (const name of ["moments", "dhash", "tima", "cc", "kl", "histogram"] as const) {
    const { params } = measures[name];
    for (const given of [{ sigma_px: 9 }, { sigma_deg: 1 }, { weight: "duration" }]) {
      const { error } = params.safeParse({ parity: true, ...given });
      const [issue] = error!.issues;
      assert.deepEqual(issue.path, Object.keys(given), name);
      assert.match(issue.message, /^Cannot use .* beside parity/);
      assert.ok(params.safeParse(given).success);
    }
    // What is kept of a request is read again when the job runs.
    const kept = JSON.parse(JSON.stringify(params.parse({ parity: true, weight: "binary" })));
    assert.deepEqual(params.parse(kept), kept);
  }
  const plain = await computeSimilarity(gpu, "moments", items, { parity: true });
  const other = { parity: true, weights: { m00: 0.2, i1: 0.8 } };
  const dental = await computeSimilarity(gpu, "moments", items, other);
  const smaller = await computeSimilarity(gpu, "moments", items, { parity: true, size: 16 });
  const wider = await computeSimilarity(gpu, "tima", items, { parity: true, eps: 0.5 });
  const tima = await computeSimilarity(gpu, "tima", items, { parity: true });
  assert.ok(largestDifference(plain.values, dental.values) > 1e-3);
  assert.ok(largestDifference(plain.values, smaller.values) > 1e-3);
  assert.notDeepEqual(wider.values, tima.values);
});

Deno.test("sigma in degrees needs the geometry, and is the same as in pixels with it", async () => {
  const list = randomItems(4, () => 9, 8);
  await assert.rejects(
    computeSimilarity(gpu, "cc", list, { sigma_deg: 1 }),
    /Cannot use sigma_deg/,
  );
  const known = list.map((item) => ({ ...item, pixelsPerDegree: 40 }));
  const degrees = await computeSimilarity(gpu, "cc", known, { sigma_deg: 1 });
  const pixels = await computeSimilarity(gpu, "cc", list, { sigma_px: 40 });
  assert.deepEqual(degrees.values, pixels.values);
});

Deno.test("long scanpaths: a tile of them stops where it is asked to, and gives what short tiles give", async () => {
  const long = randomItems(9, () => 2500, 3);
  let pauses = 0;
  const whole = await computeSimilarity(gpu, "dtw", long, {}, { onProgress: () => void pauses++ });
  // Before, while it is computed, and at its end.
  assert.equal(pauses, 3);
  const few = await computeSimilarity(gpu, "dtw", long.slice(0, 2));
  assert.equal(whole.values[1], few.values[1]);
  let seen = 0;
  const stop = () => {
    if (++seen > 1) throw new Error("asked to stop");
  };
  await assert.rejects(
    computeSimilarity(gpu, "dtw", long, {}, { onProgress: stop }),
    /asked to stop/,
  );
  assert.equal(seen, 2);
});

Deno.test("a scanpath that is too long to be compared is named, for every measure of scanpaths and no other", async () => {
  const [one, other] = randomItems(2, () => 3, 3);
  const { fixations } = one.scanpaths[0];
  const items = [one, {
    ...other,
    id: "much",
    scanpaths: [{ reader: "r7", fixations: Array(5001).fill(fixations[0]) }],
  }];
  for (const [name, { input }] of Object.entries(measures)) {
    const computing = computeSimilarity(gpu, name as MeasureName, items);
    if (input === "heatmap") await computing;
    else {
      await assert.rejects(
        computing,
        /gaze of "r7" on "much": it has 5001 fixations, and a scanpath may have 5000.*samples/,
      );
    }
  }
});
