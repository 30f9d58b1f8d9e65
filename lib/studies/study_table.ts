/** The table of a study in plain data: every number stands on evaluations that are named beside it. */
import { gridRows, gridRuns, initialName, isProbe } from "@/lib/specs/study_grid.ts";
import { type Spread, spreads } from "@/lib/evaluation/interval.ts";
import { numbering } from "@/lib/evaluation/patient_numbering.ts";
import { averaged, prepare, runsOf as repeatsOf } from "@/lib/evaluation/runs.ts";
import { type FigureName, FIGURES } from "@/lib/evaluation/weighted.ts";
import { type AnyScores, isMultiLabel } from "@/lib/evaluation/scores.ts";
import { scoreWarnings } from "@/lib/evaluation/warnings.ts";
import type { StudySpec } from "@/lib/specs/study_schema.ts";
import type { CellRow, EvaluationRow } from "@/lib/store/mod.ts";
import { CUT_SEEN, isCutByLabels } from "./cut_seen.ts";
import { finished } from "./finished_table.ts";
import {
  byFigure,
  type CellFigure,
  type Difference,
  type StudyTable,
  type TableCell,
} from "./table_schema.ts";

/** What the table is made of: plain data, so that a thread can make it. */
export interface TableSource {
  spec: StudySpec;
  positive_label: string | null;
  cells: CellRow[];
  /** Patient of each image. */
  patients: Map<string, string | null>;
  /** Images by whose labels the cut was chosen. */
  seen_by_cut: Set<string>;
  /** By id: those that `neededEvaluations` names. */
  evaluations: Map<string, EvaluationRow>;
}

type Grid = Pick<TableSource, "spec" | "cells">;

/** A cell of the table before it has figures. */
interface Outline {
  row: ReturnType<typeof gridRows>[number];
  backbone: string;
  counts: Pick<TableCell, "planned" | "done" | "failed" | "cancelled">;
  /** Its runs that are done, and pairs of the same run of it and of the row that it is compared with. */
  own: CellRow[];
  shared: Record<"differences" | "controls", { cell: CellRow; other: CellRow }[]>;
  /** The same cell of an earlier table, where it stands on the same evaluations. */
  known?: TableCell;
}

function outlines({ spec, cells }: Grid, before?: StudyTable): Outline[] {
  const rows = gridRows(spec);
  const groups = Map.groupBy(cells, ({ row, backbone }) => `${row} ${backbone}`);
  const group = (row: string, backbone: string) => groups.get(`${row} ${backbone}`) ?? [];
  const done = (cells: CellRow[]) => cells.filter(({ state }) => state === "done");
  return spec.backbones.flatMap((backbone) =>
    rows.map((row): Outline => {
      const { key, against, control } = row;
      const all = group(key, backbone);
      const own = done(all);
      const sharedWith = (row: string | null) => {
        const others = row === null ? [] : done(group(row, backbone));
        return own.flatMap((cell) => {
          const other = others.find(({ run }) => run === cell.run);
          return other ? [{ cell, other }] : [];
        });
      };
      const shared = { differences: sharedWith(against), controls: sharedWith(control) };
      const counts = {
        planned: all.length,
        done: own.length,
        failed: all.filter(({ state }) => state === "failed").length,
        cancelled: all.filter(({ state }) => state === "cancelled").length,
      };
      const evaluations = own.map(({ evaluation }) => evaluation!);
      const known = before?.cells.find((cell) => cell.row === key && cell.backbone === backbone);
      const unchanged = known?.classes !== undefined && same(known.evaluations, evaluations) &&
        (["differences", "controls"] as const).every((name) =>
          runsOf(known[name]) === shared[name].length
        );
      return { row, backbone, counts, own, shared, ...(unchanged ? { known } : {}) };
    })
  );
}

/** Ids of the evaluations that a table is to be made of, where an earlier one is there to be taken over. */
export function neededEvaluations(grid: Grid, before?: StudyTable): string[] {
  const cells = outlines(grid, before).filter(({ known }) => !known).flatMap(({ own, shared }) => [
    ...own,
    ...[...shared.differences, ...shared.controls].flatMap(({ cell, other }) => [cell, other]),
  ]);
  return [...new Set(cells.map(({ evaluation }) => evaluation!))];
}

/** @param before an earlier table of this study: cells that stand on the same evaluations are taken from it */
export function studyTable(source: TableSource, before?: StudyTable): StudyTable {
  const { spec, positive_label } = source;
  const rows = gridRows(spec);
  const read = reader(source);
  const cells = outlines(source, before).map(
    ({ row: { key, arm, against, control }, backbone, counts, own, shared, known }): TableCell => {
      if (known) return { ...known, ...counts };
      const compared = (pairs: typeof shared.controls, against: string | null) =>
        differences(
          pairs.map(({ cell }) => read(cell).repeats),
          pairs.map(({ other }) => read(other).repeats),
          { source, against },
        );
      return {
        ...{ row: key, backbone, ...counts, runs: own.map(({ run }) => run) },
        evaluations: own.map(({ evaluation }) => evaluation!),
        figures: figures(own.map((cell) => read(cell).repeats), source),
        differences: compared(shared.differences, against),
        controls: compared(shared.controls, control),
        classes: own.length > 0 ? classesOf(read(own[0]).repeats[0]) : null,
        warnings: cellWarnings(own.map((cell) => ({ run: cell.run, ...read(cell) })), {
          ...source,
          arm,
        }),
      };
    },
  );
  const several = before?.multi_label ||
    source.cells.some((cell) => cell.state === "done" && cellIsMultiLabel(cell, source));
  return finished({
    rows: rows.map(({ key, name, method, arm }) => ({ key, name, method, arm })),
    backbones: spec.backbones,
    run_kind: spec.folds === null ? "seed" : "fold",
    planned: gridRuns(spec).length,
    positive_label,
    start: spec.start === "scratch" ? null : initialName(spec),
    labels: (spec.finetune.labels as number | null | undefined) ?? null,
    repeats: (spec.finetune.repeats as number | undefined) ?? 1,
    probe: isProbe(spec),
    ...(several && { multi_label: true as const }),
    cells,
  });
}

/** Of a multi-label set there are no classes against each other. */
function classesOf(scores: AnyScores): number | null {
  return isMultiLabel(scores) ? null : scores.classes.length;
}

function cellIsMultiLabel({ evaluation }: CellRow, { evaluations }: TableSource): boolean {
  const [score] = evaluations.get(evaluation!)?.scores ?? [];
  return score !== undefined && "labels" in score;
}

/** Runs behind differences; -1 where an earlier version did not make them. */
function runsOf(differences: TableCell["differences"] | undefined): number {
  if (!differences) return -1;
  return Math.max(0, ...FIGURES.map((name) => differences[name]?.n ?? 0));
}

function same(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** Warnings of a cell's runs, each once, with the runs that it is of. */
function cellWarnings(
  runs: { run: number; repeats: AnyScores[]; warnings: string[] }[],
  { spec, patients, seen_by_cut, arm }: TableSource & { arm: StudySpec["arms"][number] | null },
): string[] {
  if (runs.length === 0) return [];
  const cut = arm !== null && isCutByLabels(arm);
  const all = runs.flatMap(({ run, repeats: [scores], warnings }) => {
    const { unitOf } = numbering(patients);
    const own = isMultiLabel(scores) ? [] : scoreWarnings(scores, scores.images.map(unitOf));
    const seen = cut && scores.images.some((image) => seen_by_cut.has(image)) ? [CUT_SEEN] : [];
    return [...new Set([...warnings, ...own, ...seen])].map((text) => ({ run, text }));
  });
  const kind = spec.folds === null ? "Seed" : "Fold";
  return [...Map.groupBy(all, ({ text }) => text)].map(([text, list]) =>
    `${kind}${list.length > 1 ? "s" : ""} ${list.map(({ run }) => run).join(", ")}: ${text}`
  );
}

/** Reads the scores of evaluations, each once, by repeats where labels were drawn, and what was warned of. */
function reader({ evaluations }: TableSource) {
  const known = new Map<string, { repeats: AnyScores[]; warnings: string[] }>();
  return ({ evaluation: id }: CellRow) => {
    if (!known.has(id!)) {
      const { scores, metrics, warnings } = evaluations.get(id!)!;
      const all = [...warnings ?? [], ...metrics?.warnings ?? []];
      known.set(id!, { repeats: repeatsOf(scores), warnings: all });
    }
    return known.get(id!)!;
  };
}

const runKind = ({ spec }: TableSource) => spec.folds === null ? "seed" : "fold";

/** Runs ready for resampling; the repeats of one are averaged. */
function ready(sets: AnyScores[][], source: TableSource) {
  const { runs, units } = prepare(sets.flat(), source);
  let from = 0;
  return { runs: sets.map(({ length }) => averaged(runs.slice(from, from += length))), units };
}

function figures(sets: AnyScores[][], source: TableSource): Record<FigureName, CellFigure | null> {
  const { runs, units } = ready(sets, source);
  const whole = new Uint8Array(units).fill(1);
  const each = runs.map((run) => run.at(whole));
  const found = spreads(runs, null, units, { run_kind: runKind(source) });
  return byFigure((name) => {
    const spread = found[name];
    if (!spread) return null;
    const values = each.map((value) => value[name]).filter((value) => value !== null);
    const variance = values.reduce((sum, value) => sum + (value - spread.value) ** 2, 0);
    return {
      mean: spread.value,
      std: Math.sqrt(variance / values.length),
      n: spread.n,
      ...intervalOf(spread),
      values,
    };
  });
}

function differences(
  sets: AnyScores[][],
  others: AnyScores[][],
  { source, against }: { source: TableSource; against: string | null },
): Record<FigureName, Difference | null> {
  const { runs, units } = ready([...sets, ...others], source);
  const found = spreads(runs.slice(0, sets.length), runs.slice(sets.length), units, {
    run_kind: runKind(source),
  });
  return byFigure((name) => {
    const spread = found[name];
    if (!spread || against === null) return null;
    const { value, n, p, test, p_with_patients } = spread;
    const tested = { p, test, p_with_patients, p_holm: null };
    return { value, n, ...intervalOf(spread), ...tested, against };
  });
}

function intervalOf({ low, high, interval_method }: Spread) {
  return { interval: [low, high] as [number, number], interval_method };
}
