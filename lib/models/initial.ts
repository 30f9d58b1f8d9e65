/** Initial weights, from counter-based random numbers: a function of seed, name and place alone. */
import type { Entry, ParameterStore } from "@/gpu/parameters.ts";
import { torchShape } from "@/gpu/weight_layout.ts";
import { copyToTarget } from "@/gpu/optim/moving_average.ts";
import { bits, nth, stream } from "@/lib/random.ts";
import type { WeightTensor } from "./pth.ts";

/**
 * Sets every parameter and statistic of a store to its declared distribution; a target network starts as
 * a copy of the online one.
 */
export function initialize(store: ParameterStore, seed: number): void {
  const weights = new Map<string, WeightTensor>();
  for (const entry of store.entries.values()) {
    weights.set(entry.name, { shape: torchShape(entry), data: drawn(entry, seed) });
  }
  store.load(weights);
  copyToTarget(store);
}

/** Values in PyTorch's order. */
function drawn({ name, initial, ...laid }: Entry, seed: number): Float32Array<ArrayBuffer> {
  const data = new Float32Array(torchShape(laid).reduce((product, size) => product * size, 1));
  if (initial.kind === "constant") return data.fill(initial.value);
  const first = bits(seed, stream(name), 0);
  const second = bits(seed, stream(name), 1);
  for (let i = 0; i < data.length; i++) {
    const u = nth(first, i);
    data[i] = initial.kind === "uniform"
      ? initial.bound * (2 * u - 1)
      : initial.std * Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * nth(second, i));
  }
  return data;
}
