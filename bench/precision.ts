/**
 * `deno task bench:precision [--json] [--batch N] [--pixels N] [--steps N]`: training over feature maps in
 * f16 against f32, with the same weights and pictures: the first step's loss and gradient, the loss after
 * some steps, memory, and time, in turns.
 */
import { optionsOrEnd } from "@/lib/options.ts";
import { type Gpu, openGpu } from "@/gpu/device.ts";
import { crossEntropy } from "@/gpu/ops/cross_entropy.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import type { Precision } from "@/gpu/tensor.ts";
import { classifier } from "@/lib/models/heads.ts";
import { initialize } from "@/lib/models/initial.ts";
import { resnet } from "@/lib/models/resnet.ts";
import type { ResnetName } from "@/lib/models/resnet_stages.ts";
import { appendOptimizer } from "@/lib/training/optimizer.ts";
import { numbers } from "./engine.ts";

const HELP = `deno task bench:precision [OPTIONS]
  --json        one object a network on stdout
  --batch N     images of a step (16)
  --pixels N    side of the images (64)
  --steps N     updates after which the loss is looked at again (20)`;

export interface Case {
  backbone: ResnetName;
  width: number;
  batch: number;
  pixels: number;
  /** Updates after which the loss is looked at again. */
  steps: number;
}

/** f16 beside f32. */
export interface Comparison extends Case {
  loss: Record<Precision, number>;
  /** Cosine of the two gradients over all parameters, and the least of any parameter. */
  cosine: number;
  least_cosine: number;
  /** Length of the difference of the gradients, relative to that in f32. */
  gradient_error: number;
  /** The same of f32 with weights that are off by the rounding of f16: how much the network makes of it. */
  inherent_error: number;
  /** Scale of the loss at which nothing overflowed. */
  loss_scale: number;
  /** After `steps`. */
  last_loss: Record<Precision, number>;
  /** Updates left out because the gradient was too long for f16. */
  skipped: number;
  /** Of feature maps and whatever else a step works on. */
  bytes: Record<Precision, number>;
  /** Of a step, ms: the least of several. */
  step_ms: Record<Precision, number>;
  /** f16 to f32, the middle of pairs of steps. */
  time_ratio: number;
}

const CLASSES = 3;
const ROUNDS = 7;

/** Both trainings of a case, step by step in turns. */
export async function compare(gpu: Gpu, made: Case): Promise<Comparison> {
  const wide = training(gpu, made, "f32");
  const narrow = training(gpu, made, "f16");
  const [first, half] = [await wide.first(), await narrow.first()];
  const [a, b, off] = [first, half, await wide.first(2 ** -11)].map(({ gradients }) =>
    flat(gradients)
  );
  const cosines = [...first.gradients].map(([name, { data }]) =>
    angle(data, half.gradients.get(name)!.data)
  );
  const times: [number, number][] = [];
  for (let step = 0; step < Math.max(made.steps, ROUNDS); step++) {
    times.push([await wide.step(step), await narrow.step(step)]);
  }
  const [last, lastHalf] = [await wide.records(made.steps), await narrow.records(made.steps)];
  const comparison = {
    ...made,
    loss: { f32: first.loss, f16: half.loss },
    cosine: angle(a, b),
    least_cosine: Math.min(...cosines),
    gradient_error: distance(b, a),
    inherent_error: distance(off, a),
    loss_scale: half.scale,
    last_loss: { f32: last.loss, f16: lastHalf.loss },
    skipped: lastHalf.skipped,
    bytes: { f32: wide.bytes, f16: narrow.bytes },
    step_ms: {
      f32: Math.min(...times.map(([time]) => time)),
      f16: Math.min(...times.map(([, time]) => time)),
    },
    time_ratio: times.map(([wide, narrow]) => narrow / wide).sort((a, b) => a - b)[
      times.length >> 1
    ],
  };
  wide.destroy();
  narrow.destroy();
  return comparison;
}

function training(gpu: Gpu, { backbone, width, batch, pixels }: Case, precision: Precision) {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store, { precision });
  const x = tape.input("x", [batch, pixels, pixels, 4]);
  const { features } = resnet(tape, x, { name: backbone, width });
  const labels = tape.input("labels", [batch], "u32");
  const loss = crossEntropy(tape, classifier(tape, features, CLASSES), labels);
  tape.record("loss", loss);
  const { scalars } = appendOptimizer(tape, {
    name: "sgd",
    learning_rate: 0.01,
    momentum: 0.9,
    weight_decay: 1e-4,
    clip_norm: null,
  }, { loss });
  const program = compile(tape);
  initialize(store, 0);
  program.set({ lr: 0.01, ...scalars(1) });
  program.write("labels", Uint32Array.from({ length: batch }, (_, n) => n % CLASSES));
  /** A picture's grey level tells its class, under noise. */
  const pictures = (seed: number) =>
    numbers(batch * pixels * pixels * 4, seed).map((value, i) =>
      i % 4 === 3 ? 0 : value + Math.floor(i / (pixels * pixels * 4)) % CLASSES - 1
    );
  return {
    bytes: program.bytes.values,
    /** Loss and gradients at the start, of weights that are off by up to `off` of themselves. */
    async first(off = 0) {
      const start = await store.snapshot();
      const weights = await store.read(({ section }) => section === "values");
      const other = new Map([...weights].map(([name, { shape, data }], seed) => {
        const noise = numbers(data.length, seed);
        return [name, { shape, data: data.map((value, i) => value * (1 + off * noise[i])) }];
      }));
      if (off > 0) store.load(other);
      program.write("x", pictures(1));
      for (let scale = precision === "f16" ? 2 ** 15 : 1;; scale /= 2) {
        const set = new Map([["loss_scale", { shape: [1], data: Float32Array.of(scale) }]]);
        if (precision === "f16") store.load(set);
        program.run({ update: false });
        const { values } = (await program.metrics()).at(-1)!;
        const gradients = await store.read(() => true, "gradients");
        const finite = [...gradients.values()].every(({ data }) => data.every(Number.isFinite));
        if (!finite && scale > 1) continue;
        for (const { data } of gradients.values()) data.forEach((d, i) => data[i] = d / scale);
        store.restore(start);
        return { loss: values.loss, gradients, scale };
      }
    },
    async step(seed: number): Promise<number> {
      program.write("x", pictures(seed + 1));
      await gpu.device.queue.onSubmittedWorkDone();
      const start = performance.now();
      program.run();
      await gpu.device.queue.onSubmittedWorkDone();
      return performance.now() - start;
    },
    async records(steps: number) {
      const records = (await program.metrics()).slice(0, steps).map(({ values }) => values);
      const skipped = records.reduce((sum, { skipped = 0 }) => sum + skipped, 0);
      return { loss: records.at(-1)!.loss, skipped };
    },
    destroy() {
      program.destroy();
      store.destroy();
    },
  };
}

function flat(weights: Map<string, { data: Float32Array }>): number[] {
  return [...weights.values()].flatMap(({ data }) => [...data]);
}

function distance(a: number[], b: number[]): number {
  return length(a.map((value, i) => value - b[i])) / length(b);
}

function length(a: ArrayLike<number>): number {
  return Math.hypot(1e-30, Math.sqrt(dot(a, a)));
}

function angle(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return dot(a, b) / length(a) / length(b);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

if (import.meta.main) {
  const values = optionsOrEnd(HELP, "compare f16 with f32", {
    json: { type: "boolean", default: false },
    batch: { type: "string", default: "16" },
    pixels: { type: "string", default: "64" },
    steps: { type: "string", default: "20" },
  });
  const [batch, pixels, steps] = [values.batch, values.pixels, values.steps].map(Number);
  const gpu = await openGpu();
  console.error(gpu.info.description || gpu.info.device);
  for (const backbone of ["resnet18", "resnet50"] as const) {
    const found = await compare(gpu, { backbone, width: 64, batch, pixels, steps });
    if (values.json) console.log(JSON.stringify(found));
    else console.error(found);
  }
  gpu.check();
  gpu.device.destroy();
}
