import assert from "node:assert/strict";
import { armWarnings, idleSettings } from "@/lib/training/arm_warnings.ts";

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

Deno.test("settings that an arm does not look at are named, those that it does are not", () => {
  const given = { similarity: "sim_1", component: "shape", soft: true, drop: 0.5, pack: 4 };
  assert.equal(idleSettings({ arm: "gaze", ...given }), undefined);
  assert.match(
    idleSettings({ arm: "none", ...given })!,
    /similarity, component, soft, drop, pack:/,
  );
  assert.match(idleSettings({ arm: "patient", ...given })!, /at similarity, component, soft:/);
  assert.match(idleSettings({ arm: "appearance", ...given })!, /at similarity, component:/);
  const silent = { similarity: null, component: null, soft: false, drop: 0, pack: 0 };
  assert.equal(idleSettings({ arm: "none", ...silent }), undefined);
});
