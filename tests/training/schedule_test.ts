import assert from "node:assert/strict";
import { targetMomentum } from "@/lib/ssl/momentum.ts";
import { learningRate } from "@/lib/training/schedule.ts";

Deno.test("learning rate warms up linearly and falls by a cosine to 0", () => {
  const schedule = { base: 0.4, kind: "cosine" as const, warmup: 4, total: 12 };
  const rates = Array.from({ length: 13 }, (_, step) => learningRate(schedule, step));
  for (let i = 0; i < 4; i++) assert.ok(Math.abs(rates[i] - (i + 1) / 10) < 1e-15);
  assert.equal(rates[4], 0.4);
  assert.ok(Math.abs(rates[8] - 0.2) < 1e-15 && rates[12] < 1e-15);
  assert.equal(learningRate({ ...schedule, kind: "constant" }, 11), 0.4);
});

Deno.test("target momentum goes from its base to 1", () => {
  assert.ok(Math.abs(targetMomentum(0.99, 0, 100) - 0.99) < 1e-15);
  assert.ok(Math.abs(targetMomentum(0.99, 50, 100) - 0.995) < 1e-15);
  assert.equal(targetMomentum(0.99, 100, 100), 1);
});
