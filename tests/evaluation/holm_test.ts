import assert from "node:assert/strict";
import { holm } from "@/lib/evaluation/holm.ts";
import { near } from "@/tests/support/near.ts";
import fixture from "@/tests/fixtures/statistics.json" with { type: "json" };

Deno.test("Holm's adjustment never falls, stays at 1, and leaves out what was not tested", () => {
  near(holm(fixture.holm.p), fixture.holm.adjusted, "adjusted");
  // By hand: three tests; 0.01 x 3, then 0.02 x 2, then 0.6 x 1.
  near(holm([0.6, null, 0.01, 0.02]), [0.6, null, 0.03, 0.04], "with a null");
  assert.deepEqual(holm([0.9, 0.8]), [1, 1]);
  assert.deepEqual(holm([]), []);
});
