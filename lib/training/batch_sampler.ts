/** Which images a step sees: an order per epoch, a function of seed and epoch alone. */
import { permutation, stream } from "@/lib/random.ts";

/** What to do with the images left over when the batch does not divide their number. */
export type Tail = "drop" | "wrap";

export interface OrderOptions {
  seed: number;
  epoch: number;
  tail: Tail;
  /** Arranges the shuffled images of an epoch anew; a function of these two alone. */
  arrange?(order: Uint32Array<ArrayBuffer>, epoch: number): Uint32Array<ArrayBuffer>;
}

/**
 * Batches of one epoch, every one of exactly `batch` indices below `n`. `drop` leaves the last few out of
 * this epoch (no image stands twice in a batch); `wrap` fills the last batch from the epoch's beginning.
 * @throws {Error} when there are fewer images than one batch
 */
export function epochBatches(
  n: number,
  batch: number,
  { seed, epoch, tail, arrange = (order) => order }: OrderOptions,
): Uint32Array<ArrayBuffer>[] {
  const order = arrange(permutation(n, seed, ORDER, epoch), epoch);
  return Array.from(
    { length: stepsPerEpoch(n, batch, tail) },
    (_, step) => Uint32Array.from({ length: batch }, (_, i) => order[(step * batch + i) % n]),
  );
}

/** Batches in an epoch. */
export function stepsPerEpoch(n: number, batch: number, tail: Tail): number {
  if (n < batch) throw new Error(`Cannot make a batch of ${batch} from ${n} images`);
  return tail === "drop" ? Math.floor(n / batch) : Math.ceil(n / batch);
}

const ORDER = stream("order");
