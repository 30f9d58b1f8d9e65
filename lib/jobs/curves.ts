/** Series of several runs as one: mean, least and greatest over seeds and folds. */
import { z } from "zod";
import type { Store } from "@/lib/store/mod.ts";

export const curveSchema = z.object({
  name: z.string().describe("Of the series; that of the fold is left out"),
  step: z.array(z.number()).describe("Middle of the span of steps that a value is the mean of"),
  mean: z.array(z.number()),
  low: z.array(z.number()).describe("Least of the runs"),
  high: z.array(z.number()).describe("Greatest of the runs"),
  n: z.array(z.number()).describe("Runs that have a value there"),
  runs: z.number().describe("Jobs, or folds of jobs, that have this series"),
}).meta({ id: "Curve" });
export type Curve = z.output<typeof curveSchema>;

const FOLD = /^fold \d+ /;

/** One run's series: name, and value by span. */
type Series = { name: string; values: Map<number, number> };

/** @param points of each curve at most */
export async function curvesOf(store: Store, ids: string[], points: number): Promise<Curve[]> {
  const extents = [];
  for (const id of ids) {
    const extent = await store.metrics.extent(id);
    if (extent) extents.push(extent);
  }
  if (extents.length === 0) return [];
  const low = Math.min(...extents.map((extent) => extent.low));
  const high = Math.max(...extents.map((extent) => extent.high));
  const width = Math.ceil((high - low + 1) / points);
  const series: Series[] = [];
  for (const id of ids) {
    const rows = await store.metrics.averaged(id, { low, width });
    for (const [name, own] of Map.groupBy(rows, (row) => row.name)) {
      const known = own.flatMap(({ span, value }): [number, number][] =>
        value === null ? [] : [[span, value]]
      );
      series.push({ name: name.replace(FOLD, ""), values: new Map(known) });
    }
  }
  const middle = (span: number) => low + (span + 0.5) * width - 0.5;
  return [...Map.groupBy(series, ({ name }) => name)].map(([name, runs]) => bandOf(name, runs))
    .filter(({ step }) => step.length > 0)
    .map((curve) => ({ ...curve, step: curve.step.map((span) => rounded(middle(span))) }))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

/** With spans in place of steps. */
function bandOf(name: string, runs: Series[]): Curve {
  const spans = [...new Set(runs.flatMap(({ values }) => [...values.keys()]))]
    .sort((a, b) => a - b);
  const at = spans.map((span) => runs.flatMap(({ values }) => values.get(span) ?? []));
  return {
    name,
    step: spans,
    mean: at.map((values) =>
      rounded(values.reduce((sum, value) => sum + value, 0) / values.length)
    ),
    low: at.map((values) => rounded(Math.min(...values))),
    high: at.map((values) => rounded(Math.max(...values))),
    n: at.map((values) => values.length),
    runs: runs.length,
  };
}

/** Eight digits: more than a screen shows, and what an f32 has. */
const rounded = (value: number) => Number(value.toPrecision(8));
