import assert from "node:assert/strict";
import {
  normalQuantile,
  normalTail,
  studentQuantile,
  studentTail,
} from "@/lib/evaluation/distributions.ts";
import { near } from "@/tests/support/near.ts";
import fixture from "@/tests/fixtures/statistics.json" with { type: "json" };

Deno.test("tails and quantiles are SciPy's, of few degrees of freedom to infinitely many", () => {
  for (const { t, df, p } of fixture.tails) {
    const found = df === null ? normalTail(t) : studentTail(t, df);
    near(found, p, `tail of ${t}, ${df}`);
    assert.ok(Math.abs(found - p) <= 1e-9 * p, `tail of ${t}, ${df} relative: ${found}, ${p}`);
  }
  for (const { level, df, t } of fixture.quantiles) {
    near(df === null ? normalQuantile(level) : studentQuantile(level, df), t, `${level}, ${df}`);
  }
});

Deno.test("tails at the ends", () => {
  assert.equal(normalTail(0), 1);
  assert.equal(studentTail(0, 3), 1);
  assert.equal(normalTail(40), 0);
});
