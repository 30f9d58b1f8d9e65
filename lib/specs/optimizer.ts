/** Optimiser and schedule as a request gives them. */
import { z } from "zod";

const rate = z.number().positive().max(100);
const decay = z.number().min(0).max(1);
const beta = z.number().min(0).lt(1);
/** Longest gradient over all weights together; a longer one is scaled down to it. Null: as it is. */
const clip_norm = z.number().positive().max(1e6).nullable().default(null);

const sgd = z.strictObject({
  name: z.literal("sgd"),
  learning_rate: rate.default(0.05),
  momentum: beta.default(0.9),
  weight_decay: decay.default(1e-4),
  clip_norm,
});

const adam = z.strictObject({
  name: z.literal("adam"),
  learning_rate: rate.default(1e-3),
  betas: z.tuple([beta, beta]).default([0.9, 0.999]),
  weight_decay: decay.default(1e-5),
  clip_norm,
});

const adamw = z.strictObject({
  name: z.literal("adamw"),
  learning_rate: rate.default(1e-3),
  betas: z.tuple([beta, beta]).default([0.9, 0.95]),
  weight_decay: decay.default(1e-6),
  clip_norm,
});

const lars = z.strictObject({
  name: z.literal("lars"),
  learning_rate: rate.default(0.2),
  momentum: beta.default(0.9),
  weight_decay: decay.default(1e-6),
  clip_norm,
});

/** One of the optimisers with its settings; `{name}` alone takes the defaults. */
export const optimizerSchema = z.discriminatedUnion("name", [sgd, adam, adamw, lars]);
export type OptimizerSpec = z.output<typeof optimizerSchema>;

/** Linear warm-up over some epochs, then a cosine to 0 or a constant rate. */
export const scheduleSchema = z.strictObject({
  kind: z.enum(["cosine", "constant"]).default("cosine"),
  warmup_epochs: z.number().min(0).max(10000).default(0),
});
export type ScheduleSpec = z.output<typeof scheduleSchema>;
