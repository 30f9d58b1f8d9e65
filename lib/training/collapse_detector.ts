import type { JobContext } from "@/lib/specs/job_context.ts";

/** Share of an even spread below which the outputs count as collapsed. */
const COLLAPSED = 0.1;

/** Warns, once, when all outputs become the same vector: told the means of every report. */
export function collapseAlarm(context: Pick<JobContext, "event">, dimensions: number) {
  let warned = false;
  return ({ output_spread }: Record<string, number>, step: number) => {
    const share = output_spread * Math.sqrt(dimensions);
    if (warned || share >= COLLAPSED) return;
    warned = true;
    context.event("warning", {
      message: `the outputs have nearly collapsed: their spread is ${
        (100 * share).toFixed(1)
      } % of an even one`,
      step,
    });
  };
}
