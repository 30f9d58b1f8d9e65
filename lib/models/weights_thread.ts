/** Files of weights are read and written in a thread of their own: hundreds of megabytes take seconds. */
import { runTask } from "@/lib/task_thread.ts";
import type { Architecture, OnnxSpec } from "./backbone_spec.ts";

/** A file from elsewhere, to be made a model's. */
export interface ConvertRequest {
  bytes: Uint8Array<ArrayBuffer>;
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

const options = { doing: "read these weights", most: 2, limitMs: 120_000 };
const thread = import.meta.resolve("./weights_worker.ts");

/** Throws InvalidInput for a file that is damaged or holds no network that can be run; Overloaded. */
export async function convertWeights(request: ConvertRequest): Promise<Converted> {
  const task: WeightsRequest = { convert: request };
  return await runTask<Converted>(thread, task, { ...options, transfer: [request.bytes.buffer] });
}

/** Throws Overloaded. */
export async function onnxOf(request: OnnxRequest): Promise<Uint8Array<ArrayBuffer>> {
  const task: WeightsRequest = { onnx: request };
  return await runTask<Uint8Array<ArrayBuffer>>(thread, task, options);
}
