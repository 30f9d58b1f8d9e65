/** What a kind of job is to the API: its schemas, what is looked up when it is queued, what it costs. */
import { z } from "zod";
import type { Described } from "@/lib/choice.ts";
import type { JobRow, Store } from "@/lib/store/mod.ts";

/** What queueing adds to every spec. */
export const addedFields = {
  dataset_digest: z.string().describe("Of the data set when the job was queued"),
  code_version: z.string(),
};

/** Fields that jobs of an older version have not. */
export function laterFields<Shape extends Record<string, z.ZodDefault<z.ZodType>>>(
  fields: Shape,
): { [Field in keyof Shape]: z.ZodOptional<ReturnType<Shape[Field]["unwrap"]>> } {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      field.unwrap().optional().describe("Not in jobs of an older version"),
    ]),
  ) as { [Field in keyof Shape]: z.ZodOptional<ReturnType<Shape[Field]["unwrap"]>> };
}

/** In a result: why it may mean less than it seems to. Not there when there is nothing to say. */
export const warningsSchema = z.array(z.string()).optional()
  .describe("Why it may be something else than its name says, or its figures mean less");

type Added = keyof typeof addedFields;

/** A kind of job without its device code, for requests, the queue and plans; what runs it: `lib/worker/kinds.ts`. */
export interface JobSpec<
  Schema extends z.ZodType = z.ZodType,
  Kept extends z.ZodObject = z.ZodObject,
  Result extends z.ZodObject = z.ZodObject,
> extends Described {
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
  resolve(spec: z.output<Schema>, store: Store): Promise<Omit<z.output<Kept>, Added>>;
  /** Inserts the rows that belong to a job of this kind from the beginning, in the job's transaction. */
  queued?(job: JobRow, store: Store): Promise<void>;
  /** Of a kind that trains a network: what its time and memory follow from. */
  training?: Training;
  /** Of a kind that is made of other jobs: no worker claims it, and it has no result of its own to share. */
  made?: {
    /**
     * Passes on what a person asks of the job, before it is done to the job itself.
     * @param control does the same to another job
     */
    control(
      job: JobRow,
      store: Store,
      what: JobAction,
      control: (id: string) => Promise<void>,
    ): Promise<void>;
  };
}

/** All images, by the number of each label. */
export function sumOf(labels: ReadonlyMap<string | null, number>): number {
  return [...labels.values()].reduce((sum, count) => sum + count, 0);
}

/** What a person may ask of a job. */
export type JobAction = "cancel" | "pause" | "resume";

/** Of resolved specs. */
export interface Training {
  /** How many images of a data set with so many of each label it loads. */
  images(labels: ReadonlyMap<string | null, number>): number;
  /** Passes through the network per image that is trained on; a backward pass counts as two. */
  passes(spec: Record<string, unknown>): number;
  /**
   * How often it trains on each image in an epoch, on average: on those it tests on never.
   * @param images that it loads; without it a number of labels does not count
   */
  share(spec: Record<string, unknown>, images?: number): number;
}
