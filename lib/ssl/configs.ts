/** What each method lets a request set, with its paper's defaults; no device code is loaded by this file. */
import { z } from "zod";
import { filled } from "@/lib/filled_schema.ts";

const width = (value: number) => z.int().min(4).max(16384).default(value);
const momentum = (value: number) => z.number().min(0).max(1).default(value);
const temperature = (value: number) => z.number().min(0.01).max(10).default(value);

/** How a loss over weighted pairs is normalised: over the whole batch, or per anchor. */
const normalizer = z.enum(["global", "anchor"]).default("global");

/** BYOL, Grill et al. 2020. */
const byol = z.strictObject({
  /** Hidden width of projector and predictor; null: 4096, or 1024 for ResNet-18. */
  hidden: z.int().min(4).max(16384).nullable().default(null),
  output: width(256),
  /** Target momentum at the first step; it rises to 1 by a cosine. */
  momentum: momentum(0.99),
  normalizer,
});

/** SimSiam, Chen and He 2021. */
const simsiam = z.strictObject({
  projector: width(2048),
  predictor_hidden: width(512),
  normalizer,
  /** Keeps the predictor's learning rate at its base instead of letting it fall. */
  fixed_predictor_rate: z.boolean().default(true),
});

/** MoCo v2, Chen et al. 2020. */
const moco = z.strictObject({
  output: width(128),
  queue: z.int().min(16).max(65536).default(1280),
  temperature: temperature(0.2),
  momentum: momentum(0.999),
  /** Keys of the anchor's own image that still lie in the queue. */
  stale_keys: z.enum(["mask", "positive", "negative"]).default("mask"),
  /** Images per batch-norm group in the key encoder; null: the whole batch. */
  split_batch_norm: z.int().min(2).nullable().default(8),
  normalizer,
});

/** SimCLR, Chen et al. 2020; with positives of one class, SupCon, whose mean is per anchor. */
const simclr = z.strictObject({
  output: width(128),
  temperature: temperature(0.1),
  normalizer,
});

export const configs = { byol, simsiam, moco, simclr };

export type MethodName = keyof typeof configs;
export type ByolConfig = z.output<typeof byol>;
export type SimsiamConfig = z.output<typeof simsiam>;
export type MocoConfig = z.output<typeof moco>;
export type SimclrConfig = z.output<typeof simclr>;

/** All settings of one method, none of them open. */
export type MethodConfig = z.output<(typeof configs)[MethodName]>;
export const methodConfigSchema = z.union(
  Object.values(configs).map((config) => filled(config as z.ZodObject)),
) as unknown as z.ZodType<MethodConfig>;
