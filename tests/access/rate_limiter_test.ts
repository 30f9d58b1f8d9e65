import assert from "node:assert/strict";
import { RateLimiter } from "@/lib/access/rate_limiter.ts";

Deno.test("a burst passes at once, then as many as come in a second; each key for itself", () => {
  const limiter = new RateLimiter();
  const rate = { rate: 2, burst: 5 };
  const take = (ms: number, id = "a") => limiter.take(id, rate, ms);
  const first = Array.from({ length: 6 }, () => take(0));
  assert.deepEqual(first.map(({ allowed }) => allowed), [true, true, true, true, true, false]);
  assert.deepEqual(first.map(({ remaining }) => remaining), [4, 3, 2, 1, 0, 0]);
  assert.deepEqual([first[5].wait, first[5].full, first[5].burst], [0.5, 2.5, 5]);
  assert.equal(take(0, "b").allowed, true);
  assert.equal(take(499).allowed, false);
  assert.equal(take(500).allowed, true);
  // Ten seconds at ten requests a second let pass what they bring, and no more than the burst at once.
  let passed = 0;
  for (let ms = 600; ms <= 10_600; ms += 100) passed += Number(take(ms).allowed);
  assert.equal(passed, 20);
  assert.equal(take(1e6).remaining, 4);
});

Deno.test("without a burst as many pass at once as come in a second, at least one", () => {
  const limiter = new RateLimiter();
  assert.equal(limiter.take("a", { rate: 7.5, burst: null }, 0).burst, 7);
  const slow = { rate: 0.1, burst: null };
  assert.deepEqual([0, 1, 9_999, 10_000].map((ms) => limiter.take("b", slow, ms).allowed), [
    true,
    false,
    false,
    true,
  ]);
});
