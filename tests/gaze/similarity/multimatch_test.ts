import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import type { Fixation } from "@/lib/gaze/gaze.ts";
import type { Item } from "@/lib/gaze/similarity/measure.ts";
import { comparandsOf } from "@/lib/gaze/similarity/comparands.ts";
import { computeSimilarity, measures } from "@/lib/gaze/similarity/mod.ts";
import { saccadesOf } from "@/lib/gaze/similarity/simplify.ts";
import { sharedPath, sharedTest } from "../../support/shared.ts";
import { GOLDEN_FILES, largestDifference, readGolden } from "./golden.ts";
import { multimatchReference, randomItems } from "./reference.ts";

const gpu = await openGpu();

sharedTest("multimatch: the 400 reference pairs", GOLDEN_FILES, async (json, tensors) => {
  const golden = readGolden(json, tensors);
  const { params } = golden;
  const { values, components, invalid } = await computeSimilarity(gpu, "multimatch", golden.items, {
    direction_deg: params.TDir_deg,
    duration_s: params.TDur,
    amplitude_px: params.TAmp_px,
  });
  assert.deepEqual(components, [
    "score",
    "shape",
    "direction",
    "length",
    "position",
    "duration",
  ]);
  assert.deepEqual(invalid, []);
  const n = golden.items.length;
  const wanted = golden.tensors.multimatch;
  for (let part = 0; part < 5; part++) {
    const column = Array.from({ length: n * n }, (_, pair) => wanted[pair * 5 + part]);
    const got = values.subarray((part + 1) * n * n, (part + 2) * n * n);
    assert.ok(largestDifference(got, column) < 1e-5, components[part + 1]);
  }
  for (let pair = 0; pair < n * n; pair++) {
    const mean = wanted.slice(pair * 5, pair * 5 + 5).reduce((a, b) => a + b) / 5;
    assert.ok(Math.abs(values[pair] - mean) < 1e-5);
  }
});

type Expected = Record<string, number[] | string> & { n1: number };

/** Compares pairs two by two; where the published code fails, a finite value in [0, 1] is asked for. */
async function comparePairs(
  pairs: { expected: number[] | string; items: Item[] }[],
  params: Record<string, unknown>,
): Promise<{ compared: number; failed: number }> {
  let compared = 0, failed = 0;
  for (const { expected, items } of pairs) {
    const { values } = await computeSimilarity(gpu, "multimatch", items, params);
    const got = [1, 2, 3, 4, 5].map((part) => values[part * 4 + 1]);
    if (typeof expected === "string") {
      assert.ok(got.every((value) => value >= 0 && value <= 1), expected);
      failed++;
    } else {
      assert.ok(largestDifference(got, expected) < 1e-4, `${got} instead of ${expected}`);
      compared++;
    }
  }
  return { compared, failed };
}

sharedTest("multimatch: real gaze on film, published results", [
  "data/multimatch_gaze/expected_multimatch.json",
], async (file) => {
  const { results } = JSON.parse(Deno.readTextFileSync(file)) as {
    results: (Expected & { segment: number })[];
  };
  const load = (segment: number, person: string): Item => {
    const path = sharedPath(
      `data/multimatch_gaze/fixvectors/segment_${segment}_sub-${person}.tsv`,
    )!;
    const fixations = Deno.readTextFileSync(path).trim().split("\n").slice(1).map((line) => {
      const [x, y, duration] = line.split("\t").map(Number);
      return { x, y, start: 0, duration };
    });
    return { id: person, width: 1280, height: 720, scanpaths: [{ reader: person, fixations }] };
  };
  const pairs = (key: string) =>
    results.map((result) => ({
      expected: result[key],
      items: [load(result.segment, "19"), load(result.segment, "01")],
    }));
  assert.deepEqual(await comparePairs(pairs("nogroup"), { grouping: false }), {
    compared: 28,
    failed: 0,
  });
  assert.deepEqual(await comparePairs(pairs("group_45_0.3_146.8"), { amplitude_px: 146.8 }), {
    compared: 25,
    failed: 3,
  });
});

sharedTest("multimatch: real gaze on photographs, published results", [
  "data/osie/expected_multimatch.json",
  "data/osie/fixations.csv",
], async (file, csv) => {
  const scanpaths = new Map<string, Fixation[]>();
  for (const line of Deno.readTextFileSync(csv).trim().split("\n").slice(1)) {
    const [image, subject, , x, y, duration_ms] = line.split(",");
    const key = `${image} ${subject}`;
    if (!scanpaths.has(key)) scanpaths.set(key, []);
    scanpaths.get(key)!.push({ x: +x, y: +y, start: 0, duration: +duration_ms / 1000 });
  }
  const { results } = JSON.parse(Deno.readTextFileSync(file)) as {
    results: (Expected & { image: string; s1: number; s2: number })[];
  };
  const item = (image: string, reader: number): Item => ({
    id: `${reader}`,
    width: 800,
    height: 600,
    scanpaths: [{ reader: `${reader}`, fixations: scanpaths.get(`${image} ${reader}`)! }],
  });
  const pairs = (key: string) =>
    results.map((result) => ({
      expected: result[key],
      items: [item(result.image, result.s1), item(result.image, result.s2)],
    }));
  const plain = await comparePairs(pairs("nogroup"), { grouping: false });
  const grouped = await comparePairs(pairs("group_45_0.3_100"), { amplitude_px: 100 });
  assert.deepEqual([plain, grouped], [{ compared: 20, failed: 0 }, { compared: 18, failed: 2 }]);
});

for (const grouping of [false, true]) {
  Deno.test(`multimatch: random scanpaths of 1 to 67 fixations, grouping ${grouping}`, async () => {
    const items = randomItems(23, (i) => [1, 2, 3, 4, 5, 17, 31, 67][i % 8], 5);
    const { values, invalid } = await computeSimilarity(gpu, "multimatch", items, { grouping });
    const wanted = multimatchReference(items, { grouping });
    assert.ok(largestDifference(values, wanted) < 1e-4);
    assert.deepEqual(invalid, items.filter((_, i) => i % 8 < 2).map(({ id }) => id));
  });
}

/** The authors' setting, written out. */
const AUTHORS = {
  screen: { width: 1920, height: 1080 },
  direction_deg: 45,
  duration_s: 100,
  amplitude_px: 160,
  weights: [0.1, 0.1, 0.1, 0.1, 0.6],
};

Deno.test("multimatch: parity is the authors' whole setting, to rounding", async () => {
  // Durations around the limit, in counts of samples, so that it decides what is merged.
  const items = randomItems(40, (i) => 3 + i, 17).map((item) => ({
    ...item,
    scanpaths: item.scanpaths.map(({ reader, fixations }) => ({
      reader,
      fixations: fixations.map((f) => ({ ...f, duration: Math.round(300 * f.duration) })),
    })),
  }));
  const score = (all: ArrayLike<number>) => Array.prototype.slice.call(all, 0, 40 * 40);
  const { values } = await computeSimilarity(gpu, "multimatch", items, { parity: true });
  const wanted = score(multimatchReference(items, AUTHORS));
  // Sums of f32 lie up to one unit in the last place from the published f64.
  assert.ok(largestDifference(score(values), wanted) < 2 ** -23);
  // Each part of the setting matters, so none of them is left out.
  for (const change of [{ duration_s: 60 }, { amplitude_px: 100 }, { direction_deg: 30 }]) {
    const other = await computeSimilarity(gpu, "multimatch", items, { parity: true, ...change });
    assert.ok(largestDifference(score(other.values), wanted) > 1e-3, Object.keys(change)[0]);
    const reference = score(multimatchReference(items, { ...AUTHORS, ...change }));
    assert.ok(largestDifference(score(other.values), reference) < 2 ** -23);
  }
});

sharedTest(
  "multimatch: parity, and options beside it, on the published values",
  GOLDEN_FILES,
  async (json, tensors) => {
    const { items, params, tensors: { multimatch } } = readGolden(json, tensors);
    const size = { width: 800, height: 800 };
    const { values } = await computeSimilarity(gpu, "multimatch", items, {
      parity: true,
      screen: size,
      duration_s: params.TDur,
      amplitude_px: params.TAmp_px,
    });
    const pairs = items.length ** 2;
    const wanted = Array.from(
      { length: pairs },
      (_, pair) => AUTHORS.weights.reduce((sum, w, k) => sum + w * multimatch[5 * pair + k], 0),
    );
    const apart = largestDifference(values.slice(0, pairs), wanted);
    assert.ok(apart < 2 ** -23, `${apart}`);
    // The five alone, on the authors' screen: lengths count less by the longer diagonal.
    const other = await computeSimilarity(gpu, "multimatch", items, {
      parity: true,
      duration_s: params.TDur,
      amplitude_px: params.TAmp_px,
    });
    const longer = Math.hypot(1920, 1080) / Math.hypot(800, 800);
    const rescaled = Array.from({ length: pairs }, (_, pair) => {
      const [shape, direction, length, position, duration] = multimatch.slice(
        5 * pair,
        5 * pair + 5,
      );
      const far = [shape, length, position].map((value) => 1 - (1 - value) / longer);
      return 0.1 * (far[0] + direction + far[1] + far[2]) + 0.6 * duration;
    });
    assert.ok(largestDifference(other.values.slice(0, pairs), rescaled) < 2 ** -23);
  },
);

Deno.test("multimatch: parity on durations in seconds warns, with the numbers", async () => {
  const items = randomItems(3, () => 9, 5);
  const { comparands } = comparandsOf(items, "scanpath");
  const prepare = async (given: Record<string, unknown>) => {
    const params = measures.multimatch.params.parse(given);
    const { pairs, used, warnings } = await measures.multimatch.prepare(gpu, comparands, params);
    pairs.destroy();
    return { used, warnings };
  };
  const { used, warnings } = await prepare({ parity: true });
  const { weights: _, direction_deg: __, ...setting } = AUTHORS;
  assert.deepEqual({ ...used, weights: undefined }, { ...setting, weights: undefined });
  assert.match(warnings![0], /limit of 100 counts samples.*under it/);
  assert.deepEqual((await prepare({ parity: true, duration_s: 0.3 })).warnings, []);
  assert.deepEqual((await prepare({})).warnings, []);
});

Deno.test("multimatch: an image with itself is 1, symmetric, weights scaled to sum 1", async () => {
  const items = randomItems(9, () => 12, 7);
  const options = { weights: [0, 0, 0, 4, 4] };
  const { values } = await computeSimilarity(gpu, "multimatch", items, options);
  const size = 81;
  for (let i = 0; i < 9; i++) {
    for (let j = 0; j < 9; j++) {
      const at = i * 9 + j;
      assert.equal(values[at], values[j * 9 + i]);
      if (i === j) assert.equal(values[at], 1);
      const expected = (values[4 * size + at] + values[5 * size + at]) / 2;
      assert.ok(Math.abs(values[at] - expected) < 1e-6);
    }
  }
});

Deno.test("multimatch: images of different sizes are laid over one another", async () => {
  const [first] = randomItems(1, () => 15, 3);
  const half: Item = {
    ...first,
    id: "half",
    width: first.width / 2,
    height: first.height / 2,
    scanpaths: first.scanpaths.map(({ reader, fixations }) => ({
      reader,
      fixations: fixations.map((f) => ({ ...f, x: f.x / 2, y: f.y / 2 })),
    })),
  };
  const { values } = await computeSimilarity(gpu, "multimatch", [first, half]);
  assert.ok(Math.abs(values[1] - 1) < 1e-5);
  const raw = await computeSimilarity(gpu, "multimatch", [first, half], {
    screen: { width: 800, height: 800 },
  });
  assert.ok(raw.values[1] < 0.999);
});

Deno.test("saccades start at their fixation", () => {
  const path = saccadesOf([
    { x: 1, y: 2, start: 0, duration: 0.1 },
    { x: 4, y: 6, start: 0, duration: 0.2 },
  ]);
  assert.deepEqual(path, { x: [1], y: [2], dx: [3], dy: [4], duration: [0.1, 0.2] });
});
