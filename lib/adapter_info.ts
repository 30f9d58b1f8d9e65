/** The GPU adapter as it is told. */
import { z } from "zod";
import type { AdapterInfo } from "@/gpu/device.ts";

export const adapterInfoSchema = z.object({
  vendor: z.string(),
  architecture: z.string(),
  device: z.string(),
  description: z.string(),
  software: z.boolean().describe("Whether it computes on the CPU"),
}).meta({ id: "Adapter" }) satisfies z.ZodType<AdapterInfo>;
