/**
 * The authors' settings by name: section 8 of the method, and their public configurations. What a request gives
 * itself comes first.
 */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import type { BackboneName } from "@/lib/models/specs.ts";
import type { MethodName } from "@/lib/ssl/specs.ts";

const adamw = (learning_rate: number) => ({
  name: "adamw",
  learning_rate,
  betas: [0.9, 0.95],
  weight_decay: 1e-6,
});
const lars = (learning_rate: number) => ({
  name: "lars",
  learning_rate,
  momentum: 0.9,
  weight_decay: 1e-2,
});
const sgd = { name: "sgd", learning_rate: 0.05, momentum: 0.9, weight_decay: 1e-4 };
const queue = (queue: number) => ({ queue, temperature: 0.2 });
/** What the authors' code calls SimSiam there: BYOL whose target is the network itself at first. */
const copied = { momentum: 0 };
const warmup = (warmup_epochs: number) => ({ schedule: { warmup_epochs } });

interface Preset {
  method: MethodName;
  /** What is otherwise for some backbones. */
  byBackbone?: Partial<Record<BackboneName, Record<string, unknown>>>;
  [field: string]: unknown;
}

const inbreast = {
  cut: { threshold: 0.95 },
  augmentation: "mammo",
  byBackbone: { resnet50: { drop: 0.5 } },
};
const gzpt = {
  method: "byol",
  ...{ optimizer: adamw(2e-5), batch_size: 32, accumulate: 16, ...warmup(40) },
  ...{ cut: { threshold: 0.95 }, drop: 0.5, augmentation: "mammo" },
} as const;
const tufts = { image_size: [300, 600], augmentation: "dental" };
const knee = {
  ...{ optimizer: adamw(8e-4), batch_size: 32, epochs: 800, ...warmup(10) },
  ...{ cut: { threshold: 0.95 }, augmentation: "knee" },
};

/** Partial specs of `pretrain`; ImageNet weights are given by the request as `init`. */
export const presets = {
  inbreast_byol: {
    ...inbreast,
    ...{ method: "byol", optimizer: adamw(2e-5), batch_size: 32, accumulate: 16 },
    ...{ epochs: 300, ...warmup(40) },
  },
  inbreast_moco: {
    ...inbreast,
    ...{ method: "moco", optimizer: lars(4e-3), batch_size: 64, config: queue(1280) },
    ...{ epochs: 300, ...warmup(10) },
    byBackbone: { resnet50: { ...inbreast.byBackbone.resnet50, optimizer: lars(2e-3) } },
  },
  inbreast_simsiam: { ...inbreast, method: "simsiam", optimizer: sgd, epochs: 200 },
  gzpt_byol: { ...gzpt, epochs: 300 },
  gzpt_simsiam: { ...gzpt, config: copied, epochs: 200 },
  tufts_byol: {
    ...tufts,
    ...{ method: "byol", optimizer: adamw(2e-5), batch_size: 8, accumulate: 16 },
    ...{ epochs: 300, ...warmup(40), cut: { threshold: 0.9 }, drop: 0.5 },
  },
  tufts_moco: {
    ...tufts,
    ...{ method: "moco", optimizer: adamw(4e-5), config: { ...queue(1280), output: 256 } },
    ...{ epochs: 300, cut: { threshold: 0.7 } },
  },
  knee_byol: { ...knee, method: "byol", accumulate: 4, drop: 0.5 },
  knee_moco: { ...knee, method: "moco", config: { ...queue(320), output: 256 } },
  knee_simsiam: { ...knee, method: "byol", config: copied, accumulate: 4 },
} as const satisfies Record<string, Preset>;

/** The authors' fine-tuning, which is what a `finetune` job does where it is told nothing else. */
export const downstream = {
  optimizer: { name: "adam", learning_rate: 1e-3, weight_decay: 1e-5 },
  batch_size: 16,
  epochs: 30,
  schedule: { kind: "cosine" },
  early_stop: 20,
} as const;

const names = Object.keys(presets) as [keyof typeof presets];

export const presetSchema = z.enum(names).nullable().default(null);

/** Settings that belong together by the field of this name, or always: they are completed one by one. */
const COMPLETED = { optimizer: "name", config: undefined, schedule: undefined } as const;

/**
 * Puts the fields of the named preset under those given, and its settings of the optimiser, of the method and
 * of the schedule under theirs; an unknown name is left to the schema.
 * @param backbone of the network where the request does not name it
 */
export function applyPreset(given: unknown, backbone = "resnet18"): unknown {
  if (typeof given !== "object" || given === null) return given;
  const name = (given as { preset?: unknown }).preset;
  if (typeof name !== "string" || !Object.hasOwn(presets, name)) return given;
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  const { byBackbone, ...common }: Preset = presets[name as keyof typeof presets];
  const request = Object.fromEntries(known);
  const network = (request.backbone ?? backbone) as BackboneName;
  const preset: Record<string, unknown> = { ...common, ...byBackbone?.[network] };
  // Settings of another method say nothing.
  if (request.method !== undefined && request.method !== preset.method) delete preset.config;
  for (const [field, kind] of Object.entries(COMPLETED)) {
    const [below, above] = [preset[field], request[field]];
    if (!isObject(below) || !isObject(above)) continue;
    if (kind === undefined || below[kind] === above[kind]) request[field] = { ...below, ...above };
  }
  return { ...preset, ...request };
}

/**
 * The authors' SimSiam is BYOL in some presets; one that asks for both would get neither.
 * @throws {InvalidInput} when a request names SimSiam beside such a preset
 */
export function refuseOtherSimsiam(
  { preset, method }: { preset?: string | null; method?: string },
) {
  if (!preset?.endsWith("_simsiam") || method !== "simsiam") return;
  const { method: meant } = presets[preset as keyof typeof presets];
  if (meant === method) return;
  throw new InvalidInput(
    `Cannot use preset "${preset}" with method "simsiam": what the authors call so there is BYOL ` +
      "with a momentum from 0",
    [{ pointer: "/preset", message: `method "${meant}", or none, is needed beside this preset` }],
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
