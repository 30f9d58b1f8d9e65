import assert from "node:assert/strict";
import { leastSeen, pairedT } from "@/lib/evaluation/paired_t.ts";

const SCIPY = {
  mean: 0.028749999999999998,
  deviation: 0.02232071427428535,
  p: 0.00825274952300078,
  low: 0.010089415885575229,
  high: 0.04741058411442477,
};

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} instead of ${expected}`);

Deno.test("as SciPy: p of ttest_1samp, interval of its confidence_interval", () => {
  const { n, mean, deviation, interval, p } = pairedT([
    0.03,
    0.05,
    -0.01,
    0.04,
    0.02,
    0.06,
    0.01,
    0.03,
  ]);
  assert.equal(n, 8);
  near(mean, SCIPY.mean);
  near(deviation!, SCIPY.deviation);
  near(p!, SCIPY.p);
  near(interval![0], SCIPY.low);
  near(interval![1], SCIPY.high);
});

Deno.test("one value has no interval, and equal ones no p", () => {
  assert.deepEqual(pairedT([0.2]), { n: 1, mean: 0.2, deviation: null, interval: null, p: null });
  assert.equal(pairedT([0.25, 0.25]).p, null);
});

Deno.test("what is seen in 80 of 100 cases shrinks with more runs, and grows with the deviation", () => {
  // Of n = 5 and a deviation of 0.12 the protocol's first version saw 0.2 or more.
  const least = leastSeen(0.12, 5);
  assert.ok(least > 0.19 && least < 0.22, `${least}`);
  assert.ok(leastSeen(0.12, 8) < least && leastSeen(0.02, 8) < 0.03);
});
