import assert from "node:assert/strict";
import { attentionRequest, vitRequest } from "@/lib/demo/addition_runs.ts";
import { ATTENTION, VIT } from "@/lib/demo/additions.ts";
import { parseFinetune } from "@/lib/specs/finetune.ts";
import { parsePretrain } from "@/lib/specs/pretrain.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import { finetuneRequest, gridCells, pretrainRequest } from "@/lib/specs/study_grid.ts";

const without = ({ kind: _, ...request }: Record<string, unknown>) => request;

Deno.test("attention: every run is a job that the server takes, and rows differ in attention alone", () => {
  for (const budget of [205, 32] as const) {
    const [plain, own, shuffled] = (Object.keys(ATTENTION.rows) as (keyof typeof ATTENTION.rows)[])
      .map((row) => parseFinetune(without(attentionRequest(row, budget, 3))));
    assert.deepEqual([plain, own, shuffled].map(({ attention }) => attention!.weight), [0, 1, 1]);
    assert.deepEqual(
      [plain, own, shuffled].map(({ attention }) => attention!.gaze),
      ["own", "own", "shuffled"],
    );
    const rest = ({ attention: _, name: __, ...spec }: typeof own) => spec;
    assert.deepEqual(rest(own), rest(plain));
    assert.deepEqual(rest(own), rest(shuffled));
    assert.equal(own.labels, budget === 32 ? 32 : null);
  }
});

Deno.test("vit: its studies are taken by the server, and both numbers of labels share their trainings", () => {
  const trainings = new Set<string>();
  for (const budget of [205, 16] as const) {
    const request = vitRequest(budget, { seeds: VIT.seeds, similarity: "sim_x" });
    const spec = parseStudy(structuredClone(request));
    for (const cell of gridCells(spec)) {
      const before = pretrainRequest(spec, cell);
      if (before) {
        parsePretrain(without(before));
        trainings.add(JSON.stringify(before));
      }
      parseFinetune(without(finetuneRequest(spec, cell, before && "mod_x")));
    }
  }
  assert.equal(trainings.size, 3 * VIT.seeds.length);
});
