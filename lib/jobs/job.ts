/** A job as it is told: one shape for each kind, told apart by `kind`. */
import { z } from "zod";
import { adapterInfoSchema } from "@/lib/adapter_info.ts";
import { adapterName } from "@/lib/adapter_name.ts";
import { outcomes } from "@/lib/store/attempts.ts";
import { type JobKind, specs } from "@/lib/specs/mod.ts";
import { type JobRow, jobStates, type Store } from "@/lib/store/mod.ts";

export const jobKindSchema = z.enum(Object.keys(specs) as [JobKind, ...JobKind[]]);
export const jobStateSchema = z.enum(jobStates);
export const progressSchema = z.object({
  done: z.number(),
  total: z.number(),
  unit: z.string(),
}).meta({ id: "Progress" });

const attemptSchema = z.object({
  number: z.number().describe("Counts the claims of the job, from 1"),
  worker: z.string().describe("Its name among the workers"),
  label: z.string().nullable().describe("What people call the worker, such as its machine's name"),
  device: adapterInfoSchema.nullable(),
  from_step: z.number().nullable()
    .describe("Steps that were done before it; null at the beginning"),
  started_at: z.iso.datetime(),
  ended_at: z.iso.datetime().nullable(),
  outcome: z.enum(outcomes).nullable().describe(
    "What it ended as: `queued` where its worker gave it back, `lost` where the worker ended or was not heard of; " +
      "null while it runs",
  ),
  reason: z.string().nullable(),
}).meta({ id: "Attempt" });

function schemaOf<Kind extends JobKind>(kind: Kind) {
  const { kept, result }: Pick<(typeof specs)[Kind], "kept" | "result"> = specs[kind];
  return z.object({
    id: z.string(),
    kind: z.literal(kind),
    state: jobStateSchema,
    spec: kept as (typeof specs)[Kind]["kept"],
    progress: progressSchema,
    queue_position: z.number().nullable()
      .describe("0 for the next one; null when the job does not wait"),
    requested: z.enum(["cancel", "pause"]).nullable()
      .describe("What a running job was asked to do and has not done yet"),
    created_at: z.iso.datetime(),
    started_at: z.iso.datetime().nullable(),
    finished_at: z.iso.datetime().nullable(),
    estimated_finish: z.iso.datetime().nullable(),
    error: z.string().nullable(),
    result: (result as (typeof specs)[Kind]["result"]).nullable()
      .describe("What it has made; null before it has succeeded"),
    device: adapterInfoSchema.nullable().describe("What it ran on last"),
    waits_for: z.string().nullable().describe(
      "The adapter that a job with `resume: same_device` waits for, where no other may go on with it",
    ),
    study: z.string().nullable().describe("Id of the study that it is or belongs to"),
    attempts: z.array(attemptSchema).optional()
      .describe("Which workers ran it, the first attempt first; in lists where `fields` names it"),
  }).meta({ id: `${kind[0].toUpperCase()}${kind.slice(1)}Job` });
}

type OfKind = { [Kind in JobKind]: ReturnType<typeof schemaOf<Kind>> }[JobKind];

const kinds = jobKindSchema.options.map((kind) => schemaOf(kind)) as OfKind[];

export const jobSchema = z.discriminatedUnion("kind", kinds as [OfKind, ...OfKind[]])
  .meta({ id: "Job" });
export type Job = z.output<typeof jobSchema>;

/** What the row of a job must have to be told: what is kept by kind is as that kind's spec made it. */
type Told = Omit<Job, "kind" | "spec" | "result"> & Pick<JobRow, "kind" | "spec" | "result">;

/** The fields of the schema, in its order. */
export const jobFields = Object.keys(kinds[0].shape) as (keyof Told)[];

export async function toJobView(store: Store, row: JobRow): Promise<Job> {
  // The row's are a number of its own, for crashes.
  const { attempts: _, ...rest } = row;
  const told: Told = {
    ...rest,
    queue_position: await store.jobs.queuePosition(row) ?? null,
    waits_for: row.state === "queued" && row.spec.resume === "same_device" && row.device
      ? adapterName(row.device)
      : null,
  };
  const fields = jobFields.filter((field) => told[field] !== undefined);
  return Object.fromEntries(fields.map((field) => [field, told[field]])) as unknown as Job;
}

/** A job by itself: with its attempts. */
export async function toSingleJobView(store: Store, row: JobRow): Promise<Job> {
  const attempts = await store.jobs.attempts.ofJob(row.id);
  return {
    ...await toJobView(store, row),
    attempts: attempts.map(({ job_id: _, ...attempt }) => attempt),
  };
}
