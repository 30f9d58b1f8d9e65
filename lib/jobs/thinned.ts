/** A long series thinned out to what can be seen of it. */
import type { MetricRow } from "@/lib/store/mod.ts";

/**
 * Of each name at most `points` rows: in `points / 2` spans of steps the least and the greatest value, so that no peak is
 * lost. A series that is short enough stays whole.
 * @param rows in the order of steps
 */
export function thinned(rows: MetricRow[], points: number): MetricRow[] {
  const kept = [...Map.groupBy(rows, ({ name }) => name).values()].flatMap((series) =>
    series.length <= points ? series : extremes(series, Math.max(1, Math.floor(points / 2)))
  );
  return kept.sort((a, b) => a.step - b.step || (a.name < b.name ? -1 : 1));
}

function extremes(series: MetricRow[], spans: number): MetricRow[] {
  const low = series[0].step;
  const width = (series[series.length - 1].step - low + 1) / spans;
  const kept: MetricRow[] = [];
  for (let from = 0; from < series.length;) {
    const span = Math.floor((series[from].step - low) / width);
    let [least, most] = [from, from];
    let at = from;
    for (; at < series.length && Math.floor((series[at].step - low) / width) === span; at++) {
      // A value that is no number is neither, and is left where there is nothing else.
      const value = series[at].value;
      if (value === null) continue;
      if (series[least].value === null || value < series[least].value!) least = at;
      if (series[most].value === null || value > series[most].value!) most = at;
    }
    kept.push(series[Math.min(least, most)]);
    if (least !== most) kept.push(series[Math.max(least, most)]);
    from = at;
  }
  return kept;
}
