import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { classify } from "@/lib/inference/evaluator.ts";
import { initialize } from "@/lib/models/initial.ts";
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import { saveWeights } from "@/lib/models/weights.ts";
import { images } from "../support/formula.ts";
import { withDirectory } from "../support/temporary.ts";

const PYTHON = ["/usr/bin/python3", "python3"].find((path) => {
  try {
    const args = ["-c", "import torch, torchvision"];
    return new Deno.Command(path, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
});

/** Reads the file by its format alone, loads it strictly, prints the logits. */
const SCRIPT = `
import json, struct, sys, torch, torchvision
data = open(sys.argv[1], "rb").read()
end = 8 + struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:end])
header.pop("__metadata__", None)
weights = {}
for name, entry in header.items():
    begin, stop = entry["data_offsets"]
    values = torch.frombuffer(bytearray(data[end + begin:end + stop]), dtype=torch.float32)
    weights[name] = values.reshape(entry["shape"])
model = torchvision.models.resnet18(num_classes=3)
model.load_state_dict(weights, strict=True)
x = torch.frombuffer(bytearray(open(sys.argv[2], "rb").read()), dtype=torch.float32)
x = x.reshape(2, 32, 32, 4)[..., :3].permute(0, 3, 1, 2)
with torch.no_grad():
    print(json.dumps(model.eval()(x).tolist()))
`;

Deno.test({
  name: "PyTorch loads the weights strictly and computes the same logits" +
    (PYTHON ? "" : " (skipped: PyTorch and torchvision are not installed)"),
  ignore: !PYTHON,
  fn: () =>
    withDirectory(async (directory) => {
      const gpu = await openGpu();
      const store = new ParameterStore(gpu);
      const tape = new Tape(store, { training: false });
      const spec = {
        backbone: "resnet18",
        width: 64,
        channels: 3 as const,
        classes: ["a", "b", "c"],
      };
      const logits = classify(tape, tape.input("x", [2, 32, 32, 4]), spec);
      const program = compile(tape, { outputs: [logits] });
      initialize(store, 3);
      const x = images(2, 32);
      program.write("x", x);
      program.run();
      const [ours] = await program.read(logits);
      const weights = await saveWeights(store);
      Deno.writeFileSync(`${directory}/weights`, writeSafetensors(weights, { format: "pt" }));
      Deno.writeFileSync(`${directory}/images`, new Uint8Array(x.buffer));
      const { success, stdout, stderr } = new Deno.Command(PYTHON!, {
        args: ["-c", SCRIPT, `${directory}/weights`, `${directory}/images`],
      }).outputSync();
      assert.ok(success, new TextDecoder().decode(stderr));
      const theirs = (JSON.parse(new TextDecoder().decode(stdout)) as number[][]).flat();
      const largest = Math.max(...theirs.map(Math.abs));
      theirs.forEach((value, i) =>
        assert.ok(Math.abs(value - ours[i]) < 1e-4 * largest, `${ours[i]}, ${value} expected`)
      );
      program.destroy();
      store.destroy();
      gpu.device.destroy();
    }),
});
