/** TensorFlow.js with its WebGPU backend: channels last, the kernels of its own gradients. */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { outputSize } from "@/gpu/convolution/shape.ts";
import { type Engine, numbers } from "./engine.ts";
import { registerGradients } from "./tfjs_gradients.ts";
import { tfjsStep } from "./tfjs_step.ts";

/** Opens its backend; the function that comes back waits until it is done. */
export async function openTfjs(): Promise<() => Promise<void>> {
  if (!await tf.setBackend("webgpu")) throw new Error("Cannot run tfjs: no WebGPU backend");
  const backend = tf.backend() as WebGPUBackend;
  await registerGradients();
  return async () => {
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
    await backend.device.queue.onSubmittedWorkDone();
  };
}

export async function tfjs(): Promise<Engine> {
  const finish = await openTfjs();
  return {
    name: "tfjs",
    prepareStep: (start) => tfjsStep(start, finish),
    prepare({ op, shape }) {
      const { N, H, W, C, K, R, S, stride, padding } = shape;
      const { P, Q } = outputSize(shape);
      const tensor = (sizes: number[], seed: number) =>
        tf.tensor(numbers(sizes.reduce((a, b) => a * b), seed), sizes);
      const operands = op === "matmul"
        ? { x: tensor([N, C], 1), w: tensor([C, K], 2) }
        : { x: tensor([N, H, W, C], 1), w: tensor([R, S, C, K], 2) };
      const { x, w } = operands;
      const dy = tensor([N, P, Q, K], 3);
      const attributes = {
        strides: [stride, stride],
        pad: padding,
        dataFormat: "NHWC",
        dimRoundingMode: "floor",
      };
      const run = (name: string, inputs: Record<string, tf.Tensor>, more: object) =>
        tf.engine().runKernel(
          name,
          inputs,
          { ...attributes, ...more } as tf.NamedAttrMap,
        ) as tf.Tensor;
      const issue = {
        matmul: () => tf.matMul(x, w),
        conv_forward: () =>
          tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, padding, "NHWC", 1, "floor"),
        conv_data_gradient: () =>
          run("Conv2DBackpropInput", { dy, filter: w }, { inputShape: x.shape }),
        conv_weight_gradient: () =>
          run("Conv2DBackpropFilter", { x, dy }, { filterShape: w.shape }),
      }[op];
      return Promise.resolve({
        async run(times) {
          const results = Array.from({ length: times }, issue);
          await finish();
          tf.dispose(results);
        },
        wait: finish,
        async result() {
          const output = issue();
          const values = await output.data();
          output.dispose();
          return values as Float32Array;
        },
        destroy: () => tf.dispose([x, w, dy]),
      });
    },
  };
}
