/**
 * What is measured: matrix products, every distinct convolution of ResNet-18 and ResNet-50, and whole
 * training steps of these.
 */
import {
  type ConvolutionShape,
  flops,
  matrixShape,
  nameOf,
  outputSize,
} from "@/gpu/convolution/shape.ts";

export const PRODUCTS = [
  "matmul",
  "conv_forward",
  "conv_data_gradient",
  "conv_weight_gradient",
] as const;
export const NETWORKS = ["resnet18", "resnet50"] as const;

export type Network = typeof NETWORKS[number];

/** `matmul`, or a pass of a convolution, or a training step. */
export type Operation = typeof PRODUCTS[number] | `${Network}_step`;

export interface Product {
  op: typeof PRODUCTS[number];
  shape: ConvolutionShape;
}

/** Forward, cross-entropy, backward, SGD with momentum; batch norm as in training. */
export interface TrainingStep {
  op: `${Network}_step`;
  network: Network;
  batch: number;
  pixels: number;
}

export type Measured = Product | TrainingStep;

export const MATRICES = [256, 512, 1024, 2048];
export const BATCH = 8;

export function trainingStep(network: Network, batch: number, pixels: number): TrainingStep {
  return { op: `${network}_step`, network, batch, pixels };
}

/** The size of what is measured, as a row tells it. */
export function shapeText(one: Measured): string {
  if ("network" in one) return `${one.batch}x${one.pixels}x${one.pixels}x3`;
  return one.op === "matmul" ? String(one.shape.C) : nameOf(one.shape);
}

/** Multiplications and additions; of a step, those of its convolutions and of its last layer. */
export function workOf(one: Measured): number {
  if (!("network" in one)) return flops(one.shape);
  const [stem, ...others] = layersOf(one.network, one);
  const last = matrixShape(one.batch, one.network === "resnet18" ? 512 : 2048, 3);
  // The gradient of the images is not computed.
  return 2 * flops(stem) + 3 * [...others, last].reduce((sum, shape) => sum + flops(shape), 0);
}

/** Convolutions of a ResNet in the order of its layers; C of the first is 3, the real channels. */
export function layersOf(
  network: Network,
  { batch, pixels }: { batch: number; pixels: number },
): ConvolutionShape[] {
  const bottleneck = network === "resnet50";
  const blocks = bottleneck ? [3, 4, 6, 3] : [2, 2, 2, 2];
  const layers: ConvolutionShape[] = [];
  const add = (size: number, C: number, K: number, side: number, stride: number) => {
    const padding = Math.floor(side / 2);
    layers.push({ N: batch, H: size, W: size, C, K, R: side, S: side, stride, padding });
    return outputSize(layers.at(-1)!).P;
  };
  let size = add(pixels, 3, 64, 7, 2);
  size = Math.ceil(size / 2);
  let C = 64;
  blocks.forEach((count, level) => {
    const width = 64 * 2 ** level;
    const K = bottleneck ? 4 * width : width;
    for (let block = 0; block < count; block++) {
      const stride = level > 0 && block === 0 ? 2 : 1;
      if (C !== K || stride > 1) add(size, C, K, 1, stride);
      if (bottleneck) {
        add(size, C, width, 1, 1);
        size = add(size, width, width, 3, stride);
        add(size, width, K, 1, 1);
      } else {
        size = add(size, C, K, 3, stride);
        add(size, K, K, 3, 1);
      }
      C = K;
    }
  });
  return layers;
}

/** Every distinct convolution of ResNet-18 and ResNet-50 for square images. */
export function convolutions(pixels: number): ConvolutionShape[] {
  const all = NETWORKS.flatMap((network) => layersOf(network, { batch: BATCH, pixels }));
  return [...new Map(all.map((shape) => [nameOf(shape), shape])).values()];
}
