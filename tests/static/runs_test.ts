/** What runs of one group are worth together: repeated runs count once; groups that are compared have own names. */
import assert from "node:assert/strict";
// @ts-types="./page_modules.d.ts"
import { reached, sameImages, titledApart } from "../../static/runs.js";

const run = (seed: number, auc: number | null, split_seed?: number) => ({
  auc,
  job: { spec: { seed, split_seed } },
});

Deno.test("runs: n counts seeds and splits, not runs; one has no deviation", () => {
  assert.deepEqual(reached([run(1, 0.45), run(1, 0.45), run(2, null)]), {
    ...{ mean: 0.45, deviation: null, n: 1 },
    told: "2 equal runs",
  });
  const found = reached([run(1, 0.4), run(1, 0.6), run(2, 0.7)]);
  assert.deepEqual([found.n, found.mean, found.told], [2, 0.6, "3 runs, some of one seed"]);
  assert.ok(Math.abs(found.deviation - 0.1) < 1e-12);
  assert.equal(reached([run(1, 0.4), run(1, 0.6, 5)]).n, 2, "another split");
  assert.equal(reached([run(1, null)]), null);
});

Deno.test("runs: figures compare where all groups were evaluated on the same images", () => {
  assert.ok(sameImages([[["a", "b"], ["c"]], [["c"], ["b", "a"], ["c"]]]));
  assert.ok(!sameImages([[["a", "b"]], [["a", "c"]]]));
});

Deno.test("runs: no two groups of a comparison have one name", () => {
  let jobs = 0;
  const group = (title: string, kind: string, study?: string) => ({
    ...{ title, kind },
    runs: [{ job: { study, id: `job${jobs++}` } }],
  });
  const groups = [
    ...[group("A", "pretrain"), group("A", "finetune", "12345678-9"), group("A", "finetune")],
    ...[group("A", "finetune", "12345678-9"), group("B", "pretrain")],
  ];
  const titles = titledApart(groups).map(({ title }) => title);
  assert.equal(new Set(titles).size, groups.length, titles.join());
  assert.deepEqual([titles[0], titles[4]], ["A · pre-training", "B"]);
});
