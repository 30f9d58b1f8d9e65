/** Differences of evaluations in a thread of their own: resampling takes seconds. */
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { DifferenceRequest, EvaluationDifference } from "./difference.ts";

const pool = new ThreadPool(import.meta.resolve("./difference_worker.ts"), limits.difference);

/** Throws InvalidInput when the two are not about the same images, Overloaded while others are compared. */
export async function differenceOf(request: DifferenceRequest): Promise<EvaluationDifference> {
  return await pool.run<EvaluationDifference>(request, { memory: 16 * 2 ** 20 });
}
