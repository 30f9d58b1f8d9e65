import assert from "node:assert/strict";
import { scoresOf } from "@/lib/evaluation/runs.ts";
import { metrics } from "@/lib/evaluation/metrics.ts";
import { gridCells } from "@/lib/specs/study_grid.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import type { CellRow, EvaluationRow } from "@/lib/store/mod.ts";
import { CUT_SEEN } from "@/lib/studies/cut_seen.ts";
import { renderTable } from "@/lib/studies/render_table.ts";
import { studyTable } from "@/lib/studies/study_table.ts";

const WARNING = 'arm "gaze" has no positive pair among its 20 images';

Deno.test("what an evaluation warns of stands in the cell and under the table, and nowhere else", () => {
  const spec = parseStudy({
    ...{ dataset: "breast", methods: ["byol"], arms: ["none", "gaze"], scratch: false },
    ...{ seeds: [0, 1], similarity: "sim_x" },
  });
  const scores = [0.9, 0.2, 0.6, 0.3].map((p, i) => ({
    image: `image ${i}`,
    label: i % 2 ? "benign" : "malignant",
    predicted: p > 0.5 ? "malignant" : "benign",
    probabilities: { benign: 1 - p, malignant: p },
  }));
  const cells = gridCells(spec).map((cell, position): CellRow => ({
    ...{ ...cell, study_id: "stu", position, state: "done", error: null },
    ...{ pretrain_job: "j", pretrained: "m", finetune_job: "k", model: "n" },
    evaluation: `${cell.row} ${cell.run}`,
  }));
  const evaluation = (id: string): EvaluationRow => ({
    ...{ id, model_id: "n", dataset_id: "d", job_id: "k", created_at: "" },
    ...{ scores, metrics: metrics(scoresOf(scores), "malignant") },
    warnings: id === "byol gaze 1" ? [WARNING] : [],
  });
  const table = studyTable({
    ...{ spec, cells, positive_label: "malignant" },
    patients: new Map(scores.map(({ image }) => [image, null])),
    seen_by_cut: new Set(),
    evaluations: new Map(cells.map(({ evaluation: id }) => [id!, evaluation(id!)])),
  });
  const seen = studyTable({
    ...{ spec, cells, positive_label: "malignant" },
    patients: new Map(),
    seen_by_cut: new Set(["image 2"]),
    evaluations: new Map(cells.map(({ evaluation: id }) => [id!, evaluation(id!)])),
  });
  const cut = seen.warnings.filter((text) => text.includes(CUT_SEEN));
  assert.deepEqual(cut, [`McGIP + BYOL: Seeds 0, 1: ${CUT_SEEN}`]);
  const warned = (row: string) => table.cells.find((cell) => cell.row === row)!.warnings ?? [];
  assert.ok(warned("byol gaze").some((text) => text.includes(WARNING)));
  assert.ok(!warned("byol none").some((text) => text.includes(WARNING)));
  for (const format of ["markdown", "latex", "csv"] as const) {
    const text = renderTable(format, table, { title: "t" });
    assert.match(text, /no positive pair among its 20 images/, format);
  }
});
