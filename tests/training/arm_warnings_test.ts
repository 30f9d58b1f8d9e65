import assert from "node:assert/strict";
import { armWarnings } from "@/lib/training/arm_warnings.ts";

Deno.test("an arm of one pair is hardly more than none, and is said to be", () => {
  const n = 4;
  const matrix = new Uint8Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  matrix[1] = matrix[n] = 1;
  const images = Array.from({ length: n }, () => ({ label: null, patient: null }));
  const told = armWarnings("gaze", { matrix, n, cut: 0.9, pairs: 1 }, images);
  assert.deepEqual(told, [
    'arm "gaze" has one positive pair among its 4 images: it is hardly more than "none"',
  ]);
});
