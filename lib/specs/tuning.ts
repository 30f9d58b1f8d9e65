/** Whether a training measures first which variant of each convolution is fastest. */
import { z } from "zod";

/**
 * `auto` measures on GPUs and takes the defaults on software drivers, which they were measured on. Choices may
 * differ between two measurements, and with them the last bits of a result: `off` for one that anybody with the
 * same adapter repeats exactly, wherever it runs.
 */
export const tuningSchema = z.enum(["auto", "on", "off"]).default("auto");

export type TuningMode = z.output<typeof tuningSchema>;
