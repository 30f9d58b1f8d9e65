/** The thread of `weights_thread.ts`: one file. */
import { InvalidInput } from "@/lib/errors.ts";
import { StoredFiles } from "@/lib/store/stored_files.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import { checkClasses, fitClassifier } from "./classes.ts";
import { detect } from "./detect.ts";
import {
  agreed,
  digestOfWeights,
  METADATA_KEY,
  type ModelMetadata,
  readMetadata,
} from "./model_metadata.ts";
import { readSafetensors, safetensorsHead, safetensorsParts } from "./safetensors.ts";
import { backboneSpec } from "./specs.ts";
import { readWeights } from "./weights_file.ts";
import type {
  Converted,
  ConvertRequest,
  Leaving,
  LeavingRequest,
  OnnxRequest,
  WeightsRequest,
} from "./weights_thread.ts";

/** Bytes that are written at once: each call has a copy of them. */
const WRITTEN = 2 ** 22;

/** Names told of what was left out. */
const MOST_TOLD = 100;

async function convert(
  { path, temporary, prefix, told: request }: ConvertRequest,
): Promise<Converted> {
  const { format, tensors, metadata: texts } = await readWeights(path);
  const metadata = readMetadata(texts);
  const told = agreed(metadata, request);
  const { classes = [] } = told;
  checkClasses(classes);
  const found = detect(tensors, prefix, metadata?.architecture);
  const { network, architecture, leftOut } = found;
  const classifier = fitClassifier(found, classes, told);
  if (metadata) compare(metadata, found, network);
  const source = {
    format,
    prefix: found.prefix,
    left_out: leftOut.slice(0, MOST_TOLD),
    left_out_count: leftOut.length,
    ...(classifier === undefined ? {} : { classifier }),
  };
  await write(temporary, safetensorsParts(network, { format: "pt" }));
  return { architecture, source, told, metadata };
}

async function write(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (const part of parts) {
    for (let at = 0; at < part.length;) at += await file.write(part.subarray(at, at + WRITTEN));
  }
}

/** @throws {InvalidInput} when a file's metadata are of other weights */
function compare(
  metadata: ModelMetadata,
  { architecture }: Pick<Converted, "architecture">,
  network: Parameters<typeof digestOfWeights>[0],
): void {
  const said = `${metadata.architecture} of width ${metadata.width}, ${metadata.channels} channels`;
  const { backbone, width, channels } = architecture;
  const is = `${backbone} of width ${width}, ${channels} channels`;
  if (said !== is) {
    throw new InvalidInput(`Cannot use this file: its metadata say ${said}, its weights are ${is}`);
  }
  const digest = digestOfWeights(network);
  if (digest === metadata.weights_sha256) return;
  throw new InvalidInput(
    `Cannot use this file: its weights have the digest ${digest}, its metadata say ${metadata.weights_sha256}; ` +
      `weights that were changed need metadata of their own, or none under "${METADATA_KEY}"`,
  );
}

/** The tensors of a stored model, and its metadata with their digest. Throws Damaged. */
async function read({ directory, sha256, what, metadata }: LeavingRequest) {
  const bytes = await new StoredFiles(directory).read(sha256, what);
  const { tensors } = readSafetensors(bytes, { views: true });
  return { bytes, tensors, metadata: { ...metadata, weights_sha256: digestOfWeights(tensors) } };
}

async function onnx(
  { spec, ...request }: OnnxRequest & LeavingRequest,
): Promise<Uint8Array<ArrayBuffer>> {
  const { family, title } = backboneSpec(spec.backbone);
  if (!family.exportOnnx) {
    throw new InvalidInput(
      `Cannot write this model as ONNX: ${title} has no export; its weights can be had as safetensors`,
    );
  }
  const { tensors, metadata } = await read(request);
  return family.exportOnnx(
    { ...spec, metadata: { [METADATA_KEY]: JSON.stringify(metadata) } },
    tensors,
  );
}

async function leaving(request: LeavingRequest): Promise<Leaving> {
  const { bytes, tensors, metadata } = await read(request);
  const texts = { format: "pt", [METADATA_KEY]: JSON.stringify(metadata) };
  const head = safetensorsHead(tensors, texts);
  let data = 0;
  for (const { data: { byteLength } } of tensors.values()) data += byteLength;
  return { weights_sha256: metadata.weights_sha256, head, from: bytes.length - data };
}

serveTasks<WeightsRequest, Converted | Leaving | Uint8Array<ArrayBuffer>>(
  (request) => {
    if ("convert" in request) return convert(request.convert);
    return "onnx" in request ? onnx(request.onnx) : leaving(request.leaving);
  },
  (result) => {
    if (result instanceof Uint8Array) return [result.buffer];
    return "head" in result ? [result.head.buffer] : [];
  },
);
