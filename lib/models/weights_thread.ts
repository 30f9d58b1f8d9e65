/** Files of weights are read and written in a thread of their own: hundreds of megabytes take seconds. */
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import type { Architecture, OnnxSpec } from "./backbone_spec.ts";
import type { LeavingMetadata, ModelMetadata, Told } from "./model_metadata.ts";

/** A file from elsewhere, to be made a model's. */
export interface ConvertRequest {
  path: string;
  /** Where the model's file is to be written: safetensors under torchvision's names. */
  temporary: string;
  prefix?: string;
  /** What the request says of it, where it does. */
  told: Told;
}

/** How a file became a model. */
export interface Source {
  format: "safetensors" | "pth";
  /** What stood in front of the network's names in the file. */
  prefix: string;
  /** Tensors of the file that are no part of the network, of another one its prefix and a star; at most 100. */
  left_out: string[];
  left_out_count: number;
  /** What was done to the classifier, in words. */
  classifier?: string;
}

export interface Converted {
  architecture: Architecture;
  source: Source;
  /** What the file and the request say together. */
  told: Told;
  /** Of the file, where this server has written it. */
  metadata?: ModelMetadata;
}

/** A stored model's file. */
interface StoredWeights {
  /** Where stored files lie. */
  directory: string;
  sha256: string;
  /** For people. */
  what: string;
}

/** A stored model's file, to be written as ONNX. */
export interface OnnxRequest extends StoredWeights {
  spec: OnnxSpec;
}

/** A stored model's file as it leaves the server. */
export interface LeavingRequest extends StoredWeights {
  /** Its metadata without the digest of the weights, which is put in. */
  metadata: LeavingMetadata;
}

export interface Leaving {
  weights_sha256: string;
  /** Length and header, the data of the stored file follow. */
  head: Uint8Array<ArrayBuffer>;
  /** Where the data begin in the stored file. */
  from: number;
}

export type WeightsRequest =
  | { convert: ConvertRequest }
  | { onnx: OnnxRequest & LeavingRequest }
  | { leaving: LeavingRequest };

const pool = new ThreadPool(import.meta.resolve("./weights_worker.ts"), limits.weights);

/** The file, its tensors (of halves twice as large), and the file that is written. */
const COPIES = 5;

async function run<Result>(size: number, task: WeightsRequest): Promise<Result> {
  return await pool.run<Result>(task, { memory: COPIES * size, size: size / 1e6 });
}

/** Throws InvalidInput for a file that is damaged or holds no network that can be run; Overloaded. */
export async function convertWeights(request: ConvertRequest): Promise<Converted> {
  const { size } = await Deno.stat(request.path);
  return await run<Converted>(size, { convert: request });
}

/** What of the store is needed here. */
export interface WeightsStore {
  directory: string;
  path(sha256: string): string;
  verify(sha256: string, what?: string): Promise<void>;
}

/** A model's file, for a thread. Throws Damaged. */
async function stored(files: WeightsStore, { id, file: sha256 }: { id: string; file: string }) {
  const what = `model "${id}"`;
  await files.verify(sha256, what);
  const { size } = await Deno.stat(files.path(sha256));
  return { size, weights: { directory: files.directory, sha256, what } };
}

interface Model {
  id: string;
  file: string;
  spec: ModelSpec;
}

/** The network as an ONNX model with its metadata. Throws Damaged, Overloaded, InvalidInput where there is no export. */
export async function onnxOf(
  files: WeightsStore,
  model: Model,
  metadata: LeavingMetadata,
): Promise<Uint8Array<ArrayBuffer>> {
  const { size, weights } = await stored(files, model);
  return await run(size, { onnx: { ...weights, spec: model.spec, metadata } });
}

/** The head of a model's file as it leaves the server. Throws Damaged, Overloaded. */
export async function leavingWeights(
  files: WeightsStore,
  model: Model,
  metadata: LeavingMetadata,
): Promise<Leaving> {
  const { size, weights } = await stored(files, model);
  return await run(size, { leaving: { ...weights, metadata } });
}
