/** Pairs of a job's images by the arms that are compared with gaze. */
import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import { partnersOf, type Positives } from "@/lib/gaze/positives.ts";
import { cosines, jobPositives, type PositivesSpec } from "@/lib/training/job_pairs.ts";
import { submit } from "@/lib/jobs/queue.ts";
import { insertClasses } from "../support/classes.ts";
import { withStore } from "../support/temporary.ts";

const spec = {
  ...{ arm: "patient", similarity: null, component: null, cut: { quantile: 0.2 }, soft: false },
  ...{ across_patients: false, seed: 0 },
} as const satisfies PositivesSpec;
const none = () => Promise.reject(new Error("no features are needed"));
const pairsOf = (positives: Positives) => {
  const partners = partnersOf(positives);
  return Array.from({ length: positives.n }, (_, i) => Array.from(partners(i)));
};

Deno.test("arm patient: the other images of one's patient, and a set without such is refused", () =>
  withStore(async (store) => {
    const { dataset, images } = await insertClasses(store, { images: 12, perPatient: 3 });
    const positives = await jobPositives(store, dataset, images, spec, none);
    assert.equal(positives.pairs, 4 * 3);
    assert.deepEqual(pairsOf(positives).slice(0, 4), [[1, 2], [0, 2], [0, 1], [4, 5]]);
    await insertClasses(store, { name: "single", images: 4, perPatient: 1 });
    const request = { kind: "pretrain", dataset: "single", arm: "patient", leave_out: null };
    await assert.rejects(submit(store, request, "1"), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.message, /"single" has 4 patients of one image each/);
      return true;
    });
  }));

Deno.test("arm appearance: the nearest by features, as many as the cut says; patients can be left out", () =>
  withStore(async (store) => {
    const { dataset, images } = await insertClasses(store, { images: 10, perPatient: 2 });
    // Images of a patient point the same way, and patients 0 and 1 nearly so.
    const features = () =>
      Promise.resolve(images.map((_, i) => {
        const angle = [0, 0.1, 1, 2, 3][i >> 1] + 0.001 * (i & 1);
        return Float32Array.of(3 * Math.cos(angle), 3 * Math.sin(angle));
      }));
    const near = { ...spec, arm: "appearance" } as const;
    const all = await jobPositives(store, dataset, images, near, features);
    assert.equal(all.pairs, 9);
    assert.deepEqual(pairsOf(all).slice(0, 5), [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [5]]);
    const across = { ...near, across_patients: true };
    const apart = await jobPositives(store, dataset, images, across, features);
    assert.equal(apart.pairs, 4);
    assert.deepEqual(pairsOf(apart).slice(0, 5), [[2, 3], [2, 3], [0, 1], [0, 1], []]);
    const refused = { kind: "pretrain", dataset: "discs", arm: "labels", across_patients: true };
    await assert.rejects(submit(store, refused, "1"), /Cannot accept the spec/);
  }));

Deno.test("cosines: of lengths nothing is left, and a vector of zeros has none", () => {
  const values = cosines([Float32Array.of(2, 0), Float32Array.of(1, 1), Float32Array.of(0, 0)]);
  assert.ok(Math.abs(values[1] - Math.SQRT1_2) < 1e-6 && Math.abs(values[0] - 1) < 1e-6);
  assert.ok(Number.isNaN(values[2]) && Number.isNaN(values[8]));
});
