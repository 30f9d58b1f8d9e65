/** The published form of a study's table: rows of methods, M-AUC, AUC and ACC for each backbone. */
import { z } from "zod";
import { csvLine } from "@/lib/csv.ts";
import { LEVEL } from "@/lib/evaluation/interval.ts";
import type { Arm } from "@/lib/gaze/arms/arm.ts";
import { type ArmName, arms } from "@/lib/gaze/arms/mod.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import {
  type Difference,
  type StudyTable,
  studyTableSchema,
  type TableCell,
} from "./study_table.ts";
import { type FigureName, FIGURES } from "@/lib/evaluation/weighted.ts";

/** What stands around the table. */
export interface TableTitle {
  /** Name of the study or of its data set. */
  title: string;
}

const COLUMNS: Record<FigureName, string> = { m_auc: "M-AUC", auc: "AUC", accuracy: "ACC" };

export const tableTypes = {
  csv: "text/csv; charset=utf-8",
  markdown: "text/markdown; charset=utf-8",
  latex: "application/x-tex; charset=utf-8",
} as const;
export type TableFormat = keyof typeof tableTypes;

export function renderTable(format: TableFormat, table: StudyTable, title: TableTitle): string {
  return { csv: csvTable, markdown: markdownTable, latex: latexTable }[format](
    table,
    title,
  );
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
    "control_difference,control_low,control_high,control_n,control,state,warnings";
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
          ...[control?.n, control?.against, stateOf(cell), cell.warnings?.join("; ")],
        );
      })
    )
  );
  return `${head}\n${lines.join("")}`;
}

/** `0.812 ± 0.034`, with the number of runs where some are missing; else what became of the cell. */
function written(cell: TableCell, name: FigureName): string {
  const figure = cell.figures[name];
  if (!figure) return cell.done > 0 ? "not defined" : stateOf(cell);
  const runs = figure.n < cell.planned ? ` (n = ${figure.n} of ${cell.planned})` : "";
  const mark = cell.warnings ? " *" : "";
  return `${figure.mean.toFixed(3)} ± ${figure.std.toFixed(3)}${runs}${mark}`;
}

function stateOf({ planned, done, failed, cancelled }: TableCell): string {
  if (done === planned) return "complete";
  if (done > 0) return "partial";
  if (failed === planned) return "failed";
  return cancelled > 0 ? "cancelled" : failed > 0 ? "partly failed" : "missing";
}

const signed = (value: number) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);

/** Rows of texts: head, then the table's body. */
function body(
  table: StudyTable,
  text: (cell: TableCell, name: FigureName) => string | null,
): string[][] {
  return table.rows.flatMap((row) => {
    const cells = table.backbones.flatMap((backbone) =>
      FIGURES.map((name) => text(cellOf(table, row.key, backbone), name))
    );
    return cells.every((cell) => cell === null) ? [] : [[row.name, ...cells.map((c) => c ?? "–")]];
  });
}

function columns({ backbones }: StudyTable): string[] {
  return backbones.flatMap((backbone) =>
    FIGURES.map((name) =>
      `${backbones.length > 1 ? `${backboneSpec(backbone).title} ` : ""}${COLUMNS[name]}`
    )
  );
}

const difference = (cell: TableCell, name: FigureName) => differenceText(cell.differences[name]);
const control = (cell: TableCell, name: FigureName) => differenceText(cell.controls[name]);

function differenceText(found: Difference | null): string | null {
  if (!found) return null;
  const [low, high] = found.interval;
  return `${signed(found.value)} [${signed(low)}, ${signed(high)}]`;
}

function legend(table: StudyTable): string[] {
  const { run_kind, planned, positive_label, backbones } = table;
  const percent = Math.round(LEVEL * 100);
  return [
    `Mean ± population standard deviation over ${planned} ${run_kind}${planned > 1 ? "s" : ""} ` +
    `on images that no training saw${
      backbones.length === 1 ? `, ${backboneSpec(backbones[0]).title}` : ""
    }.`,
    positive_label === null
      ? "M-AUC is not defined: the data set names no positive label."
      : `M-AUC is the one-versus-rest AUC of "${positive_label}"; AUC is the mean of that of every class.`,
    `Differences are to the same method without gaze on the same images and runs, with ${percent} % ` +
    "bootstrap intervals over patients and runs; where one holds 0, the two cannot be told apart.",
    ...controls(table).map(({ control }) => control!.shows),
  ];
}

/** What the marks of cells mean. */
function notes({ rows, cells }: StudyTable): string[] {
  return rows.flatMap(({ key, name }) => {
    const own = cells.filter(({ row }) => row === key).flatMap(({ warnings }) => warnings ?? []);
    return own.length === 0 ? [] : [`* ${name}: ${[...new Set(own)].join("; ")}.`];
  });
}

/** The arms that rows are compared with as their control. */
function controls({ rows, cells }: StudyTable): Arm[] {
  const keys = new Set(
    cells.flatMap(({ controls }) => FIGURES.flatMap((name) => controls[name]?.against ?? [])),
  );
  const names = new Set(rows.filter(({ key }) => keys.has(key)).map(({ arm }) => arm as ArmName));
  return [...names].map((name) => arms[name]);
}

export function markdownTable(table: StudyTable, { title }: TableTitle): string {
  const grid = (rows: string[][]) => {
    const head = ["", ...columns(table)];
    const rule = head.map((_, i) => i === 0 ? "---" : "---:");
    const line = (row: string[]) => `| ${row.join(" | ")} |`;
    return [head, rule, ...rows.map((row) => row.map(markdownText))].map(line).join("\n");
  };
  const compared = body(table, difference);
  const controlled = body(table, control);
  const against = controls(table).map(({ title }) => title.toLowerCase()).join(" or ");
  return [
    `**${markdownText(title)}**`,
    grid(body(table, written)),
    ...(compared.length > 0 ? ["Difference to the same method without gaze:", grid(compared)] : []),
    ...(against ? [`Difference to the same method with ${against}:`, grid(controlled)] : []),
    [...legend(table), ...notes(table)].map(markdownText).join("\n"),
  ].join("\n\n") + "\n";
}

function markdownText(text: string): string {
  return text.replace(/[\r\n]+/g, " ").replace(/[\\`*_<>|#]|\[(?=[^+−])/g, "\\$&");
}

export function latexTable(table: StudyTable, { title }: TableTitle): string {
  const { backbones } = table;
  const grid = (rows: string[][], caption: string) =>
    [
      "\\begin{table}",
      "\\centering",
      `\\caption{${latexText(caption)}}`,
      `\\begin{tabular}{l${"ccc".repeat(backbones.length)}}`,
      "\\hline",
      ` & ${
        backbones.map((name) => `\\multicolumn{3}{c}{${backboneSpec(name).title}}`).join(" & ")
      } \\\\`,
      ` & ${backbones.flatMap(() => FIGURES.map((name) => COLUMNS[name])).join(" & ")} \\\\`,
      "\\hline",
      ...rows.map((row) => `${row.map(latexText).join(" & ")} \\\\`),
      "\\hline",
      "\\end{tabular}",
      "\\end{table}",
    ].join("\n");
  const [about, positive, compared, ...informed] = legend(table);
  const against = controls(table).map(({ title }) => title.toLowerCase()).join(" or ");
  const differences = body(table, difference);
  return [
    grid(body(table, written), `${title}. ${about} ${positive}`),
    ...(differences.length > 0 ? [grid(differences, `${title}. ${compared}`)] : []),
    ...(against
      ? [grid(body(table, control), `${title}, against ${against}. ${informed.join(" ")}`)]
      : []),
    ...notes(table).map(latexText),
  ].join("\n\n") + "\n";
}

const LATEX: Record<string, string> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "±": "$\\pm$",
  "−": "$-$",
  "–": "--",
  "<": "$<$",
  ">": "$>$",
};

function latexText(text: string): string {
  return text.replace(/[\r\n]+/g, " ").replace(
    /[\\~^±−–<>{}$%&#_]/g,
    (character) => LATEX[character] ?? `\\${character}`,
  );
}

function cellOf({ cells }: StudyTable, row: string, backbone: string): TableCell {
  return cells.find((cell) => cell.row === row && cell.backbone === backbone)!;
}
