/** Multi-head self-attention between its two linear maps (Vaswani et al. 2017, arXiv 1706.03762, 3.2). */
import backwardSubgroupCode from "@/kernels/attention_backward_subgroup.wgsl" with { type: "text" };
import deltaCode from "@/kernels/attention_delta.wgsl" with { type: "text" };
import subgroupCode from "@/kernels/attention_subgroup.wgsl" with { type: "text" };
import forwardCode from "@/kernels/attention.wgsl" with { type: "text" };
import keyCode from "@/kernels/attention_backward_key.wgsl" with { type: "text" };
import queryCode from "@/kernels/attention_backward_query.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { expectShape, type Tensor } from "../tensor.ts";

/** Longest vector of a head: what an invocation keeps in its registers. */
export const MOST_HEAD = 64;

/** What self-attention was computed from, and what is kept of it: enough to know any of its rows again. */
export interface Attended {
  /** `[N, T, 3 H D]` */
  qkv: Tensor;
  /** Logarithms of the softmax's sums, `[N, H, T]`. */
  lse: Tensor;
  heads: number;
}

/**
 * y_i = sum_j softmax_j(q_i . k_j / sqrt D) v_j, head by head; `[N, T, 3 H D] -> [N, T, H D]`. The matrix
 * [T, T] is never kept: forward and backward pass over tiles of it.
 * @param qkv as timm lays it: `[N, T, 3, H, D]`
 * @throws {Error} when D is no multiple of 4 up to 64
 */
export function attention(tape: Tape, qkv: Tensor, { heads }: { heads: number }): Tensor {
  return attend(tape, qkv, { heads }).y;
}

/** As `attention`, with what maps of it are made from. */
export function attend(
  tape: Tape,
  qkv: Tensor,
  { heads: H }: { heads: number },
): Attended & { y: Tensor } {
  const [N, T, width] = qkv.shape;
  expectShape("attention", qkv, [-1, -1, -1]);
  const D = width / 3 / H;
  if (D % 4 !== 0 || D > MOST_HEAD) {
    throw new Error(
      `Cannot append attention: ${H} heads of ${
        width / 3
      } numbers have ${D} each, a multiple of 4 up to ${MOST_HEAD} is needed`,
    );
  }
  const constants = { D4: D / 4 };
  const params = { T, H, scale: 1 / Math.sqrt(D) };
  const y = tape.value([N, T, H * D], [qkv]);
  const lse = tape.value([N, H, T]);
  // Subgroups of 8 lanes are those of the software driver, where barriers and indexed registers are slow.
  if (tape.gpu.features.subgroupSize === 8) bySubgroups(tape, { qkv, y, lse, constants, params });
  else byTiles(tape, { qkv, y, lse, constants, params });
  return { y, qkv, lse, heads: H };
}

interface Launched {
  qkv: Tensor;
  y: Tensor;
  lse: Tensor;
  constants: { D4: number };
  params: { T: number; H: number; scale: number };
}

/** An invocation is a query or a key; keys and queries pass by in shared memory. */
function byTiles(tape: Tape, { qkv, y, lse, constants, params }: Launched): void {
  const [N, H, T] = lse.shape;
  const grid = [Math.ceil(T / 64), H, N];
  tape.launch({ code: forwardCode, constants, bind: { qkv, y, lse }, params, grid });
  tape.onBackward(y, (dy) =>
    tape.addGradient(qkv, (dqkv, add) => {
      const delta = tape.value([N, H, T]);
      const chosen = { ...constants, ADD: +add };
      const bind = { qkv, dy, lse, delta, dqkv };
      tape.launch({ code: queryCode, constants: chosen, bind: { ...bind, y }, params, grid });
      for (const VALUES of [0, 1]) {
        tape.launch({ code: keyCode, constants: { ...chosen, VALUES }, bind, params, grid });
      }
    }));
}

/** A subgroup is 32 queries or keys, which lie in its registers. */
function bySubgroups(tape: Tape, { qkv, y, lse, constants, params }: Launched): void {
  const [N, H, T] = lse.shape;
  const grid = [Math.ceil(T / 32), H, N];
  tape.launch({ code: subgroupCode, constants, bind: { qkv, y, lse }, params, grid });
  tape.onBackward(y, (dy) =>
    tape.addGradient(qkv, (dqkv, add) => {
      const delta = tape.value([N, H, T]);
      tape.launch({
        code: deltaCode,
        constants,
        bind: { y, dy, delta },
        params: { T, H },
        grid: [Math.ceil(T / 64), H, N],
      });
      for (const PART of [0, 1, 2]) {
        tape.launch({
          code: backwardSubgroupCode,
          constants: { ...constants, PART, ADD: +add },
          bind: { qkv, dy, lse, delta, dqkv },
          params,
          grid,
        });
      }
    }));
}
