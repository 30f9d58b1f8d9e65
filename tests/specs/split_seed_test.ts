import assert from "node:assert/strict";
import { finetuneRequest, gridCells, pretrainRequest } from "@/lib/specs/study_grid.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { splitOf } from "@/lib/specs/split_spec.ts";
import { parseFinetune } from "@/lib/specs/finetune.ts";

const request = {
  ...{ dataset: "breast", methods: ["byol"], arms: ["none"], scratch: true, seeds: [1, 2, 3] },
};

Deno.test("a study's split_seed draws one split for all seeds; without it each seed draws its own", () => {
  const seedsOf = (more: Record<string, unknown>) => {
    const spec = parseStudy({ ...request, ...more });
    return gridCells(spec).filter(({ row }) => row === "byol none").map((cell) => {
      const { leave_out, seed } = pretrainRequest(spec, cell) as {
        leave_out: { seed: number };
        seed: number;
      };
      const { kind: _, ...tuned } = finetuneRequest(spec, cell, "mod_x");
      const split = splitOf(parseFinetune(tuned));
      assert.equal(split.seed, leave_out.seed, "what is tested was left out");
      assert.equal(tuned.seed, seed);
      return [seed, split.seed];
    });
  };
  assert.deepEqual(seedsOf({}), [[1, 1], [2, 2], [3, 3]]);
  assert.deepEqual(seedsOf({ split_seed: 7 }), [[1, 7], [2, 7], [3, 7]]);
  assert.deepEqual(seedsOf({ split_seed: 7, seeds: null, folds: 2 }), [[0, 7], [0, 7]]);
  for (const part of ["pretrain", "finetune"]) {
    assert.throws(
      () => parseStudy({ ...request, [part]: { split_seed: 1 } }),
      (error) => error instanceof InvalidInput && error.problems[0].pointer!.includes("split_seed"),
    );
  }
});
