/** The thread of `weights_thread.ts`: one file. */
import { InvalidInput } from "@/lib/errors.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import { architectureOf } from "./architecture.ts";
import { writeOnnx } from "./onnx.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import { onlyResnet, readWeightsFile } from "./weights_file.ts";
import type { Converted, ConvertRequest, OnnxRequest, WeightsRequest } from "./weights_thread.ts";

async function convert({ path, prefix, classes }: ConvertRequest): Promise<Converted> {
  const weights = onlyResnet(await readWeightsFile(await Deno.readFile(path)), prefix);
  const architecture = architectureOf(weights);
  if (classes === 0) {
    weights.delete("fc.weight");
    weights.delete("fc.bias");
  } else if (classes !== architecture.outputs) {
    throw new InvalidInput(
      `Cannot name the classes: the classifier has ${architecture.outputs} outputs, ${classes} names came`,
    );
  }
  return { architecture, file: writeSafetensors(weights, { format: "pt" }) };
}

async function onnx({ path, spec }: OnnxRequest): Promise<Uint8Array<ArrayBuffer>> {
  return writeOnnx(spec, readSafetensors(await Deno.readFile(path)).tensors);
}

serveTasks<WeightsRequest, Converted | Uint8Array<ArrayBuffer>>(
  (request) => "convert" in request ? convert(request.convert) : onnx(request.onnx),
  (result) => ["file" in result ? result.file.buffer : result.buffer],
);
