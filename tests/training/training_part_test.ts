import assert from "node:assert/strict";
import { trainingPartWarnings } from "@/lib/training/training_part.ts";

const classes = ["a", "b", "c"];
const labels = [0, 1, 2, 0, 1, 2, 0, 1];

Deno.test("a class that no training image has is named, and so is one that no validation image has", () => {
  const [unlearnt, unchosen, ...more] = trainingPartWarnings(
    [{ train: [0, 1, 3], validation: [4, 5] }],
    { labels, classes },
  );
  assert.match(unlearnt, /^none of the 3 training images is of class "c"/);
  assert.match(unchosen, /^none of the 2 validation images is of class "a"/);
  assert.deepEqual(more, []);
});

Deno.test("parts with every class are not warned of; of folds, the one that lacks one is told", () => {
  const whole = { train: [0, 1, 2], validation: [3, 4, 5] };
  assert.deepEqual(trainingPartWarnings([whole], { labels, classes }), []);
  assert.deepEqual(trainingPartWarnings([{ ...whole, validation: [] }], { labels, classes }), []);
  const told = trainingPartWarnings([whole, { ...whole, train: [0, 2] }], { labels, classes });
  assert.equal(told.length, 1);
  assert.match(told[0], /^Fold 1: .*"b"/);
});
