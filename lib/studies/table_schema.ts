/** What a study's table says, and says of every cell. */
import { z } from "zod";
import { INTERVAL_METHODS, TESTS } from "@/lib/evaluation/interval.ts";
import { type FigureName, FIGURES } from "@/lib/evaluation/weighted.ts";

const interval = z.tuple([z.number(), z.number()]).describe("95 %");
const intervalMethod = z.enum([...INTERVAL_METHODS, "percentile_over_runs"]).describe(
  "Over seeds: Student's t with the variance of runs and of the patients that they share (Obuchowski and " +
    "Rockette). Of folds, or one run: percentiles over resamples of patients. `percentile_over_runs`, in studies " +
    "of an earlier version, is too narrow: with five runs it holds the true value in 83 of 100 cases",
);

/** A figure of a cell over its runs. */
const cellFigureSchema = z.object({
  mean: z.number(),
  std: z.number().describe("Population standard deviation over the runs"),
  n: z.number(),
  interval,
  interval_method: intervalMethod,
  values: z.array(z.number()).describe("In the order of `runs`"),
}).meta({ id: "CellFigure" });
export type CellFigure = z.output<typeof cellFigureSchema>;

const cellDifferenceSchema = z.object({
  value: z.number(),
  n: z.number().describe("Runs that both rows have"),
  interval,
  interval_method: intervalMethod,
  p: z.number().nullable().describe(
    "Two-sided, as `test` says; null where it cannot be told, and in studies of an earlier version",
  ),
  test: z.enum(TESTS).nullable().describe(
    "Paired t over seeds, which takes the patients as they are; by resampled patients for folds and one run",
  ),
  p_with_patients: z.number().nullable().describe("Of the variance that the interval has"),
  p_holm: z.number().nullable()
    .describe("`p` after Holm, over all comparisons of this figure in the study"),
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
  figures: byFigureSchema(cellFigureSchema),
  differences: byFigureSchema(cellDifferenceSchema)
    .describe("To the same method without gaze, on the same images and runs"),
  controls: byFigureSchema(cellDifferenceSchema)
    .describe("Of gaze, to the same method with shuffled gaze, on the same images and runs"),
  classes: z.number().nullable()
    .describe("null before a run is done, and of a multi-label set"),
  warnings: z.array(z.string()).describe("What to know before a figure is believed"),
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
  start: z.string().nullable()
    .describe("Name of the network that pre-training starts from; null: random weights"),
  labels: z.number().nullable()
    .describe("Training images whose label is used, or their share; null: all"),
  repeats: z.number().describe("Drawings of the labels that a run is the mean of"),
  probe: z.boolean().describe("Whether the backbones stay as they are, and a probe is trained"),
  classes: z.number().nullable().describe("With two, M-AUC is the AUC; null where none is known"),
  multi_label: z.literal(true).optional().describe(
    "AUC and ACC are then means over findings, and M-AUC that of one finding; absent of one label an image",
  ),
  comparisons: z.record(z.enum(FIGURES), z.number()).describe("That Holm's adjustment counts"),
  cells: z.array(tableCellSchema),
  warnings: z.array(z.string()).describe("Of all cells, and of the table"),
});
export type StudyTable = z.output<typeof studyTableSchema>;

export function byFigure<T>(make: (name: FigureName) => T): Record<FigureName, T> {
  return Object.fromEntries(FIGURES.map((name) => [name, make(name)])) as Record<FigureName, T>;
}
