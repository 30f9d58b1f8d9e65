import assert from "node:assert/strict";
import { withFewLabels } from "@/lib/datasets/few_labels.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { Split, SplitImage } from "@/lib/datasets/splits.ts";

/** Patients of two images each; every third patient is malignant. */
const images: SplitImage[] = Array.from({ length: 120 }, (_, i) => ({
  name: `image ${i}`,
  label: (i >> 1) % 3 === 0 ? "malignant" : "benign",
  patient: `P${i >> 1}`,
  split: null,
}));
const split: Split = {
  train: Array.from({ length: 90 }, (_, i) => i),
  validation: [90, 91, 92, 93],
  test: Array.from({ length: 26 }, (_, i) => 94 + i),
};
const drawn = (labels: number, more = {}) =>
  withFewLabels(images, split, { labels, seed: 1, repeat: 0, ...more });
const countOf = (train: number[], label: string) =>
  train.filter((i) => images[i].label === label).length;

Deno.test("as many as asked for, in the shares of the classes, whole patients; the other parts stay", () => {
  const { train, ...rest } = drawn(12);
  assert.equal(train.length, 12);
  assert.deepEqual([countOf(train, "malignant"), countOf(train, "benign")], [4, 8]);
  for (const i of train) assert.ok(train.includes(i ^ 1), "the patient's other image");
  assert.ok(train.every((i, at) => split.train.includes(i) && (at === 0 || i > train[at - 1])));
  assert.deepEqual(rest, { validation: split.validation, test: split.test });
});

Deno.test("a drawing follows from seed and repeat alone, not from the order of the images", () => {
  assert.deepEqual(drawn(12), drawn(12));
  assert.notDeepEqual(drawn(12).train, drawn(12, { repeat: 1 }).train);
  assert.notDeepEqual(drawn(12).train, drawn(12, { seed: 2 }).train);
  const turned = images.toReversed();
  const last = images.length - 1;
  const other = withFewLabels(
    turned,
    { train: split.train.map((i) => last - i), validation: [], test: [] },
    { labels: 12, seed: 1, repeat: 0 },
  );
  const names = (list: SplitImage[], at: number[]) => at.map((i) => list[i].name).sort();
  assert.deepEqual(names(turned, other.train), names(images, drawn(12).train));
});

Deno.test("a share is met as nearly as whole patients allow; all of them is a share of nearly 1", () => {
  assert.equal(drawn(0.1).train.length, 8); // 9 asked for, and patients have two
  assert.equal(drawn(90).train.length, 90);
});

Deno.test("where each class would have a part of a patient, one of them has a whole one", () => {
  const { train } = drawn(10);
  assert.equal(train.length, 10);
  assert.deepEqual([countOf(train, "malignant"), countOf(train, "benign")], [4, 6]);
});

Deno.test("what cannot be drawn is refused with what there is", () => {
  const refused = (labels: number, told: RegExp) =>
    assert.throws(() => drawn(labels), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.message, told);
      assert.equal(error.problems[0].pointer, "/labels");
      return true;
    });
  refused(91, /the training part has 90/);
  refused(
    9,
    /patients are drawn whole, which gives 6 of 6 of class "benign", 2 of 3 of class "malignant": 8/,
  );
  refused(2, /gives 2 of 1 of class "benign", 0 of 1 of class "malignant"/);
  refused(0.011, /Cannot draw 1 \(a share of 0.011\) labelled images: .* of 2 classes/);
});
