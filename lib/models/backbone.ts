/** What a backbone is on the GPU; all else that is known of it stands in its `BackboneSpec`. */
import type { Attended } from "@/gpu/ops/attention.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";

export interface BackboneOptions {
  /** As its spec allows; default: the published network's. */
  width?: number;
  /** Channels of the input that count, default 3; the input itself always has 4, the rest zeros. */
  channels?: 1 | 3;
  /** Put in front of every name: "backbone.". */
  prefix?: string;
  /** Parts of the batch with batch statistics of their own, where it has batch norms. */
  groups?: number;
  /** Statistics of the batch or running ones, where it has batch norms; default: the tape's mode. */
  training?: boolean;
  /** Whether the gradient of the tokens that enter the last block can be asked for; of a network of tokens. */
  watch?: boolean;
}

/** Of a network whose features are a class token: where that looks. */
export interface TokenAttention {
  /** Of every block, in the order of the network. */
  blocks: Attended[];
  /** The normalised tokens before the last block's attention, `[N, 1 + h w, F]`; the first is the class's. */
  entering: Tensor;
  /** Cells of the map: h, w. */
  grid: [number, number];
}

/**
 * Appends the network: `[N, H, W, 4] -> features [N, F]`, a map [N, h, w, F] where its spec promises one, and what
 * its attention is made from where its spec has heads.
 */
export type Backbone = (
  tape: Tape,
  x: Tensor,
  options: BackboneOptions,
) => { map?: Tensor; features: Tensor; attention?: TokenAttention };
