/**
 * Files of weights as torchvision, timm, DINO, MoCo, SimSiam, SwAV, VICReg and Barlow Twins publish their ResNets: names
 * in the forms of their files, small shapes. What comes out is the same network.
 */
import assert from "node:assert/strict";
import type { Weights } from "@/lib/models/backbone_spec.ts";
import { fitClassifier } from "@/lib/models/classes.ts";
import { detect } from "@/lib/models/detect.ts";
import type { WeightTensor } from "@/lib/models/pth.ts";
import { noise } from "../support/operation.ts";
import { resnetWeights } from "../support/weights.ts";

const tensor = (...shape: number[]) => ({ shape, data: noise(shape, 7).data });
const options = { backbone: "resnet50", width: 4 } as const;
const bare = resnetWeights(options);

/** With the counters that PyTorch keeps beside every norm. */
function counted(weights: Weights): Weights {
  const counters = [...weights.keys()].filter((name) => name.endsWith("running_var"))
    .map((name) => [name.replace("running_var", "num_batches_tracked"), tensor()] as const);
  return new Map([...weights, ...counters]);
}

const under = (prefix: string, weights: Weights): [string, WeightTensor][] =>
  [...weights].map(([name, weight]) => [`${prefix}${name}`, weight]);

const files: [name: string, weights: Weights, prefix: string, classes: number][] = [
  ["torchvision: resnet50-11ad3fa6.pth", counted(resnetWeights({ ...options, classes: 9 })), "", 9],
  [
    "timm: model.safetensors of resnet50.a1_in1k",
    counted(resnetWeights({ ...options, classes: 9 })),
    "",
    9,
  ],
  ["DINO: dino_resnet50_pretrain.pth", counted(bare), "", 0],
  ["VICReg and Barlow Twins: resnet50.pth", counted(bare), "", 0],
  [
    "DINO: student and teacher with their heads",
    new Map([
      ...under("student.module.backbone.", counted(bare)),
      ["student.module.head.mlp.0.weight", tensor(8, 128)],
      ["student.module.head.last_layer.weight_g", tensor(8, 1)],
      ...under("teacher.backbone.", counted(resnetWeights({ ...options, seed: 2 }))),
      ["teacher.head.mlp.0.weight", tensor(8, 128)],
    ]),
    "student.module.backbone.",
    0,
  ],
  [
    "MoCo v2: state_dict",
    new Map([
      ...under("module.encoder_q.", counted(bare)),
      ["module.encoder_q.fc.0.weight", tensor(128, 128)],
      ["module.encoder_q.fc.2.weight", tensor(16, 128)],
      ...under("module.encoder_k.", counted(resnetWeights({ ...options, seed: 2 }))),
      ["module.queue", tensor(16, 32)],
      ["module.queue_ptr", tensor(1)],
    ]),
    "module.encoder_q.",
    0,
  ],
  [
    "SimSiam: state_dict",
    new Map([
      ...under("module.encoder.", counted(bare)),
      ["module.encoder.fc.0.weight", tensor(128, 128)],
      ["module.predictor.0.weight", tensor(16, 128)],
    ]),
    "module.encoder.",
    0,
  ],
  [
    "SwAV: state_dict",
    new Map([
      ...under("module.", counted(bare)),
      ["module.projection_head.0.weight", tensor(16, 128)],
      ["module.prototypes.weight", tensor(30, 16)],
    ]),
    "module.",
    0,
  ],
];

for (const [name, weights, prefix, classes] of files) {
  Deno.test(`taken: ${name}`, () => {
    const found = detect(weights);
    assert.equal(found.prefix, prefix);
    assert.deepEqual(found.architecture, {
      ...{ backbone: "resnet50", width: 4, channels: 3, outputs: classes },
    });
    const told = fitClassifier(found, []);
    assert.equal(
      told !== undefined,
      classes > 0,
      "a classifier without names is left out, and told",
    );
    assert.deepEqual([...found.network.keys()].sort(), [...bare.keys()].sort());
    for (const [tensor, { data }] of found.network) assert.deepEqual(data, bare.get(tensor)!.data);
  });
}

Deno.test("of two networks the other one is had by its prefix", () => {
  const [, weights] = files.find(([name]) => name.startsWith("DINO: student"))!;
  const { network } = detect(weights, "teacher.backbone.");
  const teacher = resnetWeights({ ...options, seed: 2 });
  assert.deepEqual(network.get("conv1.weight")!.data, teacher.get("conv1.weight")!.data);
});
