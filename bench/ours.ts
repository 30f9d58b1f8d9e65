import { createBuffer, readFloats } from "@/gpu/buffer.ts";
import { type SelectedVariants, selectVariant, variants } from "@/gpu/convolution/selection.ts";
import { outputSize } from "@/gpu/convolution/shape.ts";
import type { Gpu } from "@/gpu/device.ts";
import { kernel, launch, release, submit } from "@/gpu/kernel.ts";
import type { Step } from "@/gpu/step.ts";
import { elementCount } from "@/gpu/tensor.ts";
import { type Engine, numbers, type Prepared } from "./engine.ts";
import type { Product } from "./shapes.ts";
import { oursStep } from "./training.ts";
import { padded, passOf } from "./variants.ts";

/** This engine, as its programs run it by these variants. */
export function ours(gpu: Gpu, selected: SelectedVariants): Engine {
  return {
    name: "ours",
    prepare: (product) => Promise.resolve(prepare(gpu, product, selected)),
    prepareStep: (start) => Promise.resolve(oursStep(gpu, start, selected)),
  };
}

function prepare(gpu: Gpu, { op, shape: real }: Product, selected: SelectedVariants): Prepared {
  const shape = padded(real);
  const { N, H, W, C, K, R, S } = shape;
  const { P, Q } = outputSize(shape);
  const buffers: GPUBuffer[] = [];
  const buffer = (content: number | Float32Array<ArrayBuffer>) => {
    buffers.push(createBuffer(gpu, content));
    return buffers.at(-1)!;
  };
  const filled = (rows: number, inner: number, seed: number) =>
    buffer(widen(numbers(rows * real.C * inner, seed), real.C, C, inner));
  const x = () => filled(N * H * W, 1, 1);
  const w = () => filled(R * S, K, 2);
  const dy = () => buffer(numbers(N * P * Q * K, 3));
  const context = {
    gpu,
    add: false,
    temporary: (size: readonly number[]) => buffer(elementCount(size) * 4),
  };
  const pass = passOf(op);
  const length =
    { forward: N * P * Q * K, backward_data: N * H * W * C, backward_weight: R * S * C * K }[pass];
  const output = buffer(length * 4);
  const name = selectVariant(gpu, pass, shape, { selected });
  const { forward, backward_data, backward_weight } = variants;
  const steps: Step<GPUBuffer>[] = pass === "forward"
    ? forward[name].steps(shape, { x: x(), w: w(), y: output }, context)
    : pass === "backward_data"
    ? backward_data[name].steps(shape, { dy: dy(), w: w(), dx: output }, context)
    : backward_weight[name].steps(shape, { x: x(), dy: dy(), dw: output }, context);
  const launches = steps.map((step) => launch(gpu, kernel(gpu, step.code, step.constants), step));
  return {
    async run(times) {
      submit(gpu, Array.from({ length: times }, () => launches).flat());
      await gpu.device.queue.onSubmittedWorkDone();
      gpu.check();
    },
    async wait() {
      submit(gpu, []);
      await gpu.device.queue.onSubmittedWorkDone();
    },
    async result() {
      const values = await readFloats(gpu, output, length);
      if (real.C === C || pass === "forward") return values;
      const inner = pass === "backward_weight" ? K : 1;
      return values.filter((_, i) => Math.floor(i / inner) % C < real.C);
    },
    destroy() {
      release(launches);
      for (const buffer of buffers) buffer.destroy();
    },
  };
}

/** `[rows, from, inner]` -> `[rows, to, inner]`, filled up with zeros. */
function widen(data: Float32Array<ArrayBuffer>, from: number, to: number, inner: number) {
  if (from === to) return data;
  const rows = data.length / from / inner;
  const out = new Float32Array(rows * to * inner);
  for (let row = 0; row < rows; row++) {
    const part = data.subarray(row * from * inner, (row + 1) * from * inner);
    out.set(part, row * to * inner);
  }
  return out;
}
