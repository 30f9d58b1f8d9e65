/**
 * ResNet-18, 50 and 101 (He et al. 2016) under torchvision's names, the stride of a bottleneck in its 3x3
 * convolution. Source of the initial distribution: torchvision's `resnet.py` and PyTorch's `nn.Linear`.
 */
import { averagePool } from "@/gpu/ops/average_pool.ts";
import { declareBatchNorm } from "@/gpu/ops/batch_norm.ts";
import { conv2dNorm } from "@/gpu/ops/conv2d_norm.ts";
import { maxPool } from "@/gpu/ops/max_pool.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import type { Backbone, BackboneOptions } from "./backbone.ts";
import { type ResnetName, STAGES } from "./resnet_stages.ts";

/** `width`: channels of the first stage, a multiple of 4; default 64. */
export interface ResnetOptions extends BackboneOptions {
  name: ResnetName;
}

/** By name, as `lib/models/mod.ts` lists them. */
export const resnets: Record<ResnetName, Backbone> = {
  resnet18: (tape, x, options) => resnet(tape, x, { ...options, name: "resnet18" }),
  resnet50: (tape, x, options) => resnet(tape, x, { ...options, name: "resnet50" }),
  resnet101: (tape, x, options) => resnet(tape, x, { ...options, name: "resnet101" }),
};

/** `[N, H, W, 4] -> map [N, H/32, W/32, F], features [N, F]` (the map's mean). */
export function resnet(
  tape: Tape,
  x: Tensor,
  options: ResnetOptions,
): { map: Tensor; features: Tensor } {
  const { name, width = 64, channels = 3, prefix = "" } = options;
  const net = new Net(tape, prefix, options);
  const stem = net.conv("conv1", x, width, { size: 7, stride: 2, channels });
  let y = net.norm("bn1", width)(stem, true);
  y = maxPool(tape, y, { size: 3, stride: 2, padding: 1 });
  STAGES[name].forEach((count, stage) => {
    for (let block = 0; block < count; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const scope = `layer${stage + 1}.${block}`;
      y = name === "resnet18"
        ? net.basic(scope, y, width * 2 ** stage, stride)
        : net.bottleneck(scope, y, width * 2 ** stage, stride);
    }
  });
  return { map: y, features: averagePool(tape, y) };
}

/** A convolution declared, to be appended with the norm after it. */
interface Convolution {
  x: Tensor;
  w: Tensor;
  stride: number;
  padding: number;
}

class Net {
  constructor(
    readonly tape: Tape,
    readonly prefix: string,
    readonly options: { groups?: number; training?: boolean },
  ) {}

  /** Declares a convolution with padding (size - 1) / 2. */
  conv(
    name: string,
    x: Tensor,
    K: number,
    { size, stride, channels }: { size: number; stride: number; channels?: number },
  ): Convolution {
    const w = this.tape.parameter(`${this.prefix}${name}.weight`, [size, size, x.shape[3], K], {
      layout: "conv",
      channels,
      initial: { kind: "normal", std: Math.sqrt(2 / (K * size * size)) },
    });
    return { x, w, stride, padding: (size - 1) / 2 };
  }

  /** Declares a norm now, so that names keep torchvision's order, to be applied later. */
  norm(name: string, C: number): (x: Convolution, relu: boolean, residual?: Tensor) => Tensor {
    const norm = declareBatchNorm(this.tape, `${this.prefix}${name}`, C);
    const { groups, training } = this.options;
    return ({ x, w, ...convolution }, relu, residual) =>
      conv2dNorm(this.tape, x, w, norm, {
        convolution,
        norm: { groups, training, relu, residual },
      });
  }

  basic(name: string, x: Tensor, width: number, stride: number): Tensor {
    const first = this.conv(`${name}.conv1`, x, width, { size: 3, stride });
    const y = this.norm(`${name}.bn1`, width)(first, true);
    const second = this.conv(`${name}.conv2`, y, width, { size: 3, stride: 1 });
    const norm = this.norm(`${name}.bn2`, width);
    return norm(second, true, this.shortcut(name, x, width, stride));
  }

  bottleneck(name: string, x: Tensor, width: number, stride: number): Tensor {
    const K = width * 4;
    const first = this.conv(`${name}.conv1`, x, width, { size: 1, stride: 1 });
    let y = this.norm(`${name}.bn1`, width)(first, true);
    const second = this.conv(`${name}.conv2`, y, width, { size: 3, stride });
    y = this.norm(`${name}.bn2`, width)(second, true);
    const third = this.conv(`${name}.conv3`, y, K, { size: 1, stride: 1 });
    const norm = this.norm(`${name}.bn3`, K);
    return norm(third, true, this.shortcut(name, x, K, stride));
  }

  private shortcut(name: string, x: Tensor, K: number, stride: number): Tensor {
    if (stride === 1 && x.shape[3] === K) return x;
    const y = this.conv(`${name}.downsample.0`, x, K, { size: 1, stride });
    return this.norm(`${name}.downsample.1`, K)(y, false);
  }
}
