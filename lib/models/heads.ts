/** Projectors, predictors and classifiers: rows of features in, rows out, named like `nn.Sequential`. */
import { batchNorm, declareBatchNorm } from "@/gpu/ops/batch_norm.ts";
import { linear } from "@/gpu/ops/linear.ts";
import { relu } from "@/gpu/ops/relu.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import type { ResnetName } from "./resnet.ts";

/** A linear map and what follows it. */
export interface Layer {
  size: number;
  /** Default true. */
  bias?: boolean;
  /** Batch norm after it, with or without an affine map. */
  norm?: "affine" | "plain";
  relu?: boolean;
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
  for (const { size, bias = true, norm, relu: bent = false } of layers) {
    y = dense(tape, y, size, { name: `${prefix}${place++}`, bias });
    if (norm) {
      const parameters = declareBatchNorm(tape, `${prefix}${place++}`, size, {
        affine: norm === "affine",
      });
      y = batchNorm(tape, y, parameters, { ...mode, relu: bent });
    } else if (bent) y = relu(tape, y);
    if (bent) place++;
  }
  return y;
}

/** torchvision's last layer, `[N, F] -> [N, classes]`. */
export function classifier(
  tape: Tape,
  features: Tensor,
  classes: number,
  options: { prefix?: string } = {},
): Tensor {
  return dense(tape, features, classes, { name: `${options.prefix ?? ""}fc`, bias: true });
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

/** The methods' heads with their papers' sizes. */
export const heads = {
  /** Grill et al. 2020; hidden 4096, for a ResNet-18 1024. */
  byol(options: { hidden?: number; output?: number; backbone?: ResnetName } = {}) {
    const { backbone = "resnet50", output = 256 } = options;
    const hidden = options.hidden ?? (backbone === "resnet18" ? 1024 : 4096);
    const layers: Layer[] = [{ size: hidden, norm: "affine", relu: true }, { size: output }];
    return { projector: layers, predictor: layers };
  },
  /** Chen et al. 2020 (MoCo v2); as wide as the features. */
  moco(options: { features: number; output?: number }) {
    const { features, output = 128 } = options;
    return { projector: [{ size: features, relu: true }, { size: output }] as Layer[] };
  },
  /** Chen and He 2021. */
  simsiam(options: { size?: number; hidden?: number } = {}) {
    const { size = 2048, hidden = 512 } = options;
    const inner: Layer = { size, bias: false, norm: "affine", relu: true };
    return {
      projector: [inner, inner, { size, bias: false, norm: "plain" }] as Layer[],
      predictor: [{ ...inner, size: hidden }, { size }] as Layer[],
    };
  },
  /** Chen et al. 2020 (SimCLR). */
  simclr(options: { features: number; output?: number }) {
    const { features, output = 128 } = options;
    return {
      projector: [
        { size: features, bias: false, norm: "affine", relu: true },
        { size: output, bias: false, norm: "affine" },
      ] as Layer[],
    };
  },
};
