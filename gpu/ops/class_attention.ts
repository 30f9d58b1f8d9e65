/** Where a vision transformer's class token looks: rows of self-attention (`attention.ts`) that can be read and taught. */
import backwardCode from "@/kernels/class_attention_backward.wgsl" with { type: "text" };
import forwardCode from "@/kernels/class_attention.wgsl" with { type: "text" };
import meanCode from "@/kernels/class_attention_mean.wgsl" with { type: "text" };
import queryCode from "@/kernels/class_attention_backward_query.wgsl" with { type: "text" };
import rolloutCode from "@/kernels/attention_rollout.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import type { Attended } from "./attention.ts";

/**
 * The first token's attention to every token, as logarithms.
 * @returns `heads` `[N, H, T]`; `mean` `[N, T - 1]`: of the mean over heads, of all tokens but the first, so that a
 * softmax over it is that mean, normalised. The gradient of `mean` goes to qkv; `heads` has none.
 */
export function classAttention(
  tape: Tape,
  { qkv, lse, heads: H }: Attended,
): { heads: Tensor; mean: Tensor } {
  const { N, T, constants, params } = sizesOf(qkv, H);
  const s = tape.value([N, H, T]);
  const grid = [Math.ceil(T / 64), H, N];
  tape.launch({ code: forwardCode, constants, bind: { qkv, lse, s }, params, grid });
  const m = tape.value([N, T - 1], [qkv]);
  tape.launch({
    code: meanCode,
    bind: { s, m },
    params: { T, H },
    grid: [Math.ceil((T - 1) / 64), N],
  });
  tape.onBackward(m, (dm) =>
    tape.addGradient(qkv, (dqkv, add) => {
      const ds = tape.value([N, H, T]);
      tape.launch({
        code: backwardCode,
        constants: { ...constants, ADD: +add },
        bind: { qkv, s, m, dm, ds, dqkv },
        params,
        grid: [H, N],
      });
      tape.launch({
        code: queryCode,
        constants,
        bind: { qkv, ds, dqkv },
        params,
        grid: [Math.ceil(qkv.shape[2] / 12 / 64), N],
      });
    }));
  return { heads: s, mean: m };
}

/**
 * Attention rollout (Abnar and Zuidema 2020, arXiv 2005.00928, section 3): the first row of the product of
 * (A + I) / 2 over the blocks, A the mean over heads; `[N, T]`, each row adds up to 1. Without gradients.
 * @param blocks in the order of the network
 */
export function attentionRollout(tape: Tape, blocks: Attended[]): Tensor {
  const [N, T] = blocks[0].qkv.shape;
  const first = Float32Array.from({ length: N * T }, (_, i) => +(i % T === 0));
  return blocks.reduceRight((v, { qkv, lse, heads }) => {
    const { constants, params } = sizesOf(qkv, heads);
    const w = tape.value([N, T]);
    const grid = [Math.ceil(T / 64), N];
    tape.launch({ code: rolloutCode, constants, bind: { qkv, lse, v, w }, params, grid });
    return w;
  }, tape.reshape(tape.constant("first token", first, "f32"), [N, T]));
}

function sizesOf(qkv: Tensor, H: number) {
  const [N, T, width] = qkv.shape;
  const D = width / 3 / H;
  return { N, T, constants: { D4: D / 4 }, params: { T, H, scale: 1 / Math.sqrt(D) } };
}
