/** What a kind of job is to the worker: the other half of its `JobSpec`, which may load device code. */
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { Estimate } from "@/lib/training/assert_fits.ts";
import type { Device } from "@/lib/training/estimate.ts";
import type { EstimateRequest } from "@/lib/training/estimate_request.ts";

export interface JobHandler<Result extends Record<string, unknown> = Record<string, unknown>> {
  /** Runs the job, from its last checkpoint if there is one; resolves with the job's `result`. */
  run(context: JobContext): Promise<Result>;
  /**
   * GPU memory of a job, before anything is allocated; for a kind whose spec tells of its training.
   * @throws {InvalidInput} when the adapter lacks what the spec asks for
   */
  estimate?(device: Device, request: EstimateRequest): Estimate;
}

/**
 * Gives the handler of a kind, whose modules are loaded by the first job that is run or estimated; null for a kind
 * that is made of other jobs.
 */
export type HandlerOf<Result extends Record<string, unknown> = Record<string, unknown>> =
  | (() => Promise<JobHandler<Result>>)
  | null;

/** Warnings as they stand in a result. */
export function told(warnings: string[] | null | undefined): { warnings?: string[] } {
  return warnings && warnings.length > 0 ? { warnings } : {};
}
