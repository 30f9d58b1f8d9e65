/** Files of weights that hold more or other than a ResNet needs: refused by name, never answered as a plain one. */
import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import type { Weights } from "@/lib/models/backbone_spec.ts";
import { checkClasses, fitClassifier } from "@/lib/models/classes.ts";
import { detect } from "@/lib/models/detect.ts";
import { noise } from "../support/operation.ts";
import { resnetWeights, type WeightOptions } from "../support/weights.ts";

const tensor = (...shape: number[]) => ({ shape, data: noise(shape, 5).data });

function changed(options: WeightOptions, change: (weights: Weights) => void): Weights {
  const weights: Weights = resnetWeights(options);
  change(weights);
  return weights;
}

const fifty = { backbone: "resnet50" } as const;

/** What torchvision, timm and others call these layers. */
const others: [name: string, weights: Weights, told: RegExp][] = [
  [
    "wide_resnet50_2",
    changed(fifty, (w) => w.set("layer1.0.conv1.weight", tensor(8, 4, 1, 1))),
    /"layer1\.0\.conv1\.weight" of shape \[4, 4, 1, 1\] expected, got \[8, 4, 1, 1\]/,
  ],
  [
    "resnext50",
    changed(fifty, (w) => w.set("layer2.1.conv2.weight", tensor(8, 2, 3, 3))),
    /"layer2\.1\.conv2\.weight" of shape \[8, 8, 3, 3\] expected, got \[8, 2, 3, 3\]/,
  ],
  [
    "SE",
    changed({}, (w) => w.set("layer1.0.se.fc1.weight", tensor(2, 4, 1, 1))),
    /"layer1\.0\.se\.fc1\.weight" is no part of it/,
  ],
  [
    "ResNet-34",
    changed({}, (w) => {
      for (let block = 2; block < 6; block++) {
        w.set(`layer3.${block}.conv1.weight`, tensor(16, 16, 3, 3));
      }
    }),
    /a third stage of 6 blocks of two convolutions is none of/,
  ],
  [
    "ResNet-D's stem",
    changed({}, (w) => {
      w.delete("conv1.weight");
      w.set("conv1.0.weight", tensor(2, 3, 3, 3));
    }),
    /they begin with "conv1\.0\.weight" of shape \[2, 3, 3, 3\]/,
  ],
  [
    "CIFAR's stem",
    changed({}, (w) => w.set("conv1.weight", tensor(4, 3, 3, 3))),
    /they begin with "conv1\.weight" of shape \[4, 3, 3, 3\]/,
  ],
  [
    "a further stage",
    changed({}, (w) => w.set("layer5.0.conv1.weight", tensor(64, 32, 3, 3))),
    /"layer5\.0\.conv1\.weight" is no part of it/,
  ],
  [
    "attention before the classifier",
    changed({ classes: 2 }, (w) => w.set("attention.weight", tensor(32, 32))),
    /"attention\.weight" is no part of it/,
  ],
  [
    "a further block",
    changed({}, (w) => w.set("layer1.2.conv1.weight", tensor(4, 4, 3, 3))),
    /"layer1\.2\.conv1\.weight" is no part of it/,
  ],
  [
    "convolutions with biases",
    changed({}, (w) => w.set("conv1.bias", tensor(4))),
    /"conv1\.bias" is no part of it/,
  ],
  [
    "a shortcut where there is none",
    changed({}, (w) => w.set("layer1.0.downsample.0.weight", tensor(4, 4, 1, 1))),
    /"layer1\.0\.downsample\.0\.weight" is no part of it/,
  ],
  [
    "norms without running statistics",
    changed({}, (w) => {
      for (const name of [...w.keys()]) if (/running_/.test(name)) w.delete(name);
    }),
    /"bn1\.running_mean" of shape \[4\] expected, it is missing \(and \d+ more like this\)/,
  ],
  [
    "a classifier of other features",
    changed({}, (w) => {
      w.set("fc.weight", tensor(3, 30));
      w.set("fc.bias", tensor(3));
    }),
    /"fc\.weight" of shape \[3, 32\] expected, got \[3, 30\]/,
  ],
  [
    "a negative variance",
    changed({}, (w) => w.get("layer2.0.bn1.running_var")!.data[3] = -0.25),
    /element 3 of "layer2\.0\.bn1\.running_var" is -0\.25/,
  ],
  [
    "quantised weights",
    changed({}, (w) => w.set("conv1.weight", { ...tensor(4, 3, 7, 7), integer: true })),
    /"conv1\.weight" holds whole numbers/,
  ],
];

for (const [name, weights, told] of others) {
  Deno.test(`refused by name: ${name}`, () => {
    assert.throws(() => detect(weights), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.message, told);
      return true;
    });
    const wrapped = new Map([...weights].map(([key, value]) => [`module.backbone.${key}`, value]));
    assert.throws(() => detect(wrapped), InvalidInput);
  });
}

Deno.test("each kind of difference is told, with names of each", () => {
  const weights = changed({}, (w) => {
    w.set("conv1.bias", tensor(4));
    w.delete("bn1.bias");
    w.set("bn1.weight", tensor(5));
  });
  assert.throws(() => detect(weights), (error) => {
    assert.ok(error instanceof InvalidInput);
    assert.match(error.message, /bn1\.weight.*; .*bn1\.bias.*missing; .*conv1\.bias/);
    assert.equal(error.problems.length, 3);
    return true;
  });
});

Deno.test("what was left out of a checkpoint is told", () => {
  const file: Weights = new Map([
    ...[...resnetWeights()].map(([name, weight]) => [`encoder_q.${name}`, weight] as const),
    ...[...resnetWeights({ seed: 2 })].map(([name, weight]) =>
      [`encoder_k.${name}`, weight] as const
    ),
    ["encoder_q.fc.0.weight", tensor(32, 32)],
    ["queue", tensor(8, 16)],
    ["encoder_q.bn1.num_batches_tracked", tensor(1)],
  ]);
  const { prefix, leftOut, heads } = detect(file);
  assert.equal(prefix, "encoder_q.");
  assert.deepEqual(heads, ["encoder_q.fc.0.weight"]);
  assert.deepEqual(leftOut, ["encoder_q.fc.0.weight", "queue", "encoder_k.*"]);
});

Deno.test("classes: unique names of any text, for the outputs that are there", () => {
  checkClasses(["a,b", "ü", "__proto__", "10", "2", '"']);
  assert.throws(() => checkClasses(["a", "b", "a"]), /two classes "a"/);
  assert.throws(() => checkClasses(["a", ""]), /empty/);
  const fit = (outputs: number, classes: string[], more?: [string, ReturnType<typeof tensor>]) => {
    const weights: Weights = resnetWeights({ classes: outputs });
    if (more) weights.set(...more);
    const found = detect(weights);
    return { done: fitClassifier(found, classes), network: found.network };
  };
  assert.equal(fit(3, ["a", "b", "c"]).done, undefined);
  assert.match(fit(3, []).done!, /"fc" of 3 outputs was left out/);
  assert.throws(() => fit(3, ["a", "b"]), /has 3 outputs, 2 names came/);
  assert.throws(() => fit(0, ["a", "b"]), /no linear classifier "fc", 2 names came/);
  assert.throws(() => fit(1, ["a"]), /a sigmoid's logit, for which two names are needed/);
  assert.throws(() => fit(1, ["a", "b", "c"]), /two names are needed/);
  assert.throws(
    () => fit(2, ["a", "b"], ["projector.0.weight", tensor(32, 32)]),
    /besides a linear classifier "fc" the file holds "projector\.0\.weight"/,
  );
});

Deno.test("one logit of two classes: the softmax of two is its sigmoid", () => {
  const found = detect(resnetWeights({ classes: 1 }));
  const { data: row } = found.network.get("fc.weight")!;
  const { data: [bias] } = found.network.get("fc.bias")!;
  assert.match(fitClassifier(found, ["no", "yes"])!, /sigmoid's logit of "yes"; that of "no" is 0/);
  const weight = found.network.get("fc.weight")!, biases = found.network.get("fc.bias")!;
  assert.deepEqual([weight.shape, biases.shape], [[2, 32], [2]]);
  const features = tensor(32).data;
  const z = row.reduce((sum, value, i) => sum + value * features[i], bias);
  const logits = [0, 1].map((c) =>
    features.reduce((sum, value, i) => sum + value * weight.data[c * 32 + i], biases.data[c])
  );
  const yes = Math.exp(logits[1]) / (Math.exp(logits[0]) + Math.exp(logits[1]));
  assert.ok(Math.abs(yes - 1 / (1 + Math.exp(-z))) < 1e-12);
});
