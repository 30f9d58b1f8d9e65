/** Fields that several methods let a request set. */
import { z } from "zod";

export const width = (value: number) => z.int().min(4).max(16384).default(value);
export const momentum = (value: number) => z.number().min(0).max(1).default(value);
export const temperature = (value: number) => z.number().min(0.01).max(10).default(value);

/** How a loss over weighted pairs is normalised: over the whole batch, or per anchor. */
export const normalizer = z.enum(["global", "anchor"]).default("global");
