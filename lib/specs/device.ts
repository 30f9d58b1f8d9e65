/** The adapter that a job ran on, as it is told. */
import { z } from "zod";
import type { AdapterInfo } from "@/gpu/device.ts";

export const adapterSchema = z.object({
  vendor: z.string(),
  architecture: z.string(),
  device: z.string(),
  description: z.string(),
  software: z.boolean().describe("Whether it computes on the CPU"),
}).meta({ id: "Adapter" }) satisfies z.ZodType<AdapterInfo>;
