/** Comparisons of a study as a table of its report. */
import type { PairedT } from "@/lib/evaluation/paired_t.ts";
import { markdownGrid, pText, signed } from "@/lib/studies/table_text.ts";

export interface Tested {
  /** What is compared, in words. */
  title: string;
  tested: PairedT;
  /** Least mean difference found in 80 of 100 studies like this one. */
  least_seen: number | null;
  /** After Holm, over the comparisons of its kind; null for others. */
  p_holm: number | null;
}

/** Whether a primary comparison holds: above 0, and p after Holm below 0.05. */
export function holds({ tested, p_holm }: Pick<Tested, "tested" | "p_holm">): boolean {
  return tested.mean > 0 && p_holm !== null && p_holm < 0.05;
}

/** @param options.verdict with a column that says which of them hold */
export function comparisonGrid(
  list: Tested[],
  { verdict = false }: { verdict?: boolean },
): string {
  if (list.length === 0) return "Not measured.";
  const adjusted = list.some(({ p_holm }) => p_holm !== null);
  const heads = ["", "difference", "95 %", "n", "deviation", "p"];
  if (adjusted) heads.push("p (Holm)");
  heads.push("least seen");
  if (verdict) heads.push("holds");
  return markdownGrid(
    heads,
    list.map((one) => {
      const { title, tested: { mean, interval, n, deviation, p } } = one;
      const row = [
        title,
        signed(mean),
        interval ? `[${signed(interval[0])}, ${signed(interval[1])}]` : "–",
        String(n),
        deviation === null ? "–" : deviation.toFixed(3),
        p === null ? "–" : pText(p),
      ];
      if (adjusted) row.push(one.p_holm === null ? "–" : pText(one.p_holm));
      row.push(one.least_seen === null ? "–" : one.least_seen.toFixed(3));
      if (verdict) row.push(holds(one) ? "yes" : "no");
      return row;
    }),
  );
}
