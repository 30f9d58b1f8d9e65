/** jax-js: channels first, every operation compiled by `jit`, gradients by its `vjp`. */
import * as jax from "@jax-js/jax";
import { outputSize } from "@/gpu/convolution/shape.ts";
import { type Engine, numbers } from "./engine.ts";
import { jaxJsStep } from "./jax_js_step.ts";

type Value = jax.Array;

/** Opens its device; the function that comes back waits until it is done. */
export async function openJaxJs(): Promise<() => Promise<void>> {
  const ready = await jax.init("webgpu");
  if (!ready.includes("webgpu")) throw new Error("Cannot run jax-js: it found no WebGPU");
  jax.defaultDevice("webgpu");
  const { queue } = jax.getWebGPUDevice();
  return async () => {
    queue.submit([]);
    await queue.onSubmittedWorkDone();
  };
}

export async function jaxJs(): Promise<Engine> {
  const finish = await openJaxJs();
  return {
    name: "jax_js",
    prepareStep: (start) => jaxJsStep(start, finish),
    async prepare({ op, shape }) {
      const { N, H, W, C, K, R, S, stride, padding } = shape;
      const { P, Q } = outputSize(shape);
      const array = (sizes: number[], seed: number) =>
        jax.numpy.array(numbers(sizes.reduce((a, b) => a * b), seed)).reshape(sizes);
      const pads: [number, number][] = [[padding, padding], [padding, padding]];
      const convolve = (x: Value, w: Value) =>
        jax.lax.convGeneralDilated(x, w, [stride, stride], pads);
      const gradient = (made: [Value, (dy: Value) => unknown], dy: Value) => {
        made[0].dispose();
        const back = made[1](dy);
        return (Array.isArray(back) ? back[0] : back) as Value;
      };
      // deno-lint-ignore no-explicit-any
      const vjp = jax.vjp as any;
      const functions = {
        matmul: (x: Value, w: Value) => jax.numpy.matmul(x, w),
        conv_forward: convolve,
        conv_data_gradient: (x: Value, w: Value, dy: Value) =>
          gradient(vjp((x: Value) => convolve(x, w), [x]), dy),
        conv_weight_gradient: (x: Value, w: Value, dy: Value) =>
          gradient(vjp((w: Value) => convolve(x, w), [w]), dy),
      };
      const operands = op === "matmul"
        ? [array([N, C], 1), array([C, K], 2)]
        : [array([N, C, H, W], 1), array([K, C, R, S], 2)];
      if (op.endsWith("gradient")) operands.push(array([N, K, P, Q], 3));
      await jax.blockUntilReady(operands);
      // deno-lint-ignore no-explicit-any
      const compiled = jax.jit(functions[op] as any) as unknown as (...args: Value[]) => Value;
      const issue = () => compiled(...operands.map((operand) => operand.ref));
      const known = issue();
      await known.blockUntilReady();
      return {
        async run(times) {
          const results = Array.from({ length: times }, issue);
          // Sends the launches off, without waiting.
          for (const result of results) result.ref.gpuBufferSync();
          await finish();
          for (const result of results) result.dispose();
        },
        wait: finish,
        destroy() {
          for (const array of [...operands, known]) array.dispose();
        },
      };
    },
  };
}
