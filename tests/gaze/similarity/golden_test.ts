import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { readFloats } from "@/gpu/buffer.ts";
import { heatmap } from "@/lib/gaze/heatmap.ts";
import { comparandMaps } from "@/lib/gaze/similarity/maps.ts";
import { computeSimilarity, type MeasureName } from "@/lib/gaze/similarity/mod.ts";
import { clustersOf } from "@/lib/gaze/similarity/tima.ts";
import { comparandsOf } from "@/lib/gaze/similarity/comparands.ts";
import { sharedTest } from "../../support/shared.ts";
import { GOLDEN_FILES, largestDifference, readGolden } from "./golden.ts";

const gpu = await openGpu();

sharedTest(
  "heatmaps: the published 32x32 maps, to one grey at a few cells",
  GOLDEN_FILES,
  async (...files) => {
    const { items, tensors } = readGolden(files[0], files[1]);
    const { comparands } = comparandsOf(items, "scanpath");
    const options = { weight: "duration" as const, parity: true };
    const { maps } = await comparandMaps(gpu, comparands, { columns: 32, rows: 32 }, options);
    const values = await readFloats(gpu, maps.buffer);
    maps.destroy();
    assert.ok(largestDifference(values, tensors.heatmaps32) <= 1);
    const differing = values.filter((value, i) => value !== tensors.heatmaps32[i]).length;
    assert.ok(differing <= 4, `${differing} cells differ`);
    // The form without a GPU is f64 and exact.
    const alone = heatmap(comparands[0], { columns: 800, rows: 800 }, options);
    const sampled = Float32Array.from({ length: 1024 }, (_, i) => {
      const [row, column] = [Math.floor(i / 32), i % 32];
      return Math.round(alone[(25 * row + 12) * 800 + 25 * column + 12] * 255);
    });
    assert.equal(largestDifference(sampled, tensors.heatmaps32.slice(0, 1024)), 0);
  },
);

const measures: [MeasureName, string][] = [
  ["moments", "moment_similarity"],
  ["dhash", "dhash_similarity"],
  ["tima", "tima_similarity"],
];
for (const [name, tensor] of measures) {
  sharedTest(`${name}: the published similarities`, GOLDEN_FILES, async (...files) => {
    const { items, tensors } = readGolden(files[0], files[1]);
    const { values, invalid } = await computeSimilarity(gpu, name, items, { parity: true });
    assert.ok(largestDifference(values, tensors[tensor]) < 1e-6);
    const n = items.length;
    const without = items.filter((_, i) => Number.isNaN(tensors[tensor][i * n + i]));
    assert.deepEqual(invalid, without.map(({ id }) => id));
  });
}

sharedTest("tima: the published clusters", GOLDEN_FILES, (...files) => {
  const { items, timaLabels } = readGolden(files[0], files[1]);
  items.forEach((item, at) => {
    const { fixations } = item.scanpaths[0];
    const clusters = clustersOf({ ...item, fixations }, {
      eps: 0.2,
      min_fraction: 0.1,
      parity: true,
    });
    const labels = fixations.map((fixation) =>
      clusters.findIndex((cluster) => cluster.includes(fixation))
    );
    assert.deepEqual(labels, timaLabels[at]);
  });
});
