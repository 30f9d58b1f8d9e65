/** Files of weights are read and written in a thread of their own: hundreds of megabytes take seconds. */
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { Architecture, OnnxSpec } from "./backbone_spec.ts";

/** A file from elsewhere, to be made a model's. */
export interface ConvertRequest {
  path: string;
  prefix?: string;
  /** Outputs that the classifier must have; 0 leaves it out. */
  classes: number;
}

export interface Converted {
  architecture: Architecture;
  /** safetensors under torchvision's names. */
  file: Uint8Array<ArrayBuffer>;
}

/** A model's file, to be written as ONNX. */
export interface OnnxRequest {
  path: string;
  spec: OnnxSpec;
}

export type WeightsRequest = { convert: ConvertRequest } | { onnx: OnnxRequest };

const pool = new ThreadPool(import.meta.resolve("./weights_worker.ts"), limits.weights);

/** The file, its tensors (of halves twice as large), and the file that is written. */
const COPIES = 5;

async function run<Result>(path: string, task: WeightsRequest): Promise<Result> {
  const { size } = await Deno.stat(path);
  return await pool.run<Result>(task, { memory: COPIES * size, size: size / 1e6 });
}

/** Throws InvalidInput for a file that is damaged or holds no network that can be run; Overloaded. */
export async function convertWeights(request: ConvertRequest): Promise<Converted> {
  return await run<Converted>(request.path, { convert: request });
}

/** Throws Overloaded. */
export async function onnxOf(request: OnnxRequest): Promise<Uint8Array<ArrayBuffer>> {
  return await run<Uint8Array<ArrayBuffer>>(request.path, { onnx: request });
}
