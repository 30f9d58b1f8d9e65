/** The thread of `weights_thread.ts`: one file. */
import { InvalidInput } from "@/lib/errors.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import { detect } from "./detect.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import { backboneSpec } from "./specs.ts";
import { readWeightsFile } from "./weights_file.ts";
import type { Converted, ConvertRequest, OnnxRequest, WeightsRequest } from "./weights_thread.ts";

async function convert({ path, prefix, classes }: ConvertRequest): Promise<Converted> {
  const file = await readWeightsFile(await Deno.readFile(path));
  const { network, architecture } = detect(file, prefix);
  if (classes === 0) {
    const { head } = backboneSpec(architecture.backbone);
    network.delete(`${head}.weight`);
    network.delete(`${head}.bias`);
  } else if (classes !== architecture.outputs) {
    throw new InvalidInput(
      `Cannot name the classes: the classifier has ${architecture.outputs} outputs, ${classes} names came`,
    );
  }
  return { architecture, file: writeSafetensors(network, { format: "pt" }) };
}

async function onnx({ path, spec }: OnnxRequest): Promise<Uint8Array<ArrayBuffer>> {
  const { family, title } = backboneSpec(spec.backbone);
  if (!family.exportOnnx) {
    throw new InvalidInput(
      `Cannot write this model as ONNX: ${title} has no export; its weights can be had as safetensors`,
    );
  }
  return family.exportOnnx(spec, readSafetensors(await Deno.readFile(path)).tensors);
}

serveTasks<WeightsRequest, Converted | Uint8Array<ArrayBuffer>>(
  (request) => "convert" in request ? convert(request.convert) : onnx(request.onnx),
  (result) => ["file" in result ? result.file.buffer : result.buffer],
);
