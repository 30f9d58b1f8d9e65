import assert from "node:assert/strict";
import { ignoredMarks, splitsOf, withoutTest } from "@/lib/datasets/job_split.ts";

const images = Array.from({ length: 40 }, (_, i) => ({
  name: `image ${i}`,
  label: i % 10 === 9 ? null : i % 20 < 10 ? "benign" : "malignant",
  patient: `patient ${Math.floor(i / 5)}`,
  split: null,
}));
const labelled = images.filter(({ label }) => label !== null);
const parts = { split: { validation: 0.2, test: 0.25 }, folds: null, fold: null, seed: 3 };

Deno.test("what is left out for pre-training is what fine-tuning tests on, with its patients", () => {
  for (const spec of [parts, { ...parts, folds: 4, fold: 2 }]) {
    const [{ test }] = splitsOf(spec, labelled);
    const patients = new Set(test.map((i) => labelled[i].patient));
    const rest = withoutTest(images, spec);
    assert.ok(test.length > 0 && rest.length < images.length);
    assert.deepEqual(rest, images.filter(({ patient }) => !patients.has(patient)));
    assert.ok(rest.some(({ label }) => label === null), "images without a label take part");
  }
});

Deno.test("one fold is the fold of that number among all", () => {
  const spec = { ...parts, folds: 4 };
  const all = splitsOf(spec, labelled);
  all.forEach((split, fold) => assert.deepEqual(splitsOf({ ...spec, fold }, labelled), [split]));
});

Deno.test("images that are all marked as test are not trained on", () => {
  const marked = labelled.map((image) => ({ ...image, split: "test" as const }));
  assert.throws(() => splitsOf(parts, marked), /Cannot use .* none of its 36 .* for training/);
  const [first, ...rest] = marked;
  const [{ train, test }] = splitsOf(parts, [{ ...first, split: null, patient: null }, ...rest]);
  assert.deepEqual([train.length, test.length], [1, 35]);
});

Deno.test("marks that nothing is made of are told", () => {
  const marked = labelled.map((image, i) => ({
    ...image,
    split: i % 3 === 0 ? "validation" as const : i % 3 === 1 ? "train" as const : null,
  }));
  assert.match(
    ignoredMarks(parts, marked)!,
    /^24 of 36 labelled images are marked .* none is marked as test: the marks are not used/,
  );
  assert.match(ignoredMarks({ folds: 4 }, marked)!, /folds are drawn anew/);
  assert.equal(ignoredMarks(parts, labelled), undefined);
  const whole = marked.map((image, i) => i < 10 ? { ...image, split: "test" as const } : image);
  assert.equal(ignoredMarks(parts, whole), undefined);
});
