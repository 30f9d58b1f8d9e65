/** Heads and classifiers of linear layers: rows of features in, rows out, named like `nn.Sequential`. */
import { batchNorm, declareBatchNorm } from "@/gpu/ops/batch_norm.ts";
import { gelu } from "@/gpu/ops/gelu.ts";
import { linear } from "@/gpu/ops/linear.ts";
import { relu } from "@/gpu/ops/relu.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";

/** A linear map and what follows it. */
export interface Layer {
  size: number;
  /** Default true. */
  bias?: boolean;
  /** Batch norm after it, with or without an affine map. */
  norm?: "affine" | "plain";
  relu?: boolean;
  /** GELU after it, in place of ReLU. */
  gelu?: boolean;
}

export interface HeadOptions {
  /** Put in front of the places' numbers: "projector.". */
  prefix: string;
  /** Parts of the batch with batch statistics of their own. */
  groups?: number;
  /** Statistics of the batch or running ones; default: the tape's mode. */
  training?: boolean;
}

/** `[N, C] -> [N, size of the last layer]`. */
export function head(tape: Tape, x: Tensor, layers: Layer[], options: HeadOptions): Tensor {
  const { prefix, ...mode } = options;
  let place = 0;
  let y = x;
  for (const { size, bias = true, norm, relu: bent = false, gelu: curved = false } of layers) {
    y = dense(tape, y, size, { name: `${prefix}${place++}`, bias });
    if (norm) {
      const parameters = declareBatchNorm(tape, `${prefix}${place++}`, size, {
        affine: norm === "affine",
      });
      y = batchNorm(tape, y, parameters, { ...mode, relu: bent });
    } else if (bent) y = relu(tape, y);
    if (curved) y = gelu(tape, y);
    if (bent || curved) place++;
  }
  return y;
}

/**
 * A network's last layer, `[N, F] -> [N, classes]`.
 * @param options.name as the backbone names it; torchvision's ResNets say `fc`
 */
export function classifier(
  tape: Tape,
  features: Tensor,
  classes: number,
  options: { prefix?: string; name?: string } = {},
): Tensor {
  const { prefix = "", name = "fc" } = options;
  return dense(tape, features, classes, { name: `${prefix}${name}`, bias: true });
}

function dense(
  tape: Tape,
  x: Tensor,
  K: number,
  { name, bias }: { name: string; bias: boolean },
): Tensor {
  const C = x.shape[1];
  const initial = { kind: "uniform", bound: 1 / Math.sqrt(C) } as const;
  const w = tape.parameter(`${name}.weight`, [C, K], { layout: "linear", initial });
  const b = bias ? tape.parameter(`${name}.bias`, [K], { initial }) : undefined;
  return linear(tape, x, w, b);
}
