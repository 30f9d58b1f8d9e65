/** What is measured of vision transformers, and how its operands are made: the same numbers for every engine. */
import { numbers } from "../engine.ts";

export const OPERATIONS = ["attention_forward", "attention_gradient", "block_gradient"] as const;
/**
 * - `attention_forward`: softmax(q k / sqrt D) v of every head
 * - `attention_gradient`: that, and the gradients of q, k and v
 * - `block_gradient`: a pre-norm block (norm, attention, norm, GELU), and the gradients of its input and all its weights
 */
export type Operation = typeof OPERATIONS[number];

export interface AttentionShape {
  /** Images, tokens, heads, numbers of a head. */
  N: number;
  T: number;
  H: number;
  D: number;
}

/** Weights of a block by timm's names, matrices [in, out]. */
export const BLOCK = {
  "norm1.weight": (C: number) => [C],
  "norm1.bias": (C: number) => [C],
  "attn.qkv.weight": (C: number) => [C, 3 * C],
  "attn.qkv.bias": (C: number) => [3 * C],
  "attn.proj.weight": (C: number) => [C, C],
  "attn.proj.bias": (C: number) => [C],
  "norm2.weight": (C: number) => [C],
  "norm2.bias": (C: number) => [C],
  "mlp.fc1.weight": (C: number) => [C, 4 * C],
  "mlp.fc1.bias": (C: number) => [4 * C],
  "mlp.fc2.weight": (C: number) => [4 * C, C],
  "mlp.fc2.bias": (C: number) => [C],
};
export type BlockWeight = keyof typeof BLOCK;
export const BLOCK_WEIGHTS = Object.keys(BLOCK) as BlockWeight[];
/** Whose gradients are compared, beside the input's. */
export const COMPARED: BlockWeight[] = ["norm1.weight", "attn.qkv.weight", "mlp.fc2.weight"];

export const EPS = 1e-6;

export const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** `[N, T, 3, H, D]`, and of what comes out `[N, T, H, D]`. */
export function operands({ N, T, H, D }: AttentionShape) {
  return { qkv: numbers(N * T * 3 * H * D, 1), dy: numbers(N * T * H * D, 2) };
}

/** A third of qkv, `[N, H, T, D]`: as the others multiply matrices. */
export function part(
  qkv: Float32Array,
  { N, T, H, D }: AttentionShape,
  which: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(N * H * T * D);
  let at = 0;
  for (let n = 0; n < N; n++) {
    for (let h = 0; h < H; h++) {
      for (let t = 0; t < T; t++) {
        const from = (((n * T + t) * 3 + which) * H + h) * D;
        out.set(qkv.subarray(from, from + D), at);
        at += D;
      }
    }
  }
  return out;
}

/** `[N, T, H, D]` -> `[N, H, T, D]`, or back with T and H exchanged. */
export function headsFirst(
  y: Float32Array,
  { N, T, H, D }: AttentionShape,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(y.length);
  let at = 0;
  for (let n = 0; n < N; n++) {
    for (let h = 0; h < H; h++) {
      for (let t = 0; t < T; t++) {
        const from = ((n * T + t) * H + h) * D;
        out.set(y.subarray(from, from + D), at);
        at += D;
      }
    }
  }
  return out;
}

/** q, k, v as one after the other, from `[N, T, 3, H, D]`: the form in which gradients are compared. */
export function parts(qkv: Float32Array, shape: AttentionShape): Float32Array<ArrayBuffer> {
  const made = [0, 1, 2].map((which) => part(qkv, shape, which));
  return joined(made);
}

export function joined(parts: Float32Array[]): Float32Array<ArrayBuffer> {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of parts) {
    out.set(one, at);
    at += one.length;
  }
  return out;
}

/** Input, weights and the gradient that comes in, for a block. */
export function blockOperands({ N, T, H, D }: AttentionShape) {
  const C = H * D;
  const weights = new Map(BLOCK_WEIGHTS.map((name, i) => {
    const shape = BLOCK[name](C);
    const data = numbers(count(shape), 10 + i);
    const scale = shape.length > 1 ? 1 / Math.sqrt(shape[0]) : 0.1;
    const base = /norm\d\.weight/.test(name) ? 1 : 0;
    return [name, { shape, data: data.map((value) => base + scale * value) }];
  }));
  return { x: numbers(N * T * C, 3), dy: numbers(N * T * C, 4), weights };
}

/** Multiplications and additions, as an engine that keeps the softmax needs them. */
export function workOf(op: Operation, { N, T, H, D }: AttentionShape): number {
  const C = H * D;
  const attention = 2 * 2 * N * T * T * C;
  if (op === "attention_forward") return attention;
  if (op === "attention_gradient") return 3 * attention;
  return 3 * (attention + 2 * 12 * N * T * C * C);
}

export const shapeText = ({ N, T, H, D }: AttentionShape) => `${N}x${T} ${H}x${D}`;
