/** The report of a stored study. */
import { quoted } from "@/lib/quoted.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { EvaluationRow, Store, StudyRow } from "@/lib/store/mod.ts";
import { type StudyReport, studyReport } from "./report.ts";
import { isMultiLabelMetrics } from "@/lib/evaluation/multi_label_evaluation.ts";
import { oneLabelEvaluation } from "./finding_evaluation.ts";
import { tableOf } from "./study.ts";

/** @throws {InvalidInput} for a class that the study does not have */
export async function reportOf(
  store: Store,
  row: StudyRow,
  { label, most }: { label?: string; most: number },
): Promise<StudyReport> {
  const table = await tableOf(store, row);
  const evaluations = new Map<string, EvaluationRow>();
  for (const id of table.cells.flatMap(({ evaluations }) => evaluations)) {
    const found = await store.evaluations.find(id);
    if (found) evaluations.set(id, found);
  }
  const first = [...evaluations.values()][0]?.metrics;
  const classes = first?.classes ?? [];
  if (label !== undefined && !classes.includes(label)) {
    throw new InvalidInput(
      `Cannot draw curves of "${label}": the classes are ${quoted(classes) || "not known yet"}`,
    );
  }
  const several = first !== undefined && isMultiLabelMetrics(first);
  const { positive_label } = table;
  const named = positive_label !== null && classes.includes(positive_label)
    ? positive_label
    : classes[0];
  const shown = several ? label ?? named : label;
  return studyReport({
    ...{ study: row.id, table, label: shown, most },
    evaluations: new Map(
      [...evaluations].map(([id, row]) => [id, oneLabelEvaluation(row, shown ?? "")]),
    ),
    others: several ? classes.filter((name) => name !== shown) : [],
  });
}
