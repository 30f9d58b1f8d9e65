/** What a kind of job takes and gives: its schemas, and what is looked up when it is queued. */
import { z } from "zod";
import type { JobRow, Store } from "@/lib/store/mod.ts";

/** What queueing adds to every spec. */
export const addedFields = {
  dataset_digest: z.string().describe("Of the data set when the job was queued"),
  code_version: z.string(),
};

type Added = keyof typeof addedFields;

export interface JobSpec<
  Schema extends z.ZodType = z.ZodType,
  Kept extends z.ZodObject = z.ZodObject,
  Result extends z.ZodObject = z.ZodObject,
> {
  /** What a request may say: strict, without `kind`. */
  schema: Schema;
  /** What is kept of it: nothing is left open, names are ids, `addedFields` stand beside. */
  kept: Kept;
  /** What the job has made when it has succeeded. */
  result: Result;
  /**
   * Looks up what the spec names and returns the spec to be kept (a model's alias becomes its id,
   * presets are unfolded). Throws NotFound, Conflict, InvalidInput.
   */
  resolve(spec: z.output<Schema>, store: Store): Omit<z.output<Kept>, Added>;
  /** Inserts the rows that belong to a job of this kind from the beginning, in the job's transaction. */
  queued?(job: JobRow, store: Store): void;
}
