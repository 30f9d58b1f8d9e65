/** Measures of scanpaths and of heatmap pairs, against values worked out by hand. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Fixation } from "@/lib/gaze/gaze.ts";
import { cc, kl, nss, scanpathMeasures, sim } from "@/lib/gaze/measures.ts";

const size = { width: 800, height: 600 };

function path(...points: [number, number, number][]): Fixation[] {
  return points.map(([x, y, duration], i) => ({ x, y, start: i, duration }));
}

function near(actual: number | null, expected: number, tolerance = 1e-9): void {
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= tolerance,
    `${actual}, expected ${expected}`,
  );
}

Deno.test("a scanpath's counts, durations and lengths", () => {
  const measures = scanpathMeasures(
    path([0, 0, 0.1], [300, 400, 0.2], [300, 100, 0.3]),
    size,
    0.04,
  );
  assert.equal(measures.fixation_count, 3);
  near(measures.duration_mean_s, 0.2);
  near(measures.duration_total_s, 0.6);
  near(measures.path_length_px, 800);
  near(measures.saccade_amplitude_px, 400);
  assert.equal(measures.data_loss, 0.04);
});

Deno.test("entropies: of the cells, and of the next cell given this one", () => {
  // Cells A B A B A C: half A, a third B, a sixth C; A goes to B, B, C, B to A, A.
  const [a, b, c]: [number, number, number][] = [[50, 50, 1], [150, 50, 1], [750, 550, 1]];
  const measures = scanpathMeasures(path(a, b, a, b, a, c), size);
  near(measures.stationary_entropy_bits, 0.5 + Math.log2(3) / 3 + Math.log2(6) / 6);
  near(measures.transition_entropy_bits, 3 / 5 * (2 / 3 * Math.log2(3 / 2) + 1 / 3 * Math.log2(3)));
});

Deno.test("bivariate contour ellipse area: 2 k pi sx sy sqrt(1 - r^2)", () => {
  // A cross: variances 2 * 100^2 / 3 and 2 * 50^2 / 3, no correlation; k = -ln(1 - 0.682).
  const cross = path([300, 300, 1], [500, 300, 1], [400, 250, 1], [400, 350, 1]);
  near(
    scanpathMeasures(cross, size).bcea_px2,
    2 * 1.1457038962 * Math.PI * (100 * 50 * 2 / 3),
    1e-3,
  );
  const line = path([0, 0, 1], [100, 100, 1], [200, 200, 1]);
  near(scanpathMeasures(line, size).bcea_px2, 0, 1e-6);
});

Deno.test("coverage: the share of the image near a fixation", () => {
  // A circle of a radius of 40 px on 800 x 600.
  near(scanpathMeasures(path([400, 300, 1]), size).coverage, Math.PI * 40 * 40 / (800 * 600), 1e-3);
  assert.equal(scanpathMeasures([], size).coverage, 0);
});

Deno.test("scanpaths too short have no value where none is defined", () => {
  const none = scanpathMeasures([], size);
  assert.deepEqual(
    [none.duration_mean_s, none.saccade_amplitude_px, none.stationary_entropy_bits, none.bcea_px2],
    [null, null, null, null],
  );
  const one = scanpathMeasures(path([1, 1, 1]), size);
  assert.equal(one.stationary_entropy_bits, 0);
  assert.equal(one.transition_entropy_bits, null);
});

Deno.test("heatmap pairs: correlation, divergence, intersection", () => {
  near(cc([1, 2, 3, 4], [2, 4, 6, 8]), 1);
  near(cc([1, 2, 3, 4], [4, 3, 2, 1]), -1);
  near(cc([1, 0, 0, 0], [0, 1, 0, 0]), -1 / 3);
  assert.equal(cc([1, 1], [1, 2]), null);
  near(kl([3, 1], [1, 1]), 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5), 1e-9);
  near(sim([3, 1], [1, 1]), 0.75);
  near(sim([1, 0], [0, 5]), 0);
  assert.equal(kl([0, 0], [1, 1]), null);
  assert.equal(sim([0, 0], [1, 1]), null);
});

Deno.test("normalised scanpath saliency: the standardised map where the eye rested", () => {
  // Mean 1, variance 3: the bright cell stands 3 / sqrt(3) over the mean.
  const map = [0, 0, 0, 4];
  const cells = { width: 2, height: 2 };
  near(nss(map, cells, path([700, 500, 1]), size), Math.sqrt(3));
  near(
    nss(map, cells, path([700, 500, 1], [10, 10, 1]), size),
    (Math.sqrt(3) - 1 / Math.sqrt(3)) / 2,
  );
  assert.equal(nss([1, 1, 1, 1], cells, path([1, 1, 1]), size), null);
});

Deno.test("heatmap pair measures: symmetric, bounded, best for equal maps", () => {
  const maps = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), {
    minLength: 4,
    maxLength: 16,
  })
    .filter((map) => map.reduce((sum, value) => sum + value, 0) > 1e-6)
    .chain((a) =>
      fc.array(fc.double({ min: 0.001, max: 10, noNaN: true }), {
        minLength: a.length,
        maxLength: a.length,
      })
        .map((b) => ({ a, b }))
    );
  fc.assert(
    fc.property(maps, ({ a, b }) => {
      near(sim(a, b), sim(b, a)!, 1e-12);
      assert.ok(sim(a, b)! >= 0 && sim(a, b)! <= 1 + 1e-12);
      near(sim(a, a), 1, 1e-9);
      assert.ok(kl(a, b)! >= -1e-9);
      near(kl(b, b), 0, 1e-9);
      const r = cc(a, b);
      assert.ok(r === null || (r >= -1 - 1e-9 && r <= 1 + 1e-9));
    }),
    { numRuns: 500, seed: 5 },
  );
});

Deno.test("a flat map has neither correlation nor saliency, whatever its mean rounds to", () => {
  const other = Array.from({ length: 832 }, (_, i) => i % 7);
  for (const value of [0, 0.1, 0.58891, 1 / 3]) {
    const flat = new Array(832).fill(value);
    assert.equal(cc(flat, other), null);
    assert.equal(cc(other, flat), null);
    assert.equal(nss(flat, { width: 26, height: 32 }, path([9, 9, 1]), size), null);
  }
});
