/** Whether a job fits here, by its estimate; loads nothing of what makes one. */
import type { Gpu } from "@/gpu/device.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { machineMemory } from "@/lib/machine_memory.ts";

/** Bytes; on the GPU where nothing else is said. */
export interface Estimate {
  total: number;
  activations: number;
  /** Weights, gradients, moments, target, statistics. */
  parameters: number;
  /** Pictures of the data set, and views while they are made. */
  images: number;
  /** The largest single buffer that is bound. */
  largest: number;
  /** Of the machine: pictures of the data set as they are kept, and all of the above where no GPU has its own memory. */
  host: number;
  /** Of these, the pictures. */
  pictures: number;
  /** Of these, what pairs are cut from: similarities of all images, and features that they are computed from. */
  pairs: number;
}

/** What the server's processes need themselves, as measured while they train on few pictures. */
const PROCESSES = 512 * 2 ** 20;

/**
 * @param memory of the machine, bytes
 * @throws {InvalidInput} with the numbers, when a buffer is larger than the adapter binds, or when the machine has
 * too little memory beside the GPU
 */
export function assertFits(
  { limits }: Pick<Gpu, "limits">,
  estimate: Estimate,
  memory = machineMemory(),
): void {
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  const needed = estimate.host + PROCESSES;
  if (needed > memory) {
    throw new InvalidInput(
      `Cannot train this: ${mebibytes(needed)} of the machine's memory are needed ` +
        `(${mebibytes(estimate.pictures)} for the pictures at this image_size${
          estimate.pairs > 0 ? `, ${mebibytes(estimate.pairs)} for pairs of all images` : ""
        }), and it has ` +
        `${mebibytes(memory)}; a smaller image_size or fewer images fit`,
      [{ pointer: "/image_size", message: "smaller pictures are needed" }],
    );
  }
  const most = limits.maxStorageBufferBindingSize;
  if (estimate.largest <= most) return;
  throw new InvalidInput(
    `Cannot train this: one buffer of ${
      mebibytes(estimate.largest)
    } is needed, the adapter allows ` +
      `${mebibytes(most)} (${
        mebibytes(estimate.total)
      } in all); a smaller batch_size or image_size fits`,
  );
}
