/** What a kind of job takes: its schema, and what is looked up when it is queued. */
import type { z } from "zod";
import type { JobRow, Store } from "@/lib/store/mod.ts";

export interface JobSpec<Schema extends z.ZodType = z.ZodType> {
  /** What a request may say: strict, without `kind`. */
  schema: Schema;
  /**
   * Looks up what the spec names and returns the spec to be kept (a model's alias becomes its id,
   * presets are unfolded). Throws NotFound, Conflict, InvalidInput.
   */
  resolve?(spec: z.output<Schema>, store: Store): Record<string, unknown>;
  /** Inserts the rows that belong to a job of this kind from the beginning, in the job's transaction. */
  queued?(job: JobRow, store: Store): void;
}

/** What queueing adds to every spec that names a data set. */
export interface Resolved {
  /** Digest of the data set when the job was queued. */
  dataset_digest?: string;
  code_version: string;
}
