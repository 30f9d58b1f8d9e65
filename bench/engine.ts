import type { Gpu } from "@/gpu/device.ts";
import type { Weight } from "@/gpu/parameters.ts";
import type { Program } from "@/gpu/program.ts";
import { bits, nth } from "@/lib/random.ts";
import type { Network, Product, TrainingStep } from "./shapes.ts";

/** One engine, with one operation ready to run. */
export interface Prepared {
  /**
   * Issues the operation `times` times, and waits until the device is done.
   * @returns milliseconds where the engine takes its own time, in a process of its own
   */
  run(times: number): Promise<number | void>;
  /** Waits as `run` does, without any work: the fixed cost that is taken off. */
  wait(): Promise<number | void>;
  /** The result, to compare; channels last. Undefined where the layout differs. */
  result?(): Promise<Float32Array>;
  destroy(): void | Promise<void>;
}

/** How a program of this engine is issued and waited for. */
export function issued(gpu: Gpu, program: Program): Pick<Prepared, "run" | "wait"> {
  return {
    async run(times) {
      for (let i = 0; i < times; i++) program.run();
      await gpu.device.queue.onSubmittedWorkDone();
      gpu.check();
    },
    async wait() {
      gpu.device.queue.submit([]);
      await gpu.device.queue.onSubmittedWorkDone();
    },
  };
}

/** A network with its optimiser; a run is a training step, which goes on where the last one ended. */
export interface PreparedStep extends Prepared {
  state(): Promise<StepState>;
}

/** What the last step left behind, the same for all engines. */
export interface StepState {
  loss: number;
  /** Lengths of `WATCHED`: of the momentum of a parameter (after the first step, its gradient), of a statistic. */
  norms: Record<string, number>;
}

/** Parameters and statistics that are compared. */
export const WATCHED = {
  momentum: ["conv1.weight", "bn1.weight", "layer2.0.conv1.weight", "fc.weight"],
  statistics: ["bn1.running_mean", "bn1.running_var", "layer4.1.bn2.running_var"],
};

/** So that a step moves the loss, but rounding does not grow from step to step. */
export const LEARNING_RATE: Record<Network, number> = { resnet18: 1e-3, resnet50: 1e-7 };
export const MOMENTUM = 0.9;
/** Added to the variance by batch norm. */
export const EPS = 1e-5;
/** Weight of the newest batch in running statistics. */
export const NEWEST = 0.1;
export const CLASSES = 3;

/** Where all engines start. */
export interface Start {
  step: TrainingStep;
  /** Parameters and statistics under torchvision's names, in PyTorch's layout. */
  weights: Map<string, Weight>;
  /** `[N, H, W, 3]`. */
  images: Float32Array<ArrayBuffer>;
  /** `[N]`, below `CLASSES`. */
  labels: Uint32Array<ArrayBuffer>;
}

export interface Engine {
  name: "ours" | "jax_js" | "tfjs" | "torch";
  prepare(product: Product): Promise<Prepared>;
  prepareStep(start: Start): Promise<PreparedStep>;
}

/** The same numbers in (-1, 1) for every engine. */
export function numbers(length: number, seed: number): Float32Array<ArrayBuffer> {
  const start = bits(seed);
  return Float32Array.from({ length }, (_, i) => 2 * nth(start, i) - 1);
}

/** Length of a vector. */
export function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return Math.sqrt(sum);
}

/** `[N, H, W, C] -> [N, C, H, W]`, H and W as one. */
export function channelsFirst(
  data: Float32Array<ArrayBuffer>,
  [N, L, C]: [number, number, number],
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(data.length);
  for (let n = 0; n < N; n++) {
    for (let l = 0; l < L; l++) {
      for (let c = 0; c < C; c++) out[(n * C + c) * L + l] = data[(n * L + l) * C + c];
    }
  }
  return out;
}

/**
 * How far loss and norms may lie apart, as a share. Rounding alone moves the gradients of the first layers
 * of a fresh ResNet-50 by up to 0.003 from those of float64, here and in PyTorch alike.
 */
export const TOLERANCE: Record<Network, number> = { resnet18: 1e-3, resnet50: 1e-2 };

/** What differs between two states by more than `tolerance` of it, if anything; a NaN always does. */
export function difference(
  ours: StepState,
  other: StepState,
  tolerance: number,
): string | undefined {
  const pairs = [
    { name: "loss", a: ours.loss, b: other.loss },
    ...Object.keys(ours.norms).map((name) => ({
      name: `norm of ${name}`,
      a: ours.norms[name],
      b: other.norms[name],
    })),
  ];
  const wrong = pairs.find(({ a, b }) => !(Math.abs(a - b) <= tolerance * Math.abs(a)));
  return wrong && `${wrong.name} is ${wrong.b}, ours ${wrong.a}`;
}
