/**
 * What is known of a backbone without its device code, for requests, plans, tables and files of weights. The
 * network itself stands beside it: `x_spec.ts` here, `x.ts` on the GPU. Nothing elsewhere may guess what
 * stands here: names of its parameters, whether it has a map, which inputs it takes.
 */
import type { Described } from "@/lib/choice.ts";
import type { ImageSize, Size } from "@/lib/images/image_size.ts";
import type { WeightTensor } from "./pth.ts";

export interface BackboneSpec extends Described {
  /** The design that it is of: what its files of weights look like. */
  family: BackboneFamily;
  /** What a request may say as `width`, and the width of the published network, which is the default. */
  width: { published: number; least: number; most: number; multipleOf: number };
  /** Length of the feature vector: F. */
  features(width: number): number;
  /** 10^9 multiply-adds of one image. */
  multiplyAdds(width: number, size: Size): number;
  /** Weights without the classifier. */
  parameters(width: number): number;
  /** Hidden width of heads that suits it, where a method leaves that open. */
  hidden: number;
  /** Of a predictor over embeddings, where that is another. */
  predictorHidden?: number;
  /** Name of the classifier, a linear layer over the features: the part before `.weight`. */
  head: string;
  /** Whether a parameter is one of a norm's. */
  isNorm(name: string): boolean;
  /** Whether weight decay reaches a parameter of so many dimensions; absent: all of them, as PyTorch has it. */
  decays?(name: string, dimensions: number): boolean;
  /**
   * Whether a map [h, w, F] comes out: `mean` where the features are its mean over its cells, `tokens` where they
   * are a token beside it, which attends to them by `heads`. Without one, maps over an image are refused.
   */
  map?: "mean" | "tokens";
  /** Heads of the last block's attention, with a map of `tokens`. */
  heads?: number;
  /** The only precision that makes a difference to it; absent: `f16` halves its maps. */
  precision?: "f32";
  /** What is wrong with an input of this size, in words; absent where any will do. */
  sizes?(size: Size): string | undefined;
}

export interface BackboneFamily {
  title: string;
  /** By which tensor a file of its weights is known, for refusals: `conv1.weight [width, channels, 7, 7]`. */
  signature: string;
  /**
   * The network in a file from elsewhere, without what is around it; undefined where there is none of this family.
   * @param prefix what stands in front of the wanted network's names; needed where there are several
   * @param named the backbone as the file itself calls it, where it does
   * @throws {InvalidInput} when there are several and none is named, or one that cannot be run
   */
  detect?(weights: Weights, prefix?: string, named?: string): Detected | undefined;
  /** Pixels of the input to a side of a cell of the last map; absent without one. A rest is a cell of its own. */
  stride?: number;
  /**
   * What timm calls the first convolution, the network and its pooling; absent where timm has no network whose
   * parameters have these names.
   */
  timm?: { first_conv: string; name(backbone: string): string; pool: string };
  /** The network behind the weights as an ONNX model; absent where that cannot be written. */
  exportOnnx?(spec: OnnxSpec, weights: Weights): Uint8Array<ArrayBuffer>;
}

/** Tensors by name, in PyTorch's layout. */
export type Weights = Map<string, WeightTensor>;

export interface Detected {
  /** Under the names of the family's own parameters: all of them, and no other. */
  network: Weights;
  architecture: Architecture;
  /** What stood in front of the network's names. */
  prefix: string;
  /** Names in the file that are no part of the network: heads, queues; of another network its prefix and a star. */
  leftOut: string[];
  /** Those of them that stand beside the network as heads do: a classifier's answers might go through them. */
  heads: string[];
}

export interface Architecture {
  /** Name of a backbone. */
  backbone: string;
  width: number;
  channels: 1 | 3;
  /** Outputs of the classifier; 0 without one. */
  outputs: number;
}

/** What is exported: the network behind the weights, as in a model's `spec`. */
export interface OnnxSpec {
  backbone: string;
  channels: number;
  /** Input in pixels. */
  image_size: ImageSize;
  /** None: there is no classifier. */
  classes: string[];
  /** Where each class has a sigmoid of its own. */
  multi_label?: true;
  /** Per channel, of pixels in 0 to 1. */
  normalization: { mean: number[]; std: number[] };
  /** Texts that travel with the model, by key. */
  metadata?: Record<string, string>;
}
