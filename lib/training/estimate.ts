/** GPU memory of a training job, known from its tape before anything is allocated. */
import type { Gpu } from "@/gpu/device.ts";
import { areResident } from "@/gpu/images.ts";
import type { ParameterStore, Section } from "@/gpu/parameters.ts";
import { bytesOf, plan } from "@/gpu/plan.ts";
import type { Tape } from "@/gpu/tape.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { FinetuneSpec } from "@/lib/specs/finetune.ts";
import type { NetworkSpec } from "@/lib/specs/network.ts";
import type { OptimizerSpec } from "@/lib/specs/optimizer.ts";
import type { PretrainSpec } from "@/lib/specs/pretrain.ts";
import { encoder } from "@/lib/ssl/encoder.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import type { SelectedVariants } from "@/lib/store/mod.ts";
import { finetuneTape } from "./finetuner.ts";
import { trainingSize } from "./image_set.ts";
import { pretrainTape } from "./pretrainer.ts";

/** Bytes on the GPU. */
export interface Estimate {
  total: number;
  activations: number;
  /** Weights, gradients, moments, target, statistics. */
  parameters: number;
  /** Pictures of the data set, and views while they are made. */
  images: number;
  /** The largest single buffer that is bound. */
  largest: number;
}

/** What an estimate needs to know of a device; no GPU is touched. */
export type Device = Pick<Gpu, "info" | "limits" | "features">;

/** @throws {InvalidInput} when the adapter lacks what the spec asks for */
export function estimatePretrain(
  device: Device,
  spec: PretrainSpec & NetworkSpec,
  images: number,
  selected?: SelectedVariants,
): Estimate {
  assertPrecision(device, spec);
  const batch = Math.max(2, Math.min(spec.batch_size, images));
  const { tape, store } = pretrainTape(device as Gpu, spec, encoder(spec), { batch, selected });
  return estimate(device, tape, store, spec, { batch, views: 2 * batch, images });
}

/** @throws {InvalidInput} when the adapter lacks what the spec asks for */
export function estimateFinetune(
  device: Device,
  spec: FinetuneSpec & NetworkSpec,
  { images, classes, selected }: { images: number; classes: string[]; selected?: SelectedVariants },
): Estimate {
  assertPrecision(device, spec);
  const batch = Math.max(1, Math.min(spec.batch_size, images));
  const { tape, store } = finetuneTape(device as Gpu, spec, classes, { batch, selected });
  return estimate(device, tape, store, spec, { batch, views: batch, images });
}

/** @throws {InvalidInput} when the adapter cannot store what the spec asks for */
function assertPrecision(
  { features }: Device,
  { precision }: Pick<PretrainSpec, "precision">,
): void {
  if (precision === "f16" && !features.f16) {
    throw new InvalidInput("Cannot train in f16: this adapter has no shader-f16", [
      { pointer: "/precision", message: "f32 is needed" },
    ]);
  }
}

/** @throws {InvalidInput} with the numbers, when a buffer is larger than the adapter binds */
export function assertFits({ limits }: Pick<Gpu, "limits">, estimate: Estimate): void {
  const most = limits.maxStorageBufferBindingSize;
  if (estimate.largest <= most) return;
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new InvalidInput(
    `Cannot train this: one buffer of ${
      mebibytes(estimate.largest)
    } is needed, the adapter allows ` +
      `${mebibytes(most)} (${
        mebibytes(estimate.total)
      } in all); a smaller batch_size or image_size fits`,
  );
}

/** Tells what a job will take of the GPU's memory, before anything is allocated; throws as `assertFits` does. */
export function planned(context: Pick<JobContext, "gpu" | "event">, needed: Estimate): void {
  assertFits(context.gpu, needed);
  const mebibytes = Math.ceil(needed.total / 2 ** 20);
  context.event("log", {
    message: `${mebibytes} MiB of GPU memory are planned`,
    bytes: { ...needed },
  });
}

function estimate(
  device: Device,
  tape: Tape,
  store: ParameterStore,
  spec: NetworkSpec & Pick<PretrainSpec, "augmentation" | "optimizer">,
  { batch, views, images }: { batch: number; views: number; images: number },
): Estimate {
  const { buffers, dedicated, bytes } = plan(tape, { outputs: [] });
  const sections: Section[] = [
    "values",
    "gradients",
    "frozen",
    "statistics",
    ...momentsOf(spec.optimizer),
  ];
  const parameters = sections.reduce((sum, name) => sum + store.lengthOf(name) * 4, 0);
  const kept = trainingSize(spec.image_size, spec.augmentation.crop !== null);
  const picture = kept.height * kept.width * spec.channels * 2;
  const set = images * picture;
  const pictures = areResident(device, set) ? set : batch * picture;
  const { height, width } = sizeOf(spec.image_size);
  const passes = (spec.augmentation.blur ? 2 : 1) * views * height * width * 16;
  const activations = bytes.values + bytes.dedicated;
  const largest = Math.max(
    ...buffers.map((buffer) => buffer.bytes),
    ...dedicated.map(bytesOf),
    pictures,
  );
  return {
    total: activations + parameters + pictures + passes,
    activations,
    parameters,
    images: pictures + passes,
    largest,
  };
}

function momentsOf({ name }: OptimizerSpec): Section[] {
  return name === "adam" || name === "adamw" ? ["first_moment", "second_moment"] : ["momentum"];
}
