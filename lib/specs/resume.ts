/** Where a training goes on that was interrupted. */
import { z } from "zod";

/**
 * `any`: on whichever adapter is free; the result is then no longer that of one adapter, and says so. `same_device`:
 * it waits for a worker with the adapter that it began on.
 */
export const resumeSchema = z.enum(["any", "same_device"]).default("any");
