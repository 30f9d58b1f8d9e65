/** What the written forms of a study's table share: headings, cells that are missing, escapes. */
import { LEVEL } from "@/lib/evaluation/interval.ts";
import { type FigureName, FIGURES } from "@/lib/evaluation/weighted.ts";
import type { Arm } from "@/lib/gaze/arms/arm.ts";
import { type ArmName, arms } from "@/lib/gaze/arms/mod.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { StudyTable, TableCell } from "./table_schema.ts";

export const COLUMNS: Record<FigureName, string> = { m_auc: "M-AUC", auc: "AUC", accuracy: "ACC" };

export const backboneName = (backbone: string) => backboneSpec(backbone).title;

/** Figures with a column of their own: with two classes M-AUC is the AUC. */
export function shownFigures({ classes }: StudyTable): FigureName[] {
  return classes === 2 ? FIGURES.filter((name) => name !== "m_auc") : [...FIGURES];
}

export function cellOf({ cells }: StudyTable, row: string, backbone: string): TableCell {
  return cells.find((cell) => cell.row === row && cell.backbone === backbone)!;
}

export function stateOf({ planned, done, failed, cancelled }: TableCell): string {
  if (done === planned) return "complete";
  if (done > 0) return "partial";
  if (failed === planned) return "failed";
  return cancelled > 0 ? "cancelled" : failed > 0 ? "partly failed" : "missing";
}

/** What stands in place of a figure that is not there. */
export function instead(cell: TableCell): string {
  return cell.done > 0 ? "not defined" : stateOf(cell);
}

export const signed = (value: number, digits = 3) =>
  (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);

/** `0.012`, or that it is below what is written. */
export function pText(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

/** What the figures are of. */
export function subject(
  { run_kind, planned, backbones, start, labels, repeats, probe }: StudyTable,
): string {
  const told = labels === null
    ? ""
    : `, ${labels < 1 ? `a share of ${labels} of the` : labels} labelled training images${
      repeats > 1 ? ` (each ${run_kind} the mean of ${repeats} drawings)` : ""
    }`;
  const settings = [
    ...(probe ? ["Linear probe of frozen backbones"] : []),
    ...(start === null ? [] : [`pre-training starts from ${start}`]),
  ].join("; ");
  return `Mean ± population standard deviation over ${planned} ${run_kind}${
    planned > 1 ? "s" : ""
  } on images that no training saw${
    backbones.length === 1 ? `, ${backboneName(backbones[0])}` : ""
  }${told}.${settings === "" ? "" : ` ${settings[0].toUpperCase()}${settings.slice(1)}.`}`;
}

export function positiveText({ positive_label, classes, multi_label }: StudyTable): string {
  const label = positive_label === null ? null : `"${positive_label}"`;
  if (multi_label) {
    const means =
      "The set is multi-label: AUC and ACC (at 0.5) are means over the findings that have both sides";
    return label === null
      ? `${means}; M-AUC is not defined, as the data set names no positive label.`
      : `${means}, M-AUC is the AUC of ${label}.`;
  }
  if (classes === 2) return "With two classes M-AUC is the AUC, and has no column of its own.";
  return label === null
    ? "M-AUC is not defined: the data set names no positive label."
    : `M-AUC is the one-versus-rest AUC of ${label}; AUC is the mean of that of every class.`;
}

/** How the intervals and p values were come by. */
export function testText({ run_kind, planned, comparisons }: StudyTable): string {
  const percent = Math.round(LEVEL * 100);
  const interval = run_kind === "fold"
    ? `Intervals of ${percent} % over resamples of patients, folds as they are`
    : planned > 1
    ? `Intervals of ${percent} % by Student's t over seeds, with the patients that seeds share`
    : `Intervals of ${percent} % over resamples of patients, of this one training each`;
  const test = run_kind === "fold" || planned === 1
    ? "by the spread over resamples of patients"
    : "of a paired t test over seeds, which takes the patients as they are";
  const counts = [...new Set(Object.values(comparisons))].filter((n) => n > 0);
  const adjusted = counts.length === 0
    ? ""
    : Math.max(...counts) === 1
    ? "; this table makes one comparison of a figure"
    : `; after Holm for all ${counts.join(" or ")} comparisons of a figure in this table`;
  return `${interval}. p: two-sided, ${test}${adjusted}.`;
}

/** The arms that rows are compared with as their control. */
export function controls({ rows, cells }: StudyTable): Arm[] {
  const keys = new Set(
    cells.flatMap(({ controls }) => FIGURES.flatMap((name) => controls[name]?.against ?? [])),
  );
  const names = new Set(rows.filter(({ key }) => keys.has(key)).map(({ arm }) => arm as ArmName));
  return [...names].map((name) => arms[name]);
}

/** Rows of texts: the name, then a text for each cell; rows without any are left out. */
export function body(
  table: StudyTable,
  text: (cell: TableCell, name: FigureName) => string | null,
): string[][] {
  return table.rows.flatMap((row) => {
    const cells = table.backbones.flatMap((backbone) =>
      shownFigures(table).map((name) => text(cellOf(table, row.key, backbone), name))
    );
    return cells.every((cell) => cell === null) ? [] : [[row.name, ...cells.map((c) => c ?? "–")]];
  });
}

export function columns(table: StudyTable): string[] {
  const several = table.backbones.length > 1;
  return table.backbones.flatMap((backbone) =>
    shownFigures(table).map((name) =>
      `${several ? `${backboneName(backbone)} ` : ""}${COLUMNS[name]}`
    )
  );
}

/** @param rows texts that are Markdown already */
export function markdownGrid(head: string[], rows: string[][]): string {
  const rule = head.map((_, i) => i === 0 ? "---" : "---:");
  return [head, rule, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

export function markdownWarnings({ warnings }: StudyTable): string[] {
  return warnings.length > 0
    ? [["Warnings:", ...warnings.map((text) => `- ${markdownText(text)}.`)].join("\n")]
    : [];
}

export function markdownText(text: string): string {
  return text.replace(/[\r\n]+/g, " ").replace(/[\\`*_<>|#]|\[(?=[^+−])/g, "\\$&");
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

export function latexText(text: string): string {
  return text.replace(/[\r\n]+/g, " ").replace(
    /[\\~^±−–<>{}$%&#_]/g,
    (character) => LATEX[character] ?? `\\${character}`,
  );
}

/** Below a table, so that no figure is read without them. */
export function latexWarnings({ warnings }: StudyTable): string[] {
  return warnings.length > 0
    ? [`\\par\\footnotesize Warnings: ${warnings.map((text) => latexText(`${text}.`)).join(" ")}`]
    : [];
}
