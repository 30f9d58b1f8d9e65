/** Memory of a training job, on the GPU and beside it, known before anything is allocated. */
import type { Gpu } from "@/gpu/device.ts";
import { areResident } from "@/gpu/images.ts";
import type { ParameterStore, Section } from "@/gpu/parameters.ts";
import { bytesOf, plan } from "@/gpu/plan.ts";
import type { Tape } from "@/gpu/tape.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { arms } from "@/lib/gaze/arms/mod.ts";
import { MATRIX_LIMIT } from "@/lib/gaze/similarity/matrix.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import { finetune, type FinetuneSpec } from "@/lib/specs/finetune.ts";
import type { NetworkSpec } from "@/lib/specs/network.ts";
import type { OptimizerSpec } from "@/lib/specs/optimizer.ts";
import type { PretrainSpec } from "@/lib/specs/pretrain.ts";
import { encoder } from "@/lib/ssl/encoder.ts";
import { type Size, sizeOf } from "@/lib/images/image_size.ts";
import type { SelectedVariants } from "@/lib/store/mod.ts";
import { assertFits, type Estimate } from "./assert_fits.ts";
import { finetuneTape } from "./finetuner.ts";
import { trainingSize } from "./image_set.ts";
import { pretrainTape } from "./pretrainer.ts";

/** Pictures that a job keeps in the machine's memory. */
interface Pictures {
  /** Whether any of them has colours; grey ones are kept as they are. */
  colour?: boolean;
  /** Variants of convolutions that were measured as the fastest. */
  selected?: SelectedVariants;
}

/** What an estimate needs to know of a device; no GPU is touched. */
export type Device = Pick<Gpu, "info" | "limits" | "features">;

/** @throws {InvalidInput} when the adapter lacks what the spec asks for */
export function estimatePretrain(
  device: Device,
  spec: PretrainSpec & NetworkSpec,
  images: number,
  { selected, colour }: Pictures = {},
): Estimate {
  assertPrecision(device, spec);
  const batch = Math.max(2, Math.min(spec.batch_size, images));
  const { tape, store } = pretrainTape(device as Gpu, spec, encoder(spec), { batch, selected });
  const kept = pictureBytes(spec, images, { share: 1, colour });
  const pairs = pairBytes(spec, images);
  return estimate(device, tape, store, spec, { batch, views: 2 * batch, images, kept, pairs });
}

/** @throws {InvalidInput} when the adapter lacks what the spec asks for */
export function estimateFinetune(
  device: Device,
  spec: FinetuneSpec & NetworkSpec,
  { images, classes, multi_label, selected, colour }:
    & { images: number; classes: string[]; multi_label?: boolean }
    & Pictures,
): Estimate {
  assertPrecision(device, spec);
  const batch = Math.max(1, Math.min(spec.batch_size, images));
  const { tape, store } = finetuneTape(device as Gpu, spec, classes, {
    ...{ batch, selected, multi_label },
  });
  const share = Math.min(1, finetune.training!.share({ ...spec }));
  const kept = pictureBytes(spec, images, { share, colour });
  return estimate(device, tape, store, spec, { batch, views: batch, images, kept, pairs: 0 });
}

/** What an arm's pairs are cut from: a matrix of f32, and of features their f32 and the f64 that cosines are made of. */
function pairBytes(
  { arm, backbone, width }: Pick<PretrainSpec, "arm"> & NetworkSpec,
  images: number,
): number {
  const { needs } = arms[arm];
  // Of more images no arm holds a matrix.
  const matrix = images <= MATRIX_LIMIT ? 4 * images ** 2 : 0;
  if (needs === "similarity") return matrix;
  return needs === "features"
    ? matrix + images * backboneSpec(backbone).features(width) * (4 + 8)
    : 0;
}

/**
 * What `loadImages` keeps of so many pictures, as 16-bit values.
 * @param options.share of them that is trained on, and kept larger for crops
 */
function pictureBytes(
  { image_size, augmentation, channels }: NetworkSpec & Pick<PretrainSpec, "augmentation">,
  images: number,
  { share, colour = true }: { share: number; colour?: boolean },
): number {
  const area = ({ height, width }: Size) => height * width;
  const trained = area(trainingSize(image_size, augmentation.crop !== null));
  const seen = share * trained + (1 - share) * area(sizeOf(image_size));
  return Math.ceil(images * seen) * (colour ? channels : 1) * 2;
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
  { batch, views, images, kept: onHost, pairs }: {
    batch: number;
    views: number;
    images: number;
    kept: number;
    pairs: number;
  },
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
  const total = activations + parameters + pictures + passes;
  return {
    total,
    activations,
    parameters,
    images: pictures + passes,
    largest,
    // A software adapter has no memory of its own.
    host: onHost + pairs + (device.info.software ? total : 0),
    pictures: onHost,
    pairs,
  };
}

function momentsOf({ name }: OptimizerSpec): Section[] {
  return name === "adam" || name === "adamw" ? ["first_moment", "second_moment"] : ["momentum"];
}
