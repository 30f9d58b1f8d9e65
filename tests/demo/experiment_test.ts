import assert from "node:assert/strict";
import { holds } from "@/lib/demo/comparison_grid.ts";
import { compared, doses, six } from "@/lib/demo/comparisons.ts";
import { type Experiment, type Outcome, studyRequest } from "@/lib/demo/experiment.ts";
import { deviationsOf, report } from "@/lib/demo/experiment_report.ts";
import { type Budget, BUDGETS, METHODS, type Panel, PARTS, SEEDS } from "@/lib/demo/protocol.ts";
import { finetuneRequest, gridCells, pretrainRequest } from "@/lib/specs/study_grid.ts";
import { parseFinetune } from "@/lib/specs/finetune.ts";
import { parsePretrain } from "@/lib/specs/pretrain.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import type { StudyTable, TableCell } from "@/lib/studies/table_schema.ts";

const without = ({ kind: _, ...request }: Record<string, unknown>) => request;

Deno.test("every part of the protocol is a study that the server takes, and parts share trainings", () => {
  const common = { methods: METHODS, seeds: SEEDS, start: "made-up shapes", own: true };
  const trainings = new Set<string>();
  for (const part of PARTS) {
    for (const budget of Object.keys(BUDGETS).map(Number) as Budget[]) {
      const request = studyRequest(part, budget, { ...common, similarity: part.panel });
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
  }
  // Of three methods and eight seeds: five arms, gaze and shuffled of the control, gaze of two more panels.
  assert.equal(trainings.size, 3 * 8 * (5 + 2 + 2));
});

/** A table of one method with these AUC by arm, one for each seed. */
function tableOf(values: Record<string, number[]>, planned = 3): StudyTable {
  const each = <T>(value: T) => ({ m_auc: value, auc: value, accuracy: value });
  const cells = Object.entries(values).map(([arm, list]): TableCell => {
    const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
    const figure = {
      ...{ mean, std: 0.01, n: list.length, values: list },
      interval: [mean - 0.05, mean + 0.05] as [number, number],
      interval_method: "t_over_runs_and_patients" as const,
    };
    return {
      ...{ row: `moco ${arm}`, backbone: "resnet18", planned, done: list.length },
      ...{ failed: 0, cancelled: 0, runs: list.map((_, i) => i) },
      ...{ evaluations: [], classes: 2, warnings: [] },
      ...{ figures: each(figure), differences: each(null), controls: each(null) },
    };
  });
  return {
    rows: Object.keys(values).map((arm) => ({
      ...{ key: `moco ${arm}`, name: `MoCo ${arm}`, method: "moco", arm },
    })),
    ...{ backbones: ["resnet18"], run_kind: "seed", planned, positive_label: "malignant" },
    ...{ start: "made-up shapes", labels: null, repeats: 1, probe: true },
    ...{ classes: 2, comparisons: { m_auc: 0, auc: 0, accuracy: 0 }, warnings: [] },
    cells,
  };
}

const outcome = (part: number, panel: Panel, budget: Budget, table: StudyTable): Outcome => ({
  ...{ part, panel, budget, table },
});
const none = [0.8, 0.82, 0.81], gaze = [0.85, 0.88, 0.86];
const found: Experiment = {
  start: { name: "made-up shapes", accuracy: 0.56 },
  audits: {
    "0.85": { auc: 0.93, auc_p: 0.001 },
    independent: { auc: 0.5, auc_p: 0.6 },
  },
  outcomes: [
    outcome(0, "0.85", 205, tableOf({ none, gaze, shuffled: [0.8, 0.79, 0.84] })),
    outcome(1, "independent", 205, tableOf({ none, gaze: [0.8, 0.83], shuffled: none })),
  ],
  ...{ version: "1.2.3+abc", seconds: 90, trainings: 9 },
};
const head = {
  ...{ date: "2026-01-01T00:00:00Z", adapter: "llvmpipe", command: "deno task study" },
  ...{ methods: METHODS, seeds: SEEDS },
};

Deno.test("comparisons pair the runs that both rows have, and Holm is over those that were made", () => {
  const [plain, control] = six(found, "0.85", 205);
  assert.deepEqual(plain.differences.map(({ run }) => run), [0, 1, 2]);
  // scipy.stats.ttest_rel([.85, .88, .86], [.8, .82, .81]): t 16, p 0.003883
  assert.ok(Math.abs(plain.tested.p! - 0.0038835) < 1e-6, `${plain.tested.p}`);
  assert.ok(Math.abs(plain.p_holm! - 2 * plain.tested.p!) < 1e-12);
  assert.ok(holds(plain) && !holds(control) && control.p_holm! > 0.05);
  const [half] = six(found, "independent", 205);
  assert.equal(half.tested.n, 2);
  assert.equal(compared(found.outcomes, "moco", "patient", "none"), undefined);
  assert.deepEqual(
    doses(found, 205).map(({ audit_auc, comparison }) => [audit_auc, comparison.tested.n]),
    [
      [0.5, 2],
      [0.93, 3],
    ],
  );
});

Deno.test("what was not run is told, and what was", () => {
  const told = deviationsOf(found, { ...head, seeds: [0, 1, 2], epochs: 2 });
  assert.ok(told.includes("2 epochs of pre-training instead of 17"));
  assert.ok(told.includes("3 seeds instead of 8"));
  assert.ok(told.includes("not measured: panel independent, 205 labels, MoCo gaze, 1 of 3 seeds"));
  assert.ok(told.includes("not measured: panel 0.85, 205 labels, arms patient, labels"));
  assert.ok(told.includes("not measured: panel 0.5, 16 labels, arms none, gaze"));
  const { markdown, json, pictures } = report(found, head);
  assert.match(markdown, /\| MoCo, gaze - none \| \+0\.053 \| \[[^|]*\| 3 \|[^\n]*\| yes \|/);
  assert.match(
    markdown,
    /1 of the 2 primary comparisons that were measured hold after Holm: MoCo against none\. This is no verdict/,
  );
  assert.match(markdown, /accuracy 0\.560 on its own test part/);
  assert.match(markdown, /16 labels: not measured/);
  assert.equal(JSON.parse(json).comparisons.length, 4);
  assert.deepEqual([...pictures.keys()], ["dose.svg", "runs_205.svg"]);
  // A point for every run: of two panels and one of the tables.
  const points = (name: string) => pictures.get(name)!.match(/<circle [^>]*r="2\.6"/g)!.length;
  assert.deepEqual([points("dose.svg"), points("runs_205.svg")], [3 + 2, 9]);
  assert.deepEqual(report(found, head), { markdown, json, pictures });
  const read = JSON.parse(json);
  assert.deepEqual(report(read, read), { markdown, json, pictures }, "the file gives itself");
});
