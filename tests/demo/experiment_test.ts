import assert from "node:assert/strict";
import { METHODS, SEEDS, STUDY } from "@/lib/demo/experiment.ts";
import { readings, report } from "@/lib/demo/experiment_report.ts";
import { gridCells } from "@/lib/specs/study_grid.ts";
import type { StudyTable, TableCell } from "@/lib/studies/table_schema.ts";
import { parseStudy } from "@/lib/specs/study.ts";

Deno.test("the experiment's study is one that the server takes", () => {
  const spec = parseStudy({
    ...{ dataset: "x", methods: METHODS, seeds: SEEDS, similarity: "sim_x" },
    ...structuredClone(STUDY),
  });
  assert.equal(gridCells(spec).length, (1 + 3 * 4) * 5);
});

const figure = (mean: number) => ({
  ...{ mean, std: 0.01, n: 2, values: [mean, mean] },
  interval: [mean - 0.05, mean + 0.05] as [number, number],
  interval_method: "t_over_runs_and_patients" as const,
});

function cell(row: string, mean: number, difference?: [number, number, number]): TableCell {
  const compared = difference && {
    ...{ value: difference[0], n: 2, against: "byol none" },
    interval: difference.slice(1) as [number, number],
    interval_method: "t_over_runs_and_patients" as const,
    ...{ p: 0.01, test: "paired_t_over_runs" as const, p_with_patients: 0.02, p_holm: 0.03 },
  };
  const each = <T>(value: T) => ({ m_auc: value, auc: value, accuracy: value });
  return {
    ...{ row, backbone: "resnet18", planned: 2, done: 2, failed: 0, cancelled: 0, runs: [0, 1] },
    evaluations: ["a", "b"],
    ...{ classes: 2, warnings: [] },
    figures: each(figure(mean)),
    differences: each(compared ?? null),
    controls: each(row === "byol gaze" ? { ...compared!, against: "byol shuffled" } : null),
  };
}

const table: StudyTable = {
  rows: ["none", "gaze", "labels"].map((arm) => ({
    ...{ key: `byol ${arm}`, name: arm, method: "byol", arm },
  })),
  ...{ backbones: ["resnet18"], run_kind: "seed", planned: 2, positive_label: "malignant" },
  ...{ start: null, labels: null, repeats: 1, probe: true },
  ...{ classes: 2, comparisons: { m_auc: 3, auc: 3, accuracy: 3 }, warnings: [] },
  cells: [
    cell("byol none", 0.7),
    cell("byol gaze", 0.65, [-0.05, -0.09, -0.01]),
    cell("byol labels", 0.8, [0.1, -0.02, 0.2]),
  ],
};

Deno.test("the report says what the numbers say, also where they are not as expected", () => {
  const [, said] = readings(table, false);
  assert.match(said, /gaze is below \(-0\.050, 95 % from -0\.090 to -0\.010\)/);
  assert.match(said, /labels cannot be told apart \(\+0\.100/);
  assert.match(said, /gaze against shuffled gaze: it is below \(-0\.050/);
  assert.match(said, /none 0\.700, gaze 0\.650, labels 0\.800/);
  const text = report([{
    ...{ control: true, images: 10, audit: { auc: 0.51, auc_p: 0.4 }, table, seconds: 90 },
    ...{ version: "1.2.3+abc", jobs: { total: 9, computed: 4 } },
    ends: [{ row: "byol gaze", spread: 0.456, knn: 0.75, pairs: 47.4 }],
  }], { date: "2026-01-01T00:00:00Z", adapter: "llvmpipe", command: "deno task study" });
  assert.match(text, /9 jobs took 1\.5 minutes together; 4 of them were queued by this study/);
  assert.match(text, /program: 1\.2\.3\+abc/);
  assert.match(text, /\| gaze \| 0\.46 \| 0\.750 \| 47 \|/);
  assert.match(text, /"learning_rate": 0\.001/);
});
