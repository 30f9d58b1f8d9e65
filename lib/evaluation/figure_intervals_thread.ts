/** Intervals of an evaluation in a thread of their own: resampling takes seconds. */
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { FigureIntervals, IntervalsRequest } from "./figure_intervals.ts";

const pool = new ThreadPool(import.meta.resolve("./figure_intervals_worker.ts"), limits.intervals);

/** Throws Overloaded while others are resampled. */
export async function intervalsOf(request: IntervalsRequest): Promise<FigureIntervals> {
  return await pool.run<FigureIntervals>(request, { memory: 16 * 2 ** 20 });
}
