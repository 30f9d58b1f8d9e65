/** A training step of this engine, as the product's jobs build it. */
import type { SelectedVariants } from "@/gpu/convolution/selection.ts";
import type { Gpu } from "@/gpu/device.ts";
import { crossEntropy } from "@/gpu/ops/cross_entropy.ts";
import { sgd } from "@/gpu/optim/sgd.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile, type Program } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { classifier } from "@/lib/models/heads.ts";
import { initialize } from "@/lib/models/initial.ts";
import { resnet } from "@/lib/models/resnet.ts";
import type { ResnetName } from "@/lib/models/resnet_stages.ts";
import {
  CLASSES,
  issued,
  LEARNING_RATE,
  MOMENTUM,
  norm,
  numbers,
  type PreparedStep,
  type Start,
  WATCHED,
} from "./engine.ts";
import type { TrainingStep } from "./shapes.ts";

export interface Trainee {
  program: Program;
  store: ParameterStore;
  loss: Tensor;
}

/** Forward, backward and update, compiled; the parameters are not set yet. */
export function trainee(
  gpu: Gpu,
  step: { network: ResnetName; batch: number; pixels: number },
  { rate, selected }: { rate: number; selected?: SelectedVariants },
): Trainee {
  const { network, batch, pixels } = step;
  const store = new ParameterStore(gpu);
  const tape = new Tape(store, { selected });
  const x = tape.input("x", [batch, pixels, pixels, 4]);
  const { features } = resnet(tape, x, { name: network });
  const labels = tape.input("labels", [batch], "u32");
  const loss = crossEntropy(tape, classifier(tape, features, CLASSES), labels);
  tape.backward(loss);
  const { scalars } = sgd(tape, { loss, momentum: MOMENTUM });
  const program = compile(tape, { outputs: [loss] });
  program.set({ lr: rate, ...scalars(1) });
  return { program, store, loss };
}

/** Images of three channels, their fourth empty, and labels. */
export function feed({ program }: Trainee, { images, labels }: Pick<Start, "images" | "labels">) {
  const x = new Float32Array(images.length / 3 * 4);
  for (let pixel = 0; pixel * 3 < images.length; pixel++) {
    x.set(images.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
  }
  program.write("x", x);
  program.write("labels", labels);
}

/** Images and labels made up. */
export function pictures(batch: number, pixels: number): Pick<Start, "images" | "labels"> {
  return {
    images: numbers(batch * pixels * pixels * 3, 1),
    labels: Uint32Array.from({ length: batch }, (_, n) => n % CLASSES),
  };
}

/** Initial weights and data of a step, for all engines. */
export async function startOf(gpu: Gpu, step: TrainingStep): Promise<Start> {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const { features } = resnet(tape, tape.input("x", [1, 32, 32, 4]), { name: step.network });
  classifier(tape, features, CLASSES);
  initialize(store, 0);
  const weights = await store.read();
  store.destroy();
  return { step, weights, ...pictures(step.batch, step.pixels) };
}

/** This engine's step, from a common start. */
export function oursStep(gpu: Gpu, start: Start, selected: SelectedVariants): PreparedStep {
  const training = trainee(gpu, start.step, { rate: LEARNING_RATE[start.step.network], selected });
  const { program, store, loss } = training;
  store.load(start.weights);
  feed(training, start);
  return {
    ...issued(gpu, program),
    async state() {
      const [[value]] = await program.read(loss);
      const momentum = await store.read(({ name }) => WATCHED.momentum.includes(name), "momentum");
      const statistics = await store.read(({ name }) => WATCHED.statistics.includes(name));
      const norms = Object.fromEntries(
        [...momentum, ...statistics].map(([name, { data }]) => [name, norm(data)]),
      );
      return { loss: value, norms };
    },
    destroy() {
      program.destroy();
      store.destroy();
    },
  };
}
