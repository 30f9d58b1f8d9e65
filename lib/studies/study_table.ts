/** The table of a study in plain data: every number stands on evaluations that are named beside it. */
import { z } from "zod";
import { gridRows, gridRuns } from "@/lib/specs/study_grid.ts";
import { spreads } from "@/lib/evaluation/interval.ts";
import { prepare, scoresOf } from "@/lib/evaluation/runs.ts";
import { type FigureName, FIGURES } from "@/lib/evaluation/weighted.ts";
import type { Scores } from "@/lib/evaluation/scores.ts";
import type { StudySpec } from "@/lib/specs/study_schema.ts";
import type { CellRow, EvaluationRow } from "@/lib/store/mod.ts";

const interval = z.tuple([z.number(), z.number()]).describe("95 %, by bootstrap");

/** A figure of a cell over its runs. */
const cellFigureSchema = z.object({
  mean: z.number(),
  std: z.number().describe("Population standard deviation over the runs"),
  n: z.number(),
  interval,
  values: z.array(z.number()).describe("In the order of `runs`"),
}).meta({ id: "CellFigure" });
export type CellFigure = z.output<typeof cellFigureSchema>;

const cellDifferenceSchema = z.object({
  value: z.number(),
  n: z.number().describe("Runs that both rows have"),
  interval,
  against: z.string().describe("Key of the other row"),
}).meta({ id: "CellDifference" });
export type Difference = z.output<typeof cellDifferenceSchema>;

/** null where a figure is not defined. */
const byFigureSchema = <Entry extends z.ZodType>(entry: Entry) =>
  z.record(z.enum(FIGURES), entry.nullable());

/** A row's cell for one backbone. */
const tableCellSchema = z.object({
  row: z.string(),
  backbone: z.string(),
  planned: z.number().describe("Runs that were asked for"),
  done: z.number(),
  failed: z.number(),
  cancelled: z.number(),
  runs: z.array(z.number()).describe("Seeds, or numbers of the folds, behind the figures"),
  evaluations: z.array(z.string()),
  warnings: z.array(z.string()).optional()
    .describe("Why its figures may mean something else than its row says, from its runs"),
  figures: byFigureSchema(cellFigureSchema),
  differences: byFigureSchema(cellDifferenceSchema)
    .describe("To the same method without gaze, on the same images and runs"),
  controls: byFigureSchema(cellDifferenceSchema)
    .describe("Of gaze, to the same method with shuffled gaze, on the same images and runs"),
}).meta({ id: "TableCell" });
export type TableCell = z.output<typeof tableCellSchema>;

export const studyTableSchema = z.object({
  rows: z.array(z.object({
    key: z.string(),
    name: z.string(),
    method: z.string().nullable(),
    arm: z.string().nullable(),
  })),
  backbones: z.array(z.string()),
  run_kind: z.enum(["seed", "fold"]),
  planned: z.number().describe("Runs of each cell"),
  positive_label: z.string().nullable(),
  cells: z.array(tableCellSchema),
});
export type StudyTable = z.output<typeof studyTableSchema>;

/** What the table is made of; evaluations are looked up only where a cell has changed. */
export interface TableSource {
  spec: StudySpec;
  positive_label: string | null;
  cells: CellRow[];
  /** Patient of each image. */
  patients(): Map<string, string | null>;
  evaluation(id: string): EvaluationRow;
}

/** @param before an earlier table of this study: cells that stand on the same evaluations are taken from it */
export function studyTable(source: TableSource, before?: StudyTable): StudyTable {
  const { spec, positive_label } = source;
  const rows = gridRows(spec);
  const read = reader(source);
  const group = (row: string, backbone: string) =>
    source.cells.filter((cell) => cell.row === row && cell.backbone === backbone);
  const done = (cells: CellRow[]) => cells.filter(({ state }) => state === "done");
  const cells = spec.backbones.flatMap((backbone) =>
    rows.map(({ key, against, control }): TableCell => {
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
      const unchanged = known && same(known.evaluations, evaluations) &&
        (["differences", "controls"] as const).every((name) =>
          runsOf(known[name]) === shared[name].length
        );
      if (unchanged) return { ...known, ...counts };
      const compared = (pairs: typeof shared.controls, against: string | null) =>
        differences(
          pairs.map(({ cell }) => read(cell)),
          pairs.map(({ other }) => read(other)),
          { source, against },
        );
      return {
        ...{ row: key, backbone, ...counts, runs: own.map(({ run }) => run), evaluations },
        ...warningsOf(evaluations, source),
        figures: figures(own.map(read), source),
        differences: compared(shared.differences, against),
        controls: compared(shared.controls, control),
      };
    })
  );
  return {
    rows: rows.map(({ key, name, method, arm }) => ({ key, name, method, arm })),
    backbones: spec.backbones,
    run_kind: spec.folds === null ? "seed" : "fold",
    planned: gridRuns(spec).length,
    positive_label,
    cells,
  };
}

/** What the evaluations of a cell warn of, each once. */
function warningsOf(
  evaluations: string[],
  { evaluation }: TableSource,
): Pick<TableCell, "warnings"> {
  const warnings = new Set(evaluations.flatMap((id) => evaluation(id).warnings ?? []));
  return warnings.size > 0 ? { warnings: [...warnings] } : {};
}

/** Runs behind differences; -1 where an earlier version did not make them. */
function runsOf(differences: TableCell["differences"] | undefined): number {
  if (!differences) return -1;
  return Math.max(0, ...FIGURES.map((name) => differences[name]?.n ?? 0));
}

function same(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** Reads the scores of evaluations, each once. */
function reader({ evaluation }: TableSource): (cell: CellRow) => Scores {
  const known = new Map<string, Scores>();
  return ({ evaluation: id }) => {
    if (!known.has(id!)) {
      known.set(id!, scoresOf(evaluation(id!).scores));
    }
    return known.get(id!)!;
  };
}

function figures(sets: Scores[], source: TableSource): Record<FigureName, CellFigure | null> {
  const { runs, units } = prepare(sets, source);
  const whole = new Uint8Array(units).fill(1);
  const each = runs.map((run) => run.at(whole));
  const found = spreads(runs, null, units);
  return byFigure((name) => {
    const spread = found[name];
    if (!spread) return null;
    const values = each.map((value) => value[name]).filter((value) => value !== null);
    const variance = values.reduce((sum, value) => sum + (value - spread.value) ** 2, 0);
    return {
      mean: spread.value,
      std: Math.sqrt(variance / values.length),
      n: spread.n,
      interval: [spread.low, spread.high],
      values,
    };
  });
}

function differences(
  sets: Scores[],
  others: Scores[],
  { source, against }: { source: TableSource; against: string | null },
): Record<FigureName, Difference | null> {
  const { runs, units } = prepare([...sets, ...others], source);
  const found = spreads(runs.slice(0, sets.length), runs.slice(sets.length), units);
  return byFigure((name) => {
    const spread = found[name];
    if (!spread || against === null) return null;
    const { value, low, high, n } = spread;
    return { value, n, interval: [low, high], against };
  });
}

function byFigure<T>(make: (name: FigureName) => T): Record<FigureName, T> {
  return Object.fromEntries(FIGURES.map((name) => [name, make(name)])) as Record<FigureName, T>;
}
