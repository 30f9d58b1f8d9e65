/** Differences of evaluations in a thread of their own: resampling takes seconds. */
import { runTask } from "@/lib/task_thread.ts";
import type { DifferenceRequest, EvaluationDifference } from "./difference.ts";

/** Throws InvalidInput when the two are not about the same images, Overloaded while others are compared. */
export async function differenceOf(request: DifferenceRequest): Promise<EvaluationDifference> {
  return await runTask<EvaluationDifference>(
    import.meta.resolve("./difference_worker.ts"),
    request,
    { doing: "compare evaluations", most: 2, limitMs: 60_000 },
  );
}
