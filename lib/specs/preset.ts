/** The authors' settings by name (section 8 of the method); what a request gives itself comes first. */
import { z } from "zod";
import type { MethodName } from "@/lib/ssl/specs.ts";

const adamw = (learning_rate: number) => ({
  name: "adamw",
  learning_rate,
  betas: [0.9, 0.95],
  weight_decay: 1e-6,
});
const lars = { name: "lars", learning_rate: 2e-3, momentum: 0.9, weight_decay: 1e-2 };
const sgd = { name: "sgd", learning_rate: 0.05, momentum: 0.9, weight_decay: 1e-4 };
const queue = (queue: number) => ({ queue, temperature: 0.2 });

/** Partial specs of `pretrain`; ImageNet weights are given by the request as `init`. */
export const presets = {
  inbreast_byol: {
    method: "byol",
    optimizer: adamw(2e-5),
    batch_size: 32,
    accumulate: 16,
    epochs: 300,
    schedule: { warmup_epochs: 40 },
    augmentation: "mammo",
  },
  inbreast_moco: {
    method: "moco",
    optimizer: lars,
    batch_size: 64,
    config: queue(1280),
    epochs: 300,
    schedule: { warmup_epochs: 10 },
    augmentation: "mammo",
  },
  inbreast_simsiam: { method: "simsiam", optimizer: sgd, epochs: 200, augmentation: "mammo" },
  tufts_byol: {
    method: "byol",
    optimizer: adamw(2e-5),
    batch_size: 8,
    accumulate: 16,
    epochs: 300,
    schedule: { warmup_epochs: 40 },
    cut: { threshold: 0.9 },
    drop: 0.5,
    image_size: [300, 600],
    augmentation: "dental",
  },
  tufts_moco: {
    method: "moco",
    optimizer: adamw(4e-5),
    config: queue(1280),
    epochs: 300,
    image_size: [300, 600],
    augmentation: "dental",
  },
  knee_byol: {
    method: "byol",
    optimizer: adamw(8e-4),
    batch_size: 32,
    accumulate: 4,
    epochs: 800,
    augmentation: "knee",
  },
  knee_moco: { method: "moco", config: queue(320), epochs: 800, augmentation: "knee" },
  knee_simsiam: { method: "simsiam", optimizer: sgd, epochs: 800, augmentation: "knee" },
} as const satisfies Record<string, { method: MethodName } & Record<string, unknown>>;

const names = Object.keys(presets) as [keyof typeof presets];

export const presetSchema = z.enum(names).nullable().default(null);

/** Settings that belong together by the field of this name, or always: they are completed one by one. */
const COMPLETED = { optimizer: "name", config: undefined, schedule: undefined } as const;

/**
 * Puts the fields of the named preset under those given, and its settings of the optimiser, of the method and
 * of the schedule under theirs; an unknown name is left to the schema.
 */
export function applyPreset(given: unknown): unknown {
  if (typeof given !== "object" || given === null) return given;
  const name = (given as { preset?: unknown }).preset;
  if (typeof name !== "string" || !Object.hasOwn(presets, name)) return given;
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  const preset: Record<string, unknown> = { ...presets[name as keyof typeof presets] };
  const request = Object.fromEntries(known);
  // Settings of another method say nothing.
  if (request.method !== undefined && request.method !== preset.method) delete preset.config;
  for (const [field, kind] of Object.entries(COMPLETED)) {
    const [below, above] = [preset[field], request[field]];
    if (!isObject(below) || !isObject(above)) continue;
    if (kind === undefined || below[kind] === above[kind]) request[field] = { ...below, ...above };
  }
  return { ...preset, ...request };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
