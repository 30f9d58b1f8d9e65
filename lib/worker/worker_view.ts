/** Workers as they are told. */
import { z } from "zod";
import { adapterInfoSchema } from "@/lib/adapter_info.ts";
import type { Beat } from "./beat.ts";
import type { Device } from "./session.ts";
import type { Workers } from "./workers.ts";

const workerSchema = z.object({
  name: z.string(),
  local: z.boolean().describe("Whether it is the server's own"),
  gpu: adapterInfoSchema.nullable().describe("null without one, or while the worker starts"),
  ready: z.boolean().describe("Whether it beats and has a GPU"),
  job: z.string().nullable().describe("Id of the job that it runs"),
  memory: z.number().describe("bytes"),
  gpu_memory: z.number().describe("bytes, in buffers that it made"),
  beat_seconds: z.number().nullable().describe("Since it was heard of last"),
  detail: z.string().nullable().describe("Why it cannot work"),
}).meta({ id: "Worker" });

export const workersSchema = z.object({ data: z.array(workerSchema) }).meta({ id: "Workers" });

interface Told {
  name: string;
  device?: Device;
  beat?: Beat & { time: number };
  ready: boolean;
  unavailable(): string | undefined;
}

function toWorkerView(worker: Told, local: boolean): z.output<typeof workerSchema> {
  const { name, device, beat, ready } = worker;
  return {
    ...{ name, local, ready },
    gpu: device?.gpu ?? null,
    job: beat?.job ?? null,
    memory: beat?.rss ?? 0,
    gpu_memory: beat?.gpu_bytes ?? 0,
    beat_seconds: beat ? (performance.now() - beat.time) / 1000 : null,
    detail: worker.unavailable() ?? null,
  };
}

export function toWorkerViews({ local, remote }: Workers): z.output<typeof workersSchema> {
  return {
    data: [
      ...(local.started ? [toWorkerView(local, true)] : []),
      ...remote.map((worker) => toWorkerView(worker, false)),
    ],
  };
}
