/** The published form of a study's table: rows of methods, M-AUC, AUC and ACC for each backbone. */
import { z } from "zod";
import { csvLine } from "@/lib/csv.ts";
import { LEVEL } from "@/lib/evaluation/interval.ts";
import { type FigureName, FIGURES } from "@/lib/evaluation/weighted.ts";
import { paperTables } from "./paper_table.ts";
import {
  type Difference,
  type StudyTable,
  studyTableSchema,
  type TableCell,
} from "./table_schema.ts";
import {
  backboneName,
  body,
  cellOf,
  COLUMNS,
  columns,
  controls,
  instead,
  latexText,
  latexWarnings,
  markdownGrid,
  markdownText,
  markdownWarnings,
  positiveText,
  pText,
  shownFigures,
  signed,
  stateOf,
  subject,
  testText,
} from "./table_text.ts";

/** What stands around the table. */
export interface TableTitle {
  /** Name of the study or of its data set. */
  title: string;
}

export const tableTypes = {
  csv: "text/csv; charset=utf-8",
  markdown: "text/markdown; charset=utf-8",
  latex: "application/x-tex; charset=utf-8",
} as const;
export type TableFormat = keyof typeof tableTypes;

/** `full`: figures and all that is known of them; `paper`: as journals print it. */
export const tableStyles = ["full", "paper"] as const;
export type TableStyle = typeof tableStyles[number];

export function renderTable(
  format: TableFormat,
  table: StudyTable,
  { title, style = "full" }: TableTitle & { style?: TableStyle },
): string {
  const full = { csv: csvTable, markdown: markdownTable, latex: latexTable };
  return { full, paper: paperTables }[style][format](table, { title });
}

export const publishedTableSchema = z.object({
  title: z.string(),
  figures: z.record(z.enum(FIGURES), z.string()).describe("Headings of the columns"),
  level: z.number().describe("Of the intervals"),
  ...studyTableSchema.shape,
}).meta({ id: "PublishedTable" });

/** The table as plain data. */
export function publishedTable(
  table: StudyTable,
  { title }: TableTitle,
): z.output<typeof publishedTableSchema> {
  return { title, figures: COLUMNS, level: LEVEL, ...table };
}

/** One line per row, backbone and figure; numbers in full. */
export function csvTable(table: StudyTable): string {
  const head = "row,method,arm,backbone,figure,mean,std,n,planned,failed,low,high," +
    "difference,difference_low,difference_high,difference_n,against," +
    "control_difference,control_low,control_high,control_n,control,state,warnings," +
    "p,p_holm,control_p,control_p_holm,interval_method";
  const lines = table.rows.flatMap((row) =>
    table.backbones.flatMap((backbone) =>
      FIGURES.map((name) => {
        const cell = cellOf(table, row.key, backbone);
        const figure = cell.figures[name];
        const difference = cell.differences[name];
        const control = cell.controls[name];
        return csvLine(
          ...[row.name, row.method, row.arm, backbone, COLUMNS[name]],
          ...[figure?.mean, figure?.std, figure?.n ?? 0, cell.planned, cell.failed],
          ...(figure?.interval ?? [null, null]),
          ...[difference?.value, ...(difference?.interval ?? [null, null]), difference?.n],
          ...[difference?.against, control?.value, ...(control?.interval ?? [null, null])],
          ...[control?.n, control?.against, stateOf(cell), cell.warnings.join("; ")],
          ...[difference?.p, difference?.p_holm, control?.p, control?.p_holm],
          figure?.interval_method,
        );
      })
    )
  );
  return `${head}\n${lines.join("")}`;
}

/** `0.812 ± 0.034`, with the number of runs where some are missing, and a mark where there are warnings; else what became of the cell. */
function written(cell: TableCell, name: FigureName): string {
  const figure = cell.figures[name];
  if (!figure) return instead(cell);
  const runs = figure.n < cell.planned ? ` (n = ${figure.n} of ${cell.planned})` : "";
  const mark = cell.warnings.length > 0 ? " *" : "";
  // One run has no deviation: 0.000 would claim one.
  const std = figure.n > 1 ? figure.std.toFixed(3) : "–";
  return `${figure.mean.toFixed(3)} ± ${std}${runs}${mark}`;
}

const difference = (cell: TableCell, name: FigureName) => differenceText(cell.differences[name]);
const control = (cell: TableCell, name: FigureName) => differenceText(cell.controls[name]);

function differenceText(found: Difference | null): string | null {
  if (!found) return null;
  const [low, high] = found.interval;
  const p = found.p_holm === null ? "" : ` p ${pText(found.p_holm).replace(/^(?=\d)/, "= ")}`;
  return `${signed(found.value)} [${signed(low)}, ${signed(high)}]${p}`;
}

function legend(table: StudyTable): string[] {
  return [
    subject(table),
    positiveText(table),
    "Differences are to the same method without gaze on the same images and runs; where an interval holds 0, " +
    `the two cannot be told apart. ${testText(table)}`,
    ...controls(table).map(({ control }) => control!.shows),
  ];
}

export function markdownTable(table: StudyTable, { title }: TableTitle): string {
  const grid = (rows: string[][]) =>
    markdownGrid(["", ...columns(table)], rows.map((row) => row.map(markdownText)));
  const compared = body(table, difference);
  const controlled = body(table, control);
  const against = controls(table).map(({ title }) => title.toLowerCase()).join(" or ");
  return [
    `**${markdownText(title)}**`,
    grid(body(table, written)),
    ...(compared.length > 0 ? ["Difference to the same method without gaze:", grid(compared)] : []),
    ...(against ? [`Difference to the same method with ${against}:`, grid(controlled)] : []),
    legend(table).map(markdownText).join("\n"),
    ...markdownWarnings(table),
  ].join("\n\n") + "\n";
}

export function latexTable(table: StudyTable, { title }: TableTitle): string {
  const { backbones } = table;
  const names = shownFigures(table);
  const grid = (rows: string[][], caption: string, below: string[] = []) =>
    [
      "\\begin{table}",
      "\\centering",
      `\\caption{${latexText(caption)}}`,
      `\\begin{tabular}{l${"c".repeat(names.length * backbones.length)}}`,
      "\\hline",
      ` & ${
        backbones.map((name) => `\\multicolumn{${names.length}}{c}{${backboneName(name)}}`)
          .join(" & ")
      } \\\\`,
      ` & ${backbones.flatMap(() => names.map((name) => COLUMNS[name])).join(" & ")} \\\\`,
      "\\hline",
      ...rows.map((row) => `${row.map(latexText).join(" & ")} \\\\`),
      "\\hline",
      "\\end{tabular}",
      ...below,
      "\\end{table}",
    ].join("\n");
  const [about, positive, compared, ...informed] = legend(table);
  const against = controls(table).map(({ title }) => title.toLowerCase()).join(" or ");
  const differences = body(table, difference);
  return [
    grid(body(table, written), `${title}. ${about} ${positive}`, latexWarnings(table)),
    ...(differences.length > 0 ? [grid(differences, `${title}. ${compared}`)] : []),
    ...(against
      ? [grid(body(table, control), `${title}, against ${against}. ${informed.join(" ")}`)]
      : []),
  ].join("\n\n") + "\n";
}
