/** jax-js: every operation compiled by `jit`, gradients by its `vjp`; of two ways to attend the faster is taken. */
import * as jax from "@jax-js/jax";
import type { Prepared } from "../engine.ts";
import {
  type AttentionShape,
  BLOCK_WEIGHTS,
  blockOperands,
  type BlockWeight,
  COMPARED,
  EPS,
  headsFirst,
  joined,
  operands,
  type Operation,
  part,
} from "./shapes.ts";

type Value = jax.Array;
type Named = Record<string, Value>;
const { numpy: np } = jax;

/** `products`: matrix products of `[N, H, T, D]`; `own`: its `dotProductAttention` of `[N, T, H, D]`. */
export type Way = "products" | "own";

function attend(q: Value, k: Value, v: Value, way: Way, scale: number): Value {
  if (way === "own") return jax.nn.dotProductAttention(q, k, v);
  const s = np.matmul(q, np.swapaxes(k, 2, 3)).mul(scale);
  return np.matmul(jax.nn.softmax(s, -1), v);
}

export async function prepareJaxJs(
  op: Operation,
  shape: AttentionShape,
  way: Way,
  finish: () => Promise<void>,
): Promise<Prepared> {
  const { N, T, H, D } = shape;
  const scale = 1 / Math.sqrt(D);
  const array = (data: Float32Array<ArrayBuffer>, sizes: readonly number[]) =>
    np.array(data).reshape([...sizes]);
  // deno-lint-ignore no-explicit-any
  const [jit, vjp] = [jax.jit as any, jax.vjp as any];
  let inputs: unknown[];
  let work: (...inputs: unknown[]) => unknown;
  let told: (values: Float32Array[]) => Float32Array<ArrayBuffer>;
  const turned = { ...shape, T: H, H: T };
  if (op === "block_gradient") {
    const { x, dy, weights } = blockOperands(shape);
    const named: Named = Object.fromEntries(
      BLOCK_WEIGHTS.map((name) => [name, array(weights.get(name)!.data, weights.get(name)!.shape)]),
    );
    inputs = [array(x, [N, T, H * D]), named, array(dy, [N, T, H * D])];
    work = (x, w, dy) => {
      const [y, back] = vjp((x: Value, w: Named) => block(x, w, { way, H, D, scale }), [x, w]);
      y.dispose();
      const [dx, dw] = back(dy) as [Value, Named];
      // All are computed: what is returned cannot be left out.
      return [dx, ...BLOCK_WEIGHTS.map((name) => dw[name])];
    };
    told = ([dx, ...dw]) =>
      joined([dx, ...COMPARED.map((name) => dw[BLOCK_WEIGHTS.indexOf(name)])]);
  } else {
    const { qkv, dy } = operands(shape);
    const sizes = way === "own" ? [N, T, H, D] : [N, H, T, D];
    const laid = (data: Float32Array<ArrayBuffer>) =>
      array(way === "own" ? headsFirst(data, turned) : data, sizes);
    const three = [0, 1, 2].map((which) => laid(part(qkv, shape, which)));
    const forward = (q: Value, k: Value, v: Value) => attend(q, k, v, way, scale);
    const firsts = (values: Float32Array[]) =>
      joined(values.map((value) => way === "own" ? headsFirst(value, shape) : value));
    told = firsts;
    if (op === "attention_forward") {
      inputs = three;
      work = (q, k, v) => [forward(q as Value, k as Value, v as Value)];
    } else {
      inputs = [...three, array(way === "own" ? dy : headsFirst(dy, shape), sizes)];
      work = (q, k, v, dy) => {
        const [y, back] = vjp(forward, [q, k, v]);
        y.dispose();
        return back(dy);
      };
    }
  }
  await jax.blockUntilReady(inputs as Value[]);
  const compiled = jit(work);
  const issue = () => compiled(...(jax.tree.ref(inputs) as unknown[])) as Value[];
  const known = issue();
  await jax.blockUntilReady(known);
  return {
    async run(times) {
      const results = Array.from({ length: times }, issue);
      // Sends the launches off, without waiting.
      for (const result of results.flat()) result.ref.gpuBufferSync();
      await finish();
      for (const result of results.flat()) result.dispose();
    },
    wait: finish,
    async result() {
      const values: Float32Array[] = [];
      for (const value of known) values.push(await value.ref.data() as Float32Array);
      return told(values);
    },
    destroy() {
      jax.tree.dispose([inputs, known]);
      compiled.dispose();
    },
  };
}

function block(
  x: Value,
  w: Named,
  { way, H, D, scale }: { way: Way; H: number; D: number; scale: number },
): Value {
  const [N, T, C] = x.shape;
  const named = (name: BlockWeight) => w[name].ref;
  const norm = (x: Value, name: "norm1" | "norm2") => {
    const centred = x.sub(np.mean(x.ref, 2, { keepdims: true }));
    const variance = np.mean(np.square(centred.ref), 2, { keepdims: true });
    return centred.mul(np.reciprocal(np.sqrt(variance.add(EPS)))).mul(named(`${name}.weight`))
      .add(named(`${name}.bias`));
  };
  const dense = (x: Value, name: "attn.qkv" | "attn.proj" | "mlp.fc1" | "mlp.fc2") => {
    const [, , width] = x.shape;
    const weight = named(`${name}.weight`);
    const [, K] = weight.shape;
    return np.matmul(x.reshape([N * T, width]), weight).add(named(`${name}.bias`))
      .reshape([N, T, K]);
  };
  const qkv = dense(norm(x.ref, "norm1"), "attn.qkv").reshape([N, T, 3, H, D]);
  const three = np.split(qkv, 3, 2).map((one: Value) => one.reshape([N, T, H, D]));
  const laid = three.map((one: Value) => way === "own" ? one : np.swapaxes(one, 1, 2));
  const attended = attend(laid[0], laid[1], laid[2], way, scale);
  const y = (way === "own" ? attended : np.swapaxes(attended, 1, 2)).reshape([N, T, C]);
  const first = x.add(dense(y, "attn.proj"));
  const hidden = jax.nn.gelu(dense(norm(first.ref, "norm2"), "mlp.fc1"), { approximate: false });
  return first.add(dense(hidden, "mlp.fc2"));
}
