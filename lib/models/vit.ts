/**
 * Vision transformers (Dosovitskiy et al. 2021, arXiv 2010.11929): pre-norm blocks over patches and a class
 * token, learnt positions, under timm's names. Source of the initial distribution: timm's
 * `vision_transformer.py`, whose truncated normal is cut at 2 in units of weights, so nowhere.
 */
import { add } from "@/gpu/ops/add.ts";
import { attend, type Attended } from "@/gpu/ops/attention.ts";
import { conv2d } from "@/gpu/ops/conv2d.ts";
import { gelu } from "@/gpu/ops/gelu.ts";
import { layerNorm } from "@/gpu/ops/layer_norm.ts";
import { linear } from "@/gpu/ops/linear.ts";
import { tokens, tokenSlice } from "@/gpu/ops/tokens.ts";
import type { Initial } from "@/gpu/parameters.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import type { Backbone, BackboneOptions, TokenAttention } from "./backbone.ts";
import { DEPTH, HEAD, PATCH, type VitName, VITS } from "./vit_sizes.ts";

/** By name, as `lib/models/mod.ts` lists them. */
export const vits: Record<VitName, Backbone> = {
  vit_tiny_patch16: (tape, x, options) => vit(tape, x, { ...options, name: "vit_tiny_patch16" }),
  vit_small_patch16: (tape, x, options) => vit(tape, x, { ...options, name: "vit_small_patch16" }),
  vit_base_patch16: (tape, x, options) => vit(tape, x, { ...options, name: "vit_base_patch16" }),
};

/**
 * `[N, H, W, 4] -> map [N, H/16, W/16, F], features [N, F]`: the normalised patch tokens and class token
 * of the last block; a map on tapes for evaluation only.
 */
export function vit(
  tape: Tape,
  x: Tensor,
  options: BackboneOptions & { name: VitName },
): { map?: Tensor; features: Tensor; attention: TokenAttention } {
  const { heads } = VITS[options.name];
  const { width = heads * HEAD, channels = 3, prefix = "" } = options;
  const net = new Net(tape, prefix, width);
  const [N, H, W] = x.shape;
  const [P, Q] = [H / PATCH, W / PATCH];
  const T = 1 + P * Q;
  // Declared in timm's order.
  const start = net.parameter("cls_token", [1, 1, width], normal(1e-6));
  const position = tape.parameter(`${prefix}pos_embed`, [1, T, width], {
    initial: normal(0.02),
    grid: [P, Q],
  });
  const bound = 1 / Math.sqrt(channels * PATCH ** 2);
  const w = tape.parameter(`${prefix}patch_embed.proj.weight`, [PATCH, PATCH, 4, width], {
    layout: "conv",
    channels,
    initial: { kind: "uniform", bound },
  });
  const bias = net.parameter("patch_embed.proj.bias", [width], { kind: "uniform", bound });
  let y = tokens(tape, conv2d(tape, x, w, { stride: PATCH }), { start, bias, position });
  const blocks: Attended[] = [];
  let entering = y;
  for (let block = 0; block < DEPTH; block++) {
    const watch = options.watch && block === DEPTH - 1;
    const made = net.block(`blocks.${block}`, y, { heads, watch });
    y = made.y;
    entering = made.entering;
    blocks.push(made.attended);
  }
  const attention: TokenAttention = { blocks, entering, grid: [P, Q] };
  y = net.norm("norm", y);
  const features = tape.reshape(tokenSlice(tape, y, { first: 0, count: 1 }), [N, width]);
  if (tape.training) return { features, attention };
  const map = tape.reshape(tokenSlice(tape, y, { first: 1, count: T - 1 }), [N, P, Q, width]);
  return { map, features, attention };
}

const normal = (std: number): Initial => ({ kind: "normal", std });
const filled = (value: number): Initial => ({ kind: "constant", value });

class Net {
  constructor(readonly tape: Tape, readonly prefix: string, readonly width: number) {}

  parameter(name: string, shape: number[], initial: Initial): Tensor {
    return this.tape.parameter(`${this.prefix}${name}`, shape, { initial });
  }

  norm(name: string, x: Tensor): Tensor {
    const weight = this.parameter(`${name}.weight`, [this.width], filled(1));
    const bias = this.parameter(`${name}.bias`, [this.width], filled(0));
    return layerNorm(this.tape, x, { weight, bias });
  }

  /** `[N, T, C] -> [N, T, K]` */
  dense(name: string, x: Tensor, K: number): Tensor {
    const [N, T, C] = x.shape;
    const w = this.tape.parameter(`${this.prefix}${name}.weight`, [C, K], {
      layout: "linear",
      initial: normal(0.02),
    });
    const b = this.parameter(`${name}.bias`, [K], filled(0));
    return this.tape.reshape(
      linear(this.tape, this.tape.reshape(x, [N * T, C]), w, b),
      [N, T, K],
    );
  }

  block(
    name: string,
    x: Tensor,
    { heads, watch = false }: { heads: number; watch?: boolean },
  ): { y: Tensor; attended: Attended; entering: Tensor } {
    const { tape, width } = this;
    const normed = this.norm(`${name}.norm1`, x);
    const entering = watch ? tape.watch(normed) : normed;
    const qkv = this.dense(`${name}.attn.qkv`, entering, 3 * width);
    const attended = attend(tape, qkv, { heads });
    x = add(tape, x, this.dense(`${name}.attn.proj`, attended.y, width));
    const hidden = this.dense(`${name}.mlp.fc1`, this.norm(`${name}.norm2`, x), 4 * width);
    return {
      y: add(tape, x, this.dense(`${name}.mlp.fc2`, gelu(tape, hidden), width)),
      attended,
      entering,
    };
  }
}
