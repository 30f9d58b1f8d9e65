/** Weights between files and a store: names, and the first convolution's channels. */
import { torchShape } from "@/gpu/weight_layout.ts";
import type { Entry, ParameterStore } from "@/gpu/parameters.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { resampledPositions } from "./position_grid.ts";
import type { WeightTensor } from "./pth.ts";

export interface LoadOptions {
  /** What the store puts in front of the file's names: "backbone.". */
  prefix?: string;
  /** Entries under the prefix that the file need not hold: the classifier, when it is trained afresh. */
  optional?: (name: string) => boolean;
}

export interface Loaded {
  /** Names of the file that the store took. */
  loaded: string[];
  /** Names of the store (without the prefix) that the file does not hold. */
  missing: string[];
  /** Names of the file that the store does not know. */
  unused: string[];
}

/**
 * Sets a network from a file's weights (its family's names, PyTorch's layout). Between one and three
 * input channels the first convolution is converted so that grey pictures give the same result; positions
 * of another grid are resampled.
 * @throws {InvalidInput} when a weight is missing, or of another shape; nothing is set then
 */
export function loadWeights(
  store: ParameterStore,
  weights: Map<string, WeightTensor>,
  options: LoadOptions = {},
): Loaded {
  const { prefix = "", optional = () => false } = options;
  const taken = new Map<string, WeightTensor>();
  const missing: string[] = [];
  const used = new Set<string>();
  for (const entry of store.entries.values()) {
    if (!entry.name.startsWith(prefix) || !entry.exported) continue;
    const name = entry.name.slice(prefix.length);
    const weight = weights.get(name);
    if (weight && !(optional(name) && !fits(entry, weight))) {
      taken.set(entry.name, fitted(entry, weight));
      used.add(name);
    } else missing.push(name);
  }
  const needed = missing.filter((name) => !optional(name));
  if (needed.length) {
    throw new InvalidInput(
      `Cannot load weights: ${needed.length} are missing`,
      needed.slice(0, 20).map((name) => ({ message: `"${name}" is missing` })),
    );
  }
  store.load(taken);
  const unused = [...weights.keys()].filter((name) => !used.has(name));
  return { loaded: [...used], missing, unused };
}

/** A network's weights and running statistics under torchvision's names, in PyTorch's layout. */
export async function saveWeights(
  store: ParameterStore,
  options: { prefix?: string } = {},
): Promise<Map<string, WeightTensor>> {
  const { prefix = "" } = options;
  const weights = await store.read((entry) => entry.exported && entry.name.startsWith(prefix));
  return new Map([...weights].map(([name, weight]) => [name.slice(prefix.length), weight]));
}

function fits(entry: Entry, weight: WeightTensor): boolean {
  return torchShape(entry).join() === weight.shape.join();
}

function fitted(entry: Entry, weight: WeightTensor): WeightTensor {
  if (fits(entry, weight)) return weight;
  const expected = torchShape(entry);
  const [one, , width, ...more] = weight.shape;
  if (entry.grid && one === 1 && width === expected[2] && more.length === 0) {
    return resampledPositions(weight, entry.grid);
  }
  const [K, C, R, S] = weight.shape;
  const adapts = entry.layout === "conv" && [K, R, S].join() === [
        expected[0],
        expected[2],
        expected[3],
      ].join() &&
    [C, expected[1]].sort().join() === "1,3";
  if (adapts) return { shape: expected, data: rechannelled(weight, expected[1]) };
  throw new InvalidInput(
    `Cannot load "${entry.name}": shape [${expected.join(", ")}] expected, got [${
      weight.shape.join(", ")
    }]`,
  );
}

/** Three channels to one by their sum, one to three by a third each. */
function rechannelled({ shape, data }: WeightTensor, to: number): Float32Array<ArrayBuffer> {
  const [K, C, R, S] = shape;
  const taps = R * S;
  const out = new Float32Array(K * to * taps);
  for (let k = 0; k < K; k++) {
    for (let c = 0; c < to; c++) {
      for (let tap = 0; tap < taps; tap++) {
        let sum = 0;
        for (let d = 0; d < C; d++) sum += data[(k * C + d) * taps + tap];
        out[(k * to + c) * taps + tap] = sum / to;
      }
    }
  }
  return out;
}
