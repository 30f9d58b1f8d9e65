/**
 * The table as journals print it: percent with two digits, the best of each column in bold, n and p beside them,
 * booktabs in LaTeX.
 */
import { csvLine } from "@/lib/csv.ts";
import type { FigureName } from "@/lib/evaluation/weighted.ts";
import { type ArmName, arms } from "@/lib/gaze/arms/mod.ts";
import type { Difference, StudyTable, TableCell } from "./table_schema.ts";
import {
  backboneName,
  cellOf,
  COLUMNS,
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
  subject,
  testText,
} from "./table_text.ts";

interface Text {
  text: string;
  best?: boolean;
}

type Title = { title: string };

export const paperTables = {
  csv: paperCsv,
  markdown: paperMarkdown,
  latex: paperLatex,
};

const percent = (value: number) => (100 * value).toFixed(2);

/** The figure whose difference the column p is of. */
const TESTED: FigureName = "auc";

/** Of each backbone its figures, n and p. */
function heads(table: StudyTable): string[][] {
  return table.backbones.map(() => [
    ...shownFigures(table).map((name) => COLUMNS[name]),
    "n",
    "p",
  ]);
}

function rowsOf(table: StudyTable): Text[][] {
  return table.rows.map((row) => [
    { text: row.name },
    ...table.backbones.flatMap((backbone) => {
      const cell = cellOf(table, row.key, backbone);
      const p = cell.differences[TESTED]?.p_holm ?? null;
      return [
        ...shownFigures(table).map((name) => ({
          text: figureText(cell, name),
          best: cell.figures[name] !== null && !isTold(row) &&
            percent(cell.figures[name].mean) === best(table, backbone, name),
        })),
        { text: String(cell.figures[TESTED]?.n ?? cell.done) },
        { text: p === null ? "–" : pText(p) },
      ];
    }),
  ]);
}

/** Whether a row's pre-training was given the labels. */
function isTold({ arm }: StudyTable["rows"][number]): boolean {
  return arm !== null && arms[arm as ArmName].needs === "labels";
}

function figureText(cell: TableCell, name: FigureName): string {
  const figure = cell.figures[name];
  if (!figure) return instead(cell);
  return `${percent(figure.mean)} ± ${figure.n > 1 ? percent(figure.std) : "–"}`;
}

/** As it is written, so that what reads alike is bold alike. Rows that were given the labels do not compete. */
function best(table: StudyTable, backbone: string, name: FigureName): string | undefined {
  const means = table.rows.filter((row) => !isTold(row))
    .flatMap(({ key }) => cellOf(table, key, backbone).figures[name]?.mean ?? []);
  return means.length > 1 ? percent(Math.max(...means)) : undefined;
}

/** Rows of differences: what is compared, then each figure's. */
function differenceRows(table: StudyTable): Text[][] {
  return table.rows.flatMap((row) =>
    (["differences", "controls"] as const).flatMap((kind) => {
      const cells = table.backbones.map((backbone) => cellOf(table, row.key, backbone)[kind]);
      const names = shownFigures(table);
      const found = cells.flatMap((cell) => names.flatMap((name) => cell[name] ?? []));
      if (found.length === 0) return [];
      const other = table.rows.find(({ key }) => key === found[0].against)!.name;
      return [[
        { text: `${row.name} against ${other}` },
        ...cells.flatMap((cell) => names.map((name) => ({ text: differenceText(cell[name]) }))),
      ]];
    })
  );
}

function differenceText(found: Difference | null): string {
  if (!found) return "–";
  const [value, low, high] = [found.value, ...found.interval].map((x) => signed(100 * x, 2));
  const p = found.p_holm === null ? "" : `, p ${pText(found.p_holm).replace(/^(?=\d)/, "= ")}`;
  return `${value} [${low}, ${high}]${p}`;
}

function notes(table: StudyTable): string {
  const labels = table.rows.some(isTold)
    ? " (rows whose pre-training was given the labels do not compete)"
    : "";
  return [
    subject(table).replace("Mean", "Percent: mean"),
    `Best in bold${labels}.`,
    positiveText(table),
    "The column p is of the difference in AUC to the same method without gaze.",
    testText(table),
  ].join(" ");
}

function paperMarkdown(table: StudyTable, { title }: Title): string {
  const several = table.backbones.length > 1;
  const names = table.backbones.map((name) => several ? `${backboneName(name)} ` : "");
  const written = (rows: Text[][]) =>
    rows.map((row) =>
      row.map(({ text, best }) => best ? `**${markdownText(text)}**` : markdownText(text))
    );
  const compared = differenceRows(table);
  const figures = names.flatMap((name) =>
    shownFigures(table).map((figure) => `${name}${COLUMNS[figure]}`)
  );
  return [
    `**${markdownText(title)}**`,
    markdownGrid(
      ["", ...heads(table).flatMap((list, b) => list.map((head) => `${names[b]}${head}`))],
      written(rowsOf(table)),
    ),
    ...(compared.length > 0
      ? ["Differences, percentage points:", markdownGrid(["", ...figures], written(compared))]
      : []),
    markdownText(notes(table)),
    ...markdownWarnings(table),
  ].join("\n\n") + "\n";
}

function paperLatex(table: StudyTable, { title }: Title): string {
  const { backbones } = table;
  const grid = (heads: string[][], rows: Text[][], caption: string, below: string[]) => {
    let column = 2;
    const rules = heads.map(({ length }) => `\\cmidrule(lr){${column}-${(column += length) - 1}}`);
    const spans = heads.map(({ length }, b) =>
      `\\multicolumn{${length}}{c}{${latexText(backboneName(backbones[b]))}}`
    );
    return [
      "\\begin{table}",
      "\\centering",
      `\\caption{${latexText(caption)}}`,
      `\\begin{tabular}{l${"c".repeat(heads.flat().length)}}`,
      "\\toprule",
      ` & ${spans.join(" & ")} \\\\`,
      rules.join(" "),
      ` & ${heads.flat().map((head) => /^[np]$/.test(head) ? `$${head}$` : head).join(" & ")} \\\\`,
      "\\midrule",
      ...rows.map((row) =>
        `${
          row.map(({ text, best }) => best ? `\\textbf{${latexText(text)}}` : latexText(text))
            .join(" & ")
        } \\\\`
      ),
      "\\bottomrule",
      "\\end{tabular}",
      ...below,
      "\\end{table}",
    ].join("\n");
  };
  const compared = differenceRows(table);
  const figures = backbones.map(() => shownFigures(table).map((name) => COLUMNS[name]));
  return [
    "% \\usepackage{booktabs}",
    grid(heads(table), rowsOf(table), `${title}. ${notes(table)}`, latexWarnings(table)),
    ...(compared.length > 0
      ? [grid(figures, compared, `${title}. Differences in percentage points.`, [])]
      : []),
  ].join("\n\n") + "\n";
}

/** One line per row of the printed table; texts as they are printed, the best marked by a column of their names. */
function paperCsv(table: StudyTable): string {
  const several = table.backbones.length > 1;
  const names = heads(table).flatMap((list, b) =>
    list.map((head) => `${several ? `${backboneName(table.backbones[b])} ` : ""}${head}`)
  );
  const lines = rowsOf(table).map((row, r) =>
    csvLine(
      ...row.map(({ text }) => text),
      row.flatMap(({ best }, i) => best ? names[i - 1] : []).join("; "),
      table.backbones.flatMap((backbone) => cellOf(table, table.rows[r].key, backbone).warnings)
        .join("; "),
    )
  );
  return csvLine("row", ...names, "best", "warnings") + lines.join("");
}
