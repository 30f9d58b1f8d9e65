/** The GPU and the worker that holds it, as they are told. */
import { z } from "zod";
import { adapterInfoSchema } from "@/lib/adapter_info.ts";
import type { Workers } from "./workers.ts";

export const deviceSchema = z.object({
  gpu: adapterInfoSchema.nullable().describe("null without one, or while the worker starts"),
  software: z.boolean().nullable(),
  backend: z.string().nullable()
    .describe("What WebGPU goes through, such as `vulkan`; null where the runtime chooses"),
  features: z.object({
    f16: z.boolean(),
    timestamps: z.boolean(),
    subgroups: z.boolean(),
    lanes: z.number().describe("Invocations of a subgroup, where that is one number; else 0"),
  }).partial(),
  limits: z.record(z.string(), z.number()).describe("WebGPU's, by name"),
  worker: z.object({
    pid: z.number().nullable(),
    restarts: z.number().describe("Times that a worker ended without being asked to"),
    job: z.string().nullable().describe("Id of the job that it runs"),
    memory: z.number().describe("bytes"),
  }),
  detail: z.string().nullable()
    .describe(
      "Why the GPU cannot be used; beside a `gpu`: for predictions, while jobs run on that",
    ),
}).meta({ id: "Device" });
export type DeviceView = z.output<typeof deviceSchema>;

/** The server's own worker; where that has no GPU, the adapter of the first worker elsewhere, asked or not. */
export function toDeviceView(workers: Workers): DeviceView {
  const { device, local: { beat, restarts, pid } } = workers;
  return {
    gpu: device?.gpu ?? null,
    software: device?.gpu?.software ?? null,
    backend: device?.backend ?? null,
    features: device?.features ?? {},
    limits: device?.limits ?? {},
    worker: { pid: pid ?? null, restarts, job: beat?.job ?? null, memory: beat?.rss ?? 0 },
    detail: workers.unavailable() ?? null,
  };
}
