/** TensorFlow.js with its WebGPU backend: matrix products and softmax, gradients by its `grads`. */
import * as tf from "@tensorflow/tfjs-core";
import type { Prepared } from "../engine.ts";
import {
  type AttentionShape,
  BLOCK_WEIGHTS,
  blockOperands,
  COMPARED,
  EPS,
  headsFirst,
  joined,
  operands,
  type Operation,
  part,
} from "./shapes.ts";

const attend = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, scale: number) =>
  tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), scale)), v);

// deno-lint-ignore require-await -- what cannot be prepared rejects, as with the other engines
export async function prepareTfjs(
  op: Operation,
  shape: AttentionShape,
  finish: () => Promise<void>,
): Promise<Prepared> {
  const { N, T, H, D } = shape;
  const scale = 1 / Math.sqrt(D);
  let inputs: tf.Tensor[];
  let work: () => tf.Tensor[];
  let told: (values: Float32Array[]) => Float32Array<ArrayBuffer> = joined;
  if (op === "block_gradient") {
    const { x, dy, weights } = blockOperands(shape);
    const given = BLOCK_WEIGHTS.map((name) => {
      const { shape, data } = weights.get(name)!;
      return tf.tensor(data, shape);
    });
    const [input, gradient] = [x, dy].map((data) => tf.tensor(data, [N, T, H * D]));
    inputs = [input, ...given, gradient];
    const back = tf.grads((x, ...w) => block(x, w, { H, D, scale }));
    work = () => back([input, ...given], gradient);
    told = ([dx, ...dw]) =>
      joined([dx, ...COMPARED.map((name) => dw[BLOCK_WEIGHTS.indexOf(name)])]);
  } else {
    const { qkv, dy } = operands(shape);
    const three = [0, 1, 2].map((which) => tf.tensor(part(qkv, shape, which), [N, H, T, D]));
    const gradient = tf.tensor(headsFirst(dy, shape), [N, H, T, D]);
    inputs = [...three, gradient];
    const [q, k, v] = three;
    const back = tf.grads((q, k, v) => attend(q, k, v, scale));
    work = op === "attention_forward"
      ? () => [attend(q, k, v, scale)]
      : () => back(three, gradient);
  }
  const issue = () => tf.tidy(work);
  return {
    async run(times) {
      const results = Array.from({ length: times }, issue);
      await finish();
      tf.dispose(results);
    },
    wait: finish,
    async result() {
      const outputs = issue();
      const values: Float32Array[] = [];
      for (const output of outputs) values.push(await output.data() as Float32Array);
      tf.dispose(outputs);
      return told(values);
    },
    destroy: () => tf.dispose(inputs),
  };
}

/** @param weights in the order of `BLOCK_WEIGHTS` */
function block(
  x: tf.Tensor,
  weights: tf.Tensor[],
  { H, D, scale }: { H: number; D: number; scale: number },
): tf.Tensor {
  const [N, T, C] = x.shape;
  const named = Object.fromEntries(BLOCK_WEIGHTS.map((name, i) => [name, weights[i]]));
  const norm = (x: tf.Tensor, name: string) => {
    const { mean, variance } = tf.moments(x, 2, true);
    const unit = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, EPS)));
    return tf.add(tf.mul(unit, named[`${name}.weight`]), named[`${name}.bias`]);
  };
  const dense = (x: tf.Tensor, name: string) => {
    const weight = named[`${name}.weight`] as tf.Tensor2D;
    const rows = tf.reshape(x, [N * T, weight.shape[0]]) as tf.Tensor2D;
    return tf.reshape(tf.add(tf.matMul(rows, weight), named[`${name}.bias`]), [
      N,
      T,
      weight.shape[1],
    ]);
  };
  const qkv = tf.reshape(dense(norm(x, "norm1"), "attn.qkv"), [N, T, 3, H, D]);
  const [q, k, v] = tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]));
  const attended = tf.reshape(tf.transpose(attend(q, k, v, scale), [0, 2, 1, 3]), [N, T, C]);
  const first = tf.add(x, dense(attended, "attn.proj"));
  const hidden = dense(norm(first, "norm2"), "mlp.fc1");
  const gelu = tf.mul(tf.mul(hidden, 0.5), tf.add(tf.erf(tf.mul(hidden, Math.SQRT1_2)), 1));
  return tf.add(first, dense(gelu, "mlp.fc2"));
}
