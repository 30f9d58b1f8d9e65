/** A picture that is tried, and that the set or the model knows already. */
import assert from "node:assert/strict";
// @ts-types="./page_modules.d.ts"
import { knownWords, sameInSet } from "../../static/known_picture.js";

Deno.test("tried pictures: one of the set is found by name, or as the same to the network", () => {
  const nearest = [{ image: "a", similarity: 0.999999 }, { image: "b", similarity: 0.9 }];
  assert.equal(sameInSet("z", nearest), "z");
  assert.equal(sameInSet(undefined, nearest), "a");
  assert.equal(sameInSet(undefined, nearest.slice(1)), undefined);
});

Deno.test("tried pictures: what was trained on, and what has a label, is said", () => {
  const split = { train: ["a"], validation: ["b"], test: ["c"] };
  const words = (image: string, dropped: boolean, label: string | null) =>
    knownWords({ image, dropped, label, split });
  assert.match(
    words("a", false, "benign"),
    /its label is benign; the classifier was trained on it/,
  );
  assert.match(words("b", true, null), /same as b of the set; .* stopped by it/);
  assert.match(words("c", false, null), /test part/);
  assert.equal(words("d", false, null), "");
});
