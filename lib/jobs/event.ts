/** What a job tells while it runs, as it is told on: events, and points of its series. */
import { z } from "zod";
import { jobStateSchema } from "./job.ts";
import type { EventRow } from "@/lib/store/mod.ts";

const figure = z.union([z.string(), z.number(), z.boolean(), z.null()]);
/** Words for people, and beside them the figures that they speak of. */
const message = z.object({ message: z.string() })
  .catchall(z.union([figure, z.record(z.string(), figure)]));

const dataByType = {
  state: z.object({
    state: jobStateSchema,
    reason: z.string().optional(),
    attempt: z.number().optional()
      .describe("Of a job that was taken up again: the number of the attempt"),
    seconds: z.number().optional()
      .describe("Of a success: how long the last run took, by a clock that nobody sets"),
  }),
  log: message,
  metric: z.object({ step: z.number(), epoch: z.number() }).catchall(z.number().nullable())
    .describe("Points of the job's series, by name"),
  checkpoint: z.object({
    step: z.number(),
    epoch: z.number(),
    sha256: z.string(),
    waited: z.number().optional()
      .describe("Seconds for which the training stood still; it is written while steps go on"),
  }),
  warning: message,
} satisfies Record<EventRow["type"], z.ZodObject>;

function schemaOf<Type extends EventRow["type"]>(type: Type) {
  return z.object({
    id: z.number().describe("Counts from 1 without gaps"),
    type: z.literal(type),
    data: dataByType[type],
    created_at: z.iso.datetime(),
  });
}

export const eventSchema = z.discriminatedUnion("type", [
  schemaOf("state"),
  schemaOf("log"),
  schemaOf("metric"),
  schemaOf("checkpoint"),
  schemaOf("warning"),
]).meta({ id: "Event" });
export type Event = z.output<typeof eventSchema>;

export const toEventView = ({ id, type, data, created_at }: EventRow): Event =>
  ({ id, type, data, created_at }) as Event;

export const pointSchema = z.object({
  step: z.number(),
  epoch: z.number(),
  name: z.string(),
  value: z.number().nullable().describe("null where the number was not finite"),
}).meta({ id: "MetricPoint" });
