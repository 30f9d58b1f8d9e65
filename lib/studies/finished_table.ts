/** What of a table follows from all its cells together, and what an earlier version's cells lack. */
import { holm } from "@/lib/evaluation/holm.ts";
import { type FigureName, FIGURES } from "@/lib/evaluation/weighted.ts";
import { byFigure, type CellFigure, type StudyTable, type TableCell } from "./table_schema.ts";

/** What follows from all cells together: Holm's adjustment, the number of classes, warnings. */
export function finished(
  table: Omit<StudyTable, "classes" | "comparisons" | "warnings">,
): StudyTable {
  const cells = structuredClone(table.cells);
  const comparisons = byFigure((name) => {
    const all = cells.flatMap(({ differences, controls }) =>
      [differences[name], controls[name]].filter((found) => found !== null)
    );
    const adjusted = holm(all.map(({ p }) => p));
    all.forEach((found, i) => found.p_holm = adjusted[i]);
    return all.filter(({ p }) => p !== null).length;
  });
  const warned = Map.groupBy(
    cells.flatMap((cell) => cell.warnings.map((text) => ({ text, cell }))),
    ({ text }) => text,
  );
  const known = cells.filter(({ done }) => done > 0);
  const names = (list: TableCell[]) =>
    list.length === known.length ? "All rows" : list.map(({ row, backbone }) => {
      const { name } = table.rows.find(({ key }) => key === row)!;
      return table.backbones.length > 1 ? `${name} (${backbone})` : name;
    }).join(", ");
  return {
    ...table,
    cells,
    comparisons,
    classes: cells.find(({ classes }) => classes !== null)?.classes ?? null,
    warnings: [
      ...[...warned].map(([text, list]) => `${names(list.map(({ cell }) => cell))}: ${text}`),
      ...tableWarnings({ ...table, cells }),
    ],
  };
}

function tableWarnings({ cells, run_kind }: Pick<StudyTable, "cells" | "run_kind">): string[] {
  const of = (is: (figure: CellFigure) => boolean) =>
    cells.some(({ figures }) => FIGURES.some((name) => figures[name] && is(figures[name])));
  return [
    ...(of(({ n, interval_method }) => n === 1 && interval_method !== "percentile_over_runs")
      ? [
        "Where n is 1 the interval speaks of patients alone: another training may give another value",
      ]
      : []),
    ...(run_kind === "seed" && of(({ n }) => n > 1 && n < FEW_RUNS)
      ? [`Fewer than ${FEW_RUNS} seeds can tell large differences only`]
      : []),
    ...(of(({ interval_method }) => interval_method === "percentile_over_runs")
      ? [
        "Intervals are those of an earlier version, percentiles over runs, and too narrow; a new study with " +
        "the same request takes its trainings over and tells new ones",
      ]
      : []),
  ];
}

/** Seeds below which the least difference seen is large (0.2 of AUC with five, from random weights). */
const FEW_RUNS = 8;

/** A cell as an earlier version has stored it, with what that did not compute. */
export function completedCell(cell: TableCell): TableCell {
  const old = { interval_method: "percentile_over_runs" as const };
  const untested = { p: null, test: null, p_with_patients: null, p_holm: null };
  const fill = <T>(entries: Record<FigureName, T | null> | undefined, absent: object) =>
    byFigure((name) => entries?.[name] ? { ...entries[name], ...absent, ...entries[name] } : null);
  return {
    ...cell,
    figures: fill(cell.figures, old),
    differences: fill(cell.differences, { ...old, ...untested }),
    controls: fill(cell.controls, { ...old, ...untested }),
  };
}
