/** Grid, figures by weights, intervals and the written table of a study; all without a GPU. */
import assert from "node:assert/strict";
import { parse } from "csv-parse/sync";
import { auc, macroOneVersusRest } from "@/lib/evaluation/auc.ts";
import { type Scores, take } from "@/lib/evaluation/scores.ts";
import { finetuneRequest, gridCells, gridRows, pretrainRequest } from "@/lib/specs/study_grid.ts";
import { spreads } from "@/lib/evaluation/interval.ts";
import { neededEvaluations, studyTable } from "@/lib/studies/study_table.ts";
import { completedCell, finished } from "@/lib/studies/finished_table.ts";
import { type StudyTable, studyTableSchema } from "@/lib/studies/table_schema.ts";
import { publishedTable, renderTable } from "@/lib/studies/render_table.ts";
import { WeightedFigures } from "@/lib/evaluation/weighted.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import type { CellRow, EvaluationRow } from "@/lib/store/mod.ts";
import { below, uniform } from "@/lib/random.ts";

const CLASSES = ["benign", "malignant", "normal"];

/** Probabilities on a coarse grid, so that many are equal; `skill` moves them towards the truth. */
function drawScores(n: number, seed: number, skill: number, classes = CLASSES): Scores {
  const labels = Array.from({ length: n }, (_, i) => i % classes.length);
  const probabilities = labels.map((label, i) => {
    const raw = classes.map((_, c) =>
      1 + below(6, seed, i, c) + (c === label ? Math.round(8 * skill * uniform(seed, i, 9)) : 0)
    );
    const total = raw.reduce((sum, value) => sum + value, 0);
    return raw.map((value) => value / total);
  });
  return { classes, images: labels.map((_, i) => `image ${i}`), labels, probabilities };
}

Deno.test("figures by weights are those of a set with copies", () => {
  const scores = drawScores(37, 1, 0.5);
  const units = scores.images.map((_, i) => i);
  const figures = new WeightedFigures(scores, units, "malignant");
  for (let trial = 0; trial < 20; trial++) {
    const weights = units.map((_, i) => below(4, 7, trial, i));
    const copies = take(scores, units.flatMap((i) => Array(weights[i]).fill(i)));
    const said = copies.probabilities.map((row) => row.indexOf(Math.max(...row)));
    const found = figures.at(weights);
    const accuracy = said.filter((c, i) => c === copies.labels[i]).length / said.length;
    const m_auc = auc(
      copies.labels.map((label) => label === 1),
      copies.probabilities.map((row) => row[1]),
    );
    assert.ok(Math.abs(found.accuracy! - accuracy) < 1e-12);
    assert.ok(Math.abs(found.auc! - macroOneVersusRest(copies)!) < 1e-12);
    assert.ok(Math.abs(found.m_auc! - m_auc!) < 1e-12);
  }
  const none = figures.at(units.map((i) => Number(scores.labels[i] === 0)));
  assert.deepEqual([none.auc, none.m_auc], [null, null], "a class without images");
  assert.equal(new WeightedFigures(scores, units, null).at(units.map(() => 1)).m_auc, null);
});

Deno.test("intervals: of a mean, of a difference, and of two alike", () => {
  const unit = (_: unknown, i: number) => i >> 1;
  const prepared = (skill: number, seed: number) => {
    const scores = drawScores(120, seed, skill);
    return new WeightedFigures(scores, scores.images.map(unit), "malignant");
  };
  const seeds = { run_kind: "seed" as const };
  const weak = [1, 2, 3].map((seed) => prepared(0.1, seed));
  const strong = [1, 2, 3].map((seed) => prepared(1, seed));
  const one = spreads(strong, null, 60, seeds).auc!;
  assert.ok(one.low < one.value && one.value < one.high && one.n === 3);
  const gain = spreads(strong, weak, 60, seeds).auc!;
  assert.ok(gain.low > 0 && gain.value > 0.1, JSON.stringify(gain));
  const same = spreads(strong, strong, 60, seeds).auc!;
  assert.deepEqual([same.low, same.value, same.high], [0, 0, 0]);
  assert.deepEqual(
    spreads(strong, weak, 60, seeds),
    spreads(strong, weak, 60, seeds),
    "drawn from a fixed seed",
  );
  assert.equal(spreads([], null, 0, seeds).auc, null);
  // Of two that differ by chance alone an interval at 95 % must hold 0 nearly always.
  const holds = Array.from({ length: 12 }, (_, i) => {
    const [a, b] = [[prepared(0.4, 50 + i)], [prepared(0.4, 90 + i)]];
    const { low, high } = spreads(a, b, 60, seeds).accuracy!;
    return low <= 0 && high >= 0;
  });
  assert.ok(holds.filter(Boolean).length >= 9, `${holds.filter(Boolean).length} of 12`);
});

const poster = parseStudy({
  dataset: "breast",
  methods: ["moco", "byol", "simsiam"],
  arms: ["none", "gaze"],
  backbones: ["resnet18", "resnet50", "resnet101"],
  imagenet: { resnet18: "a", resnet50: "b", resnet101: "c" },
  similarity: "sim_x",
  cut: { quantile: 0.1 },
  pretrain: { epochs: 3, width: 8, batch_size: 8 },
  by_method: { byol: { batch_size: 4 } },
  finetune: { epochs: 2, split: { validation: 0.1, test: 0.3 } },
});

Deno.test("the published grid: 8 rows, 3 backbones, 5 runs, and what its cells ask for", () => {
  assert.deepEqual(gridRows(poster).map(({ name }) => name), [
    "From scratch",
    "ImageNet",
    "MoCo",
    "McGIP + MoCo",
    "BYOL",
    "McGIP + BYOL",
    "SimSiam",
    "McGIP + SimSiam",
  ]);
  const cells = gridCells(poster);
  assert.equal(cells.length, 8 * 3 * 5);
  assert.deepEqual(cells.slice(0, 24).map(({ run }) => run), Array(24).fill(0), "run by run");
  const at = (row: string, run = 2) => ({ row, backbone: "resnet50", run });
  const gaze = pretrainRequest(poster, at("byol gaze"))!;
  const none = pretrainRequest(poster, at("byol none"))!;
  assert.deepEqual(gaze, {
    ...none,
    arm: "gaze",
    similarity: "sim_x",
    cut: { quantile: 0.1 },
    across_patients: false,
    component: null,
  });
  assert.ok(!("similarity" in none) && !("cut" in none), "arms without gaze do not depend on it");
  assert.deepEqual([none.batch_size, none.epochs, none.init, none.seed], [4, 3, "b", 2]);
  assert.deepEqual(none.leave_out, {
    ...{ split: { validation: 0.1, test: 0.3 }, folds: null, fold: null, seed: 2 },
  });
  assert.equal(pretrainRequest(poster, at("imagenet")), undefined);
  const scratch = finetuneRequest(poster, at("scratch"));
  assert.deepEqual([scratch.init, scratch.backbone, scratch.width], ["scratch", "resnet50", 8]);
  const tuned = finetuneRequest(poster, at("byol gaze"), "mod_1");
  assert.deepEqual([tuned.init, tuned.width, tuned.seed, tuned.epochs], ["mod_1", undefined, 2, 2]);
  assert.deepEqual(finetuneRequest(poster, at("imagenet")).init, "b");
  const folded = parseStudy({ ...poster, seeds: null, folds: 4 });
  assert.equal(gridCells(folded).length, 8 * 3 * 4);
  const { seed, folds, fold } = finetuneRequest(folded, at("scratch"));
  assert.deepEqual([seed, folds, fold], [0, 4, 2]);
});

Deno.test("the size that a preset asks for holds for all rows", () => {
  const spec = parseStudy({
    ...{ dataset: "x", methods: ["byol", "moco"], arms: ["none"] },
    by_method: { byol: { preset: "tufts_byol" } },
  });
  const at = (row: string) => ({ row, backbone: "resnet18", run: 0 });
  for (const row of ["byol none", "moco none"]) {
    assert.deepEqual(pretrainRequest(spec, at(row))!.image_size, [300, 600], row);
  }
  assert.deepEqual(finetuneRequest(spec, at("scratch")).image_size, [300, 600]);
  const own = parseStudy({ ...spec, pretrain: { image_size: 64 } });
  assert.equal(pretrainRequest(own, at("byol none"))!.image_size, 64);
});

Deno.test("what a study cannot be is named by its pointer", () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ methods: ["byol", "byol"] }, "/methods"],
    [{ seeds: [1], folds: 3 }, "/folds"],
    [{ pretrain: { seed: 1 } }, "/pretrain/seed"],
    [{ by_method: { byol: { width: 8 } } }, "/by_method/byol/width"],
    [{ finetune: { folds: 3 } }, "/finetune/folds"],
    [{ imagenet: { resnet50: "x" } }, "/imagenet"],
    [{ start: { resnet50: "x" } }, "/start"],
    [{ start: { resnet18: "x" }, imagenet: { resnet18: "y" } }, "/imagenet"],
    [{ pretrain: { across_patients: true } }, "/pretrain/across_patients"],
    [{ colour: 1 }, "/colour"],
  ];
  for (const [fields, pointer] of wrong) {
    assert.throws(
      () => parseStudy({ dataset: "x", ...fields }),
      ({ problems }: { problems: { pointer: string }[] }) =>
        problems.some((problem) => problem.pointer === pointer),
      pointer,
    );
  }
});

/** A table of two arms with one failed run and one that has not come yet. */
function smallTable(
  before?: StudyTable,
  read: string[] = [],
  arms: ("none" | "gaze" | "shuffled")[] = ["none", "gaze"],
  classes = ["benign", "malignant"],
  images = 60,
) {
  const spec = parseStudy({
    dataset: "x",
    methods: ["byol"],
    arms,
    seeds: [0, 1],
  });
  const cells = gridCells(spec).map((cell, position): CellRow => ({
    ...cell,
    ...{ study_id: "stu", position, pretrain_job: null, pretrained: null, finetune_job: null },
    ...{ model: null, error: null },
    state: cell.row === "scratch"
      ? cell.run === 0 ? "failed" : "waiting"
      : cell.row === "byol gaze" && cell.run === 1
      ? "failed"
      : "done",
    evaluation: `${cell.row} ${cell.run}`,
  }));
  const evaluation = (id: string) => {
    const scores = drawScores(images, Number(id.at(-1)), id.includes("gaze") ? 1 : 0.1, classes);
    return {
      scores: scores.images.map((image, i) => ({
        image,
        label: scores.classes[scores.labels[i]],
        predicted: "",
        probabilities: Object.fromEntries(
          scores.classes.map((name, c) => [name, scores.probabilities[i][c]]),
        ),
      })),
    } as unknown as EvaluationRow;
  };
  read.push(...neededEvaluations({ spec, cells }, before));
  return studyTable({
    ...{ spec, cells, positive_label: "malignant", patients: new Map(), seen_by_cut: new Set() },
    evaluations: new Map(read.map((id) => [id, evaluation(id)])),
  }, before);
}

Deno.test("a table: population deviation, n, paired differences; nothing where nothing was computed", () => {
  const table = smallTable();
  const cell = (row: string) => table.cells.find((cell) => cell.row === row)!;
  const { values, mean, std, n, interval } = cell("byol none").figures.auc!;
  assert.equal(n, 2);
  assert.equal(mean, (values[0] + values[1]) / 2);
  assert.ok(Math.abs(std - Math.abs(values[0] - values[1]) / 2) < 1e-12);
  assert.ok(interval[0] <= mean && mean <= interval[1]);
  assert.equal(cell("byol none").differences.auc, null);
  const gain = cell("byol gaze").differences.auc!;
  assert.equal(gain.n, 1, "only the run that both have");
  assert.equal(gain.value, cell("byol gaze").figures.auc!.values[0] - values[0]);
  assert.deepEqual(
    [cell("scratch").figures.auc, cell("scratch").failed, cell("scratch").done],
    [null, 1, 0],
  );
});

Deno.test("cells that have not changed are not computed again", () => {
  const first = smallTable();
  const read: string[] = [];
  assert.deepEqual(smallTable(first, read), first);
  assert.deepEqual(read, []);
});

Deno.test("gaze is compared with shuffled gaze too, where a study has it", () => {
  const table = smallTable(undefined, [], ["none", "gaze", "shuffled"]);
  const cell = (row: string) => table.cells.find((cell) => cell.row === row)!;
  const { value, n, against } = cell("byol gaze").controls.auc!;
  assert.deepEqual([n, against], [1, "byol shuffled"]);
  const auc = (row: string) => cell(row).figures.auc!.values[0];
  assert.equal(value, auc("byol gaze") - auc("byol shuffled"));
  assert.ok([cell("byol none"), cell("byol shuffled")].every(({ controls }) => !controls.auc));
  for (const format of ["markdown", "latex"] as const) {
    const text = renderTable(format, table, { title: "x" });
    assert.match(text, /shuffled gaze/i);
    assert.match(text, /gained by its information/);
    assert.doesNotMatch(renderTable(format, smallTable(), { title: "x" }), /gained by its/);
  }
  const rows = parse(renderTable("csv", table, { title: "x" }), { columns: true }) as Record<
    string,
    string
  >[];
  const gaze = rows.find(({ arm, figure }) => arm === "gaze" && figure === "AUC")!;
  assert.deepEqual([Number(gaze.control_difference), gaze.control], [value, "byol shuffled"]);
  // A table of an earlier version has no such differences: they are made.
  const old = structuredClone(table);
  for (const cell of old.cells) delete (cell as Partial<typeof cell>).controls;
  assert.deepEqual(smallTable(old, [], ["none", "gaze", "shuffled"]), table);
});

Deno.test("the table is written in four forms, and says what is missing", () => {
  const table = smallTable();
  const title = { title: '=HYPERLINK("x")|50 % of_it & more' };
  const markdown = renderTable("markdown", table, title);
  assert.match(markdown, /\| +\| AUC \| ACC \|/, "with two classes M-AUC is the AUC");
  assert.match(markdown, /\| From scratch \| partly failed \| partly failed \|/);
  assert.match(markdown, /\| McGIP \+ BYOL \| 0\.\d{3} ± – \(n = 1 of 2\) \|/);
  assert.match(
    markdown,
    /\| McGIP \+ BYOL \| [+−]0\.\d{3} \[[+−]0\.\d{3}, [+−]0\.\d{3}\] p (= [01]|\\?< 0)\.\d{3} \|/,
  );
  assert.match(markdown, /\\\|50 % of\\_it/);
  const latex = renderTable("latex", table, title);
  assert.match(latex, /\\begin\{tabular\}\{lcc\}/);
  assert.match(latex, /BYOL & 0\.\d{3} \$\\pm\$ 0\.\d{3}/);
  assert.match(latex, /50 \\% of\\_it \\& more/);
  assert.equal(latex.match(/\\begin\{table\}/g)!.length, 2);
  const rows = parse(renderTable("csv", table, title), { columns: true }) as Record<
    string,
    string
  >[];
  assert.equal(rows.length, 9);
  const gaze = rows.find(({ arm, figure }) => arm === "gaze" && figure === "AUC")!;
  const { figures, differences } = table.cells.find(({ row }) => row === "byol gaze")!;
  assert.equal(Number(gaze.mean), figures.auc!.mean);
  assert.equal(Number(gaze.difference_low), differences.auc!.interval[0]);
  assert.deepEqual([gaze.n, gaze.planned, gaze.failed, gaze.state], ["1", "2", "1", "partial"]);
  assert.equal(rows[0].mean, "");
  assert.deepEqual(publishedTable(table, title).cells, table.cells);
  const evil = structuredClone(table);
  evil.rows[0].name = "=1+1";
  assert.match(renderTable("csv", evil, title), /^'=1\+1,/m);
});

Deno.test("more than two classes: M-AUC has its column", () => {
  const table = smallTable(undefined, [], ["none", "gaze"], CLASSES);
  assert.equal(table.classes, 3);
  assert.match(renderTable("markdown", table, { title: "x" }), /\| +\| M-AUC \| AUC \| ACC \|/);
  assert.match(renderTable("latex", table, { title: "x" }), /\\begin\{tabular\}\{lccc\}/);
});

Deno.test("Holm counts every comparison of a figure that the table makes", () => {
  const table = smallTable(undefined, [], ["none", "gaze", "shuffled"]);
  const found = table.cells.flatMap(({ differences, controls }) =>
    [differences.auc, controls.auc].filter((one) => one !== null)
  );
  // Gaze and shuffled gaze against none, and gaze against shuffled gaze.
  assert.equal(found.length, 3);
  assert.equal(table.comparisons.auc, 3);
  const smallest = found.toSorted((a, b) => a.p! - b.p!)[0];
  assert.ok(Math.abs(smallest.p_holm! - Math.min(1, 3 * smallest.p!)) < 1e-12);
  for (const { test, n } of found) assert.equal(test, n === 1 ? "patients" : "paired_t_over_runs");
});

Deno.test("warnings of the runs stand in the cell, in the table, and in every written form", () => {
  const table = smallTable();
  const cell = table.cells.find(({ row }) => row === "byol gaze")!;
  assert.deepEqual(cell.warnings, []);
  assert.ok(
    table.warnings.some((text) => /Where n is 1 the interval speaks of patients alone/.test(text)),
  );
  assert.ok(table.warnings.some((text) => /Fewer than 8 seeds/.test(text)));
  const few = smallTable(undefined, [], ["none", "gaze"], undefined, 3);
  const [, none, gaze] = few.cells;
  assert.match(none.warnings[0], /^Seeds 0, 1: Class "malignant" has one image among the tested/);
  assert.match(
    gaze.warnings[0],
    /^Seed 0: Class "malignant" has one image/,
    "of the run that is done",
  );
  assert.match(few.warnings.join("\n"), /^BYOL: Seeds 0, 1: Class "malignant" has one image/m);
  for (const format of ["csv", "markdown", "latex"] as const) {
    for (const style of ["full", "paper"] as const) {
      assert.match(
        renderTable(format, few, { title: "x", style }),
        /Seeds 0, 1: Class .+malignant.+ has one image/,
        `${format} ${style}`,
      );
    }
  }
});

Deno.test("a table of an earlier version says that its intervals are too narrow", () => {
  const old = structuredClone(smallTable());
  for (const cell of old.cells) {
    for (const name of ["m_auc", "auc", "accuracy"] as const) {
      for (const entry of [cell.figures[name], cell.differences[name]]) {
        for (const added of ["interval_method", "p", "p_holm", "p_with_patients", "test"]) {
          if (entry) delete (entry as unknown as Record<string, unknown>)[added];
        }
      }
    }
  }
  const told = finished({ ...old, cells: old.cells.map(completedCell) });
  assert.deepEqual(studyTableSchema.parse(told), told);
  const { differences, figures } = told.cells.find(({ row }) => row === "byol gaze")!;
  assert.deepEqual([figures.auc!.interval_method, differences.auc!.p], [
    "percentile_over_runs",
    null,
  ]);
  assert.ok(
    told.warnings.some((text) =>
      /earlier version, percentiles over runs, and too narrow/.test(text)
    ),
  );
});

Deno.test("the style of a paper: percent with two digits, the best in bold, n, p, booktabs", () => {
  const table = smallTable(undefined, [], ["none", "gaze", "shuffled"]);
  const title = { title: "x", style: "paper" } as const;
  const { figures, differences } = table.cells.find(({ row }) => row === "byol gaze")!;
  const mean = (100 * figures.auc!.mean).toFixed(2);
  const p = differences.auc!.p_holm!;
  const written = p < 0.001 ? "\\\\< 0\\.001" : p.toFixed(3);
  const markdown = renderTable("markdown", table, title);
  assert.match(markdown, /\| +\| AUC \| ACC \| n \| p \|/);
  assert.match(
    markdown,
    new RegExp(`McGIP \\+ BYOL \\| \\*\\*${mean} ± –\\*\\* \\| .+ \\| 1 \\| ${written} \\|`),
  );
  assert.match(markdown, /\| BYOL \| \d+\.\d\d ± \d+\.\d\d \| .+ \| 2 \| – \|/);
  assert.match(markdown, /McGIP \+ BYOL against BYOL, shuffled gaze \| [+−]\d+\.\d\d \[/);
  assert.match(markdown, /after Holm for all 3 comparisons/);
  const latex = renderTable("latex", table, title);
  assert.match(latex, /^% \\usepackage\{booktabs\}/);
  for (const rule of ["toprule", "midrule", "bottomrule", "cmidrule\\(lr\\)\\{2-5\\}"]) {
    assert.match(latex, new RegExp(`\\\\${rule}`));
  }
  assert.doesNotMatch(latex, /hline/);
  assert.match(latex, new RegExp(`\\\\textbf\\{${mean} \\$\\\\pm\\$ --\\}`));
  const rows = parse(renderTable("csv", table, title), { columns: true }) as Record<
    string,
    string
  >[];
  assert.equal(rows.length, 4);
  const gaze = rows.find(({ row }) => row === "McGIP + BYOL")!;
  assert.deepEqual([gaze.AUC, gaze.n, gaze.best], [`${mean} ± –`, "1", "AUC; ACC"]);
});
