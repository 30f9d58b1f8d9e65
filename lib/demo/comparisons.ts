/** What the study's tables say about the protocol's comparisons: paired over the runs that both rows have. */
import { holm } from "@/lib/evaluation/holm.ts";
import { leastSeen, type PairedT, pairedT } from "@/lib/evaluation/paired_t.ts";
import type { StudyTable } from "@/lib/studies/table_schema.ts";
import type { Experiment, Outcome } from "./experiment.ts";
import { type Budget, CONTROL, MAIN, type Panel, PRIMARY } from "./protocol.ts";

export interface Comparison {
  method: string;
  arm: string;
  against: string;
  /** Differences in AUC, run by run. */
  differences: { run: number; value: number }[];
  tested: PairedT;
  /** Least mean difference found in 80 of 100 studies like this one. */
  least_seen: number | null;
  /** After Holm, over the six comparisons of its kind; null for others. */
  p_holm: number | null;
}

/** The parts of one panel and number of labels; of two the later one has more rows. */
export function outcomesOf(
  { outcomes }: Pick<Experiment, "outcomes">,
  panel: Panel,
  budget: Budget,
): Outcome[] {
  return outcomes.filter((one) => one.panel === panel && one.budget === budget);
}

/** Differences of two rows of a method, by the first of the tables that has most of them. */
export function compared(
  outcomes: Outcome[],
  method: string,
  arm: string,
  against: string,
): Comparison | undefined {
  const candidates = outcomes.map(({ table }) =>
    paired(table, `${method} ${arm}`, `${method} ${against}`)
  );
  const differences = candidates.reduce((a, b) => b.length > a.length ? b : a, []);
  if (differences.length === 0) return undefined;
  const tested = pairedT(differences.map(({ value }) => value));
  const { deviation, n } = tested;
  return {
    ...{ method, arm, against, differences, tested, p_holm: null },
    least_seen: deviation === null ? null : leastSeen(deviation, n),
  };
}

function paired(table: StudyTable, row: string, against: string) {
  const [own, other] = [row, against].map((key) => {
    const cell = table.cells.find((cell) => cell.row === key);
    const values = cell?.figures.auc?.values ?? [];
    // Without a figure for every run it is not known whose they are.
    if (values.length !== cell?.runs.length) return new Map<number, number>();
    return new Map(values.map((value, i) => [cell.runs[i], value]));
  });
  return [...own].flatMap(([run, value]) =>
    other.has(run) ? [{ run, value: value - other.get(run)! }] : []
  );
}

/** The six of a panel: gaze to none and to shuffled gaze, by method; adjusted by Holm together. */
export function six(found: Experiment, panel: Panel, budget: Budget): Comparison[] {
  const outcomes = outcomesOf(found, panel, budget);
  const all = methodsOf(found).flatMap((method) =>
    PRIMARY.flatMap((against) => compared(outcomes, method, "gaze", against) ?? [])
  );
  const adjusted = holm(all.map(({ tested }) => tested.p));
  return all.map((comparison, i) => ({ ...comparison, p_holm: adjusted[i] }));
}

export function methodsOf({ outcomes }: Pick<Experiment, "outcomes">): string[] {
  const rows = outcomes.flatMap(({ table }) => table.rows);
  return [...new Set(rows.flatMap(({ method }) => method ?? []))];
}

/** The gain over none of every panel that was measured, by rising audit. */
export function doses(
  found: Experiment,
  budget: Budget,
): { panel: Panel; audit_auc: number; comparison: Comparison }[] {
  return Object.entries(found.audits).toSorted(([, a], [, b]) => a.auc - b.auc)
    .flatMap(([name, { auc }]) => {
      const panel = name as Panel;
      const outcomes = outcomesOf(found, panel, budget);
      return methodsOf(found).flatMap((method) => {
        const comparison = compared(outcomes, method, "gaze", "none");
        return comparison ? [{ panel, audit_auc: auc, comparison }] : [];
      });
    });
}

export { CONTROL, MAIN };
