/** This engine, as its networks append attention and blocks. */
import type { Gpu } from "@/gpu/device.ts";
import { add } from "@/gpu/ops/add.ts";
import { attention } from "@/gpu/ops/attention.ts";
import { gelu } from "@/gpu/ops/gelu.ts";
import { layerNorm } from "@/gpu/ops/layer_norm.ts";
import { linear } from "@/gpu/ops/linear.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { issued, type Prepared } from "../engine.ts";
import {
  type AttentionShape,
  BLOCK_WEIGHTS,
  blockOperands,
  type BlockWeight,
  COMPARED,
  headsFirst,
  joined,
  operands,
  type Operation,
  parts,
} from "./shapes.ts";

export function prepareOurs(gpu: Gpu, op: Operation, shape: AttentionShape): Prepared {
  const { N, T, H, D } = shape;
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const C = H * D;
  let outputs: Tensor[];
  let result: (values: Float32Array[]) => Float32Array;
  const inputs = new Map<string, Float32Array<ArrayBuffer>>();
  if (op === "block_gradient") {
    const { x, dy, weights } = blockOperands(shape);
    const given = tape.watch(tape.input("x", [N, T, C]));
    inputs.set("x", x);
    const named = Object.fromEntries(BLOCK_WEIGHTS.map((name) => [
      name,
      tape.parameter(name, weights.get(name)!.shape, {
        initial: { kind: "constant", value: 0 },
      }),
    ])) as Record<BlockWeight, Tensor>;
    backward(tape, block(tape, given, named, H), inputs, dy);
    outputs = [tape.gradient(given)!];
    result = ([dx]) => dx;
  } else {
    const { qkv, dy } = operands(shape);
    inputs.set("qkv", qkv);
    const given = tape.input("qkv", [N, T, 3 * C]);
    const watched = op === "attention_forward" ? given : tape.watch(given);
    const y = attention(tape, watched, { heads: H });
    if (op === "attention_gradient") backward(tape, y, inputs, dy);
    outputs = [op === "attention_forward" ? y : tape.gradient(watched)!];
    result = op === "attention_forward"
      ? ([y]) => headsFirst(y, shape)
      : ([dqkv]) => parts(dqkv, shape);
  }
  const program = compile(tape, { outputs });
  if (op === "block_gradient") store.load(new Map(blockOperands(shape).weights));
  for (const [name, data] of inputs) program.write(name, data);
  return {
    ...issued(gpu, program),
    async result() {
      program.run();
      const own = result(await program.read(...outputs));
      if (op !== "block_gradient") return joined([own]);
      const gradients = await store.read(
        ({ name }) => COMPARED.includes(name as BlockWeight),
        "gradients",
      );
      return joined([own, ...COMPARED.map((name) => gradients.get(name)!.data)]);
    },
    destroy() {
      program.destroy();
      store.destroy();
    },
  };
}

/** Appends the gradients of sum(dy y). */
function backward(
  tape: Tape,
  y: Tensor,
  inputs: Map<string, Float32Array<ArrayBuffer>>,
  dy: Float32Array<ArrayBuffer>,
): void {
  inputs.set("dy", dy);
  const given = tape.input("dy", y.shape);
  // Its value is nowhere asked for, and never computed.
  const loss = tape.value([1], [y]);
  tape.onBackward(loss, () => tape.giveGradient(y, given));
  tape.backward(loss);
}

function block(tape: Tape, x: Tensor, w: Record<BlockWeight, Tensor>, heads: number): Tensor {
  const [N, T] = x.shape;
  const norm = (x: Tensor, name: "norm1" | "norm2") =>
    layerNorm(tape, x, { weight: w[`${name}.weight`], bias: w[`${name}.bias`] });
  const dense = (x: Tensor, name: "attn.qkv" | "attn.proj" | "mlp.fc1" | "mlp.fc2") => {
    const weight = w[`${name}.weight`];
    const [, , width] = x.shape;
    const y = linear(tape, tape.reshape(x, [N * T, width]), weight, w[`${name}.bias`]);
    return tape.reshape(y, [N, T, weight.shape[1]]);
  };
  const attended = attention(tape, dense(norm(x, "norm1"), "attn.qkv"), { heads });
  x = add(tape, x, dense(attended, "attn.proj"));
  return add(tape, x, dense(gelu(tape, dense(norm(x, "norm2"), "mlp.fc1")), "mlp.fc2"));
}
