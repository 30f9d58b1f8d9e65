/** Packed fixations are what they were, made anew for whoever asks. */
import assert from "node:assert/strict";
import { fixationCount, packed, packedLike } from "@/lib/gaze/packed_fixations.ts";

Deno.test("packed fixations are the same numbers, also for others that share them", () => {
  const fixations = [
    { x: 1.5, y: -2, start: 0, duration: 0.2 },
    { x: NaN, y: NaN, start: 1e9, duration: 5e-324 },
  ];
  const one = packed({ image: "a", fixations: structuredClone(fixations) });
  assert.deepEqual(one, { image: "a", fixations });
  one.fixations.pop();
  assert.deepEqual(one.fixations, fixations);
  const other = packedLike({ image: "b" }, one);
  assert.deepEqual({ ...other }, { image: "b", fixations });
  for (const holder of [one, other, { fixations }]) assert.equal(fixationCount(holder), 2);
  assert.deepEqual(packed({ fixations: [] }).fixations, []);
  assert.equal(
    JSON.stringify(packed({ fixations: fixations.slice(0, 1) })),
    JSON.stringify({ fixations: fixations.slice(0, 1) }),
  );
});
