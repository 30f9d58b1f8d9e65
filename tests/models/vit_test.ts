/** Vision transformers against PyTorch's: logits, loss, gradients; positions of other grids; files' names. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { images } from "@/gpu/images.ts";
import { classAttention } from "@/gpu/ops/class_attention.ts";
import { crossEntropy } from "@/gpu/ops/cross_entropy.ts";
import { softmaxLoss } from "@/gpu/ops/softmax_loss.ts";
import { weightedSum } from "@/gpu/ops/weighted_sum.ts";
import { type Entry, ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { torchShape } from "@/gpu/weight_layout.ts";
import { ActivationReader, layersOf } from "@/lib/inference/activations.ts";
import { attentionMap, tokenSaliencyMap } from "@/lib/inference/feature_map.ts";
import { detect } from "@/lib/models/detect.ts";
import { classifier } from "@/lib/models/heads.ts";
import { initialize } from "@/lib/models/initial.ts";
import { resampledPositions } from "@/lib/models/position_grid.ts";
import { backboneSpecs } from "@/lib/models/specs.ts";
import { vit } from "@/lib/models/vit.ts";
import { writeVitOnnx } from "@/lib/models/vit_onnx.ts";
import { loadWeights, saveWeights } from "@/lib/models/weights.ts";
import { meanEntropy } from "@/lib/training/gaze_target.ts";
import reference from "../fixtures/transformer.json" with { type: "json" };
import { describedImages, unit } from "../support/formula.ts";
import { vitWeights as formula } from "../support/vit_weights.ts";
import { difference, noise } from "../support/operation.ts";
import { hasOnnxRuntime, runOnnx } from "../support/onnx_runtime.ts";

const gpu = await openGpu();
const { images: N, size: S, width, classes } = reference.network;
const name = "vit_tiny_patch16" as const;

const length = (data: Float32Array) => Math.sqrt(data.reduce((sum, v) => sum + v * v, 0));

Deno.test("vit: PyTorch's logits, loss, tokens and every gradient", async () => {
  const expected = reference.network;
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const x = tape.input("x", [N, S, S, 4]);
  const { features } = vit(tape, x, { name, width });
  const logits = classifier(tape, features, classes, { name: "head" });
  const loss = crossEntropy(tape, logits, tape.input("labels", [N], "u32"));
  tape.backward(loss);
  const program = compile(tape, { outputs: [logits, loss] });
  const evaluation = new Tape(store, { training: false });
  const { map } = vit(evaluation, evaluation.input("x", [N, S, S, 4]), { name, width });
  const mapped = compile(evaluation, { outputs: [map!] });
  initialize(store, 0);
  loadWeights(store, formula());
  const pictures = describedImages(expected.input);
  program.write("x", pictures);
  program.write("labels", Uint32Array.from({ length: N }, (_, n) => n % classes));
  program.run();
  const [scores, value] = await program.read(logits, loss);
  assert.ok(difference(scores, expected.logits) < 1e-5, "logits");
  assert.ok(Math.abs(value[0] / expected.loss - 1) < 1e-5, "loss");
  const gradients = await store.read(() => true, "gradients");
  for (const [name, wanted] of Object.entries(expected.lengths)) {
    const gap = Math.abs(length(gradients.get(name)!.data) / wanted - 1);
    assert.ok(gap < 1e-4, `d ${name} is off by ${gap}`);
  }
  assert.equal(gradients.size, Object.keys(expected.lengths).length, "every gradient is compared");
  for (const [name, wanted] of Object.entries(expected.gradients)) {
    assert.ok(difference(gradients.get(name)!.data, wanted) < 1e-4, `d ${name}`);
  }
  mapped.write("x", pictures);
  mapped.run();
  const [cells] = await mapped.read(map!);
  const first = cells.filter((_, i) => i % width < 4);
  assert.ok(difference(first, expected.tokens) < 1e-5, "patch tokens");
  program.destroy();
  mapped.destroy();
  store.destroy();
});

Deno.test("vit: PyTorch's gradients where the class token is taught where to look", async () => {
  const expected = reference.supervised;
  const cells = (S / 16) ** 2;
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const { features, attention } = vit(tape, tape.input("x", [N, S, S, 4]), { name, width });
  const logits = classifier(tape, features, classes, { name: "head" });
  const entropy = crossEntropy(tape, logits, tape.input("labels", [N], "u32"));
  const { mean } = classAttention(tape, attention.blocks.at(-1)!);
  const told = softmaxLoss(tape, mean, tape.input("gaze", [N, cells]));
  const loss = weightedSum(tape, [{ x: entropy, weight: 1 }, { x: told, weight: expected.weight }]);
  tape.backward(loss);
  const program = compile(tape, { outputs: [loss, told] });
  initialize(store, 0);
  loadWeights(store, formula());
  program.write("x", describedImages(reference.network.input));
  program.write("labels", Uint32Array.from({ length: N }, (_, n) => n % classes));
  const targets = Float32Array.from(expected.targets);
  program.write("gaze", targets);
  program.run();
  const [[whole], [cross]] = await program.read(loss, told);
  const spread = meanEntropy(targets, cells);
  assert.ok(Math.abs((cross - spread) / expected.divergence - 1) < 1e-5, "divergence");
  assert.ok(Math.abs((whole - expected.weight * spread) / expected.loss - 1) < 1e-5, "loss");
  const gradients = await store.read(() => true, "gradients");
  for (const [name, wanted] of Object.entries(expected.lengths)) {
    const gap = Math.abs(length(gradients.get(name)!.data) / wanted - 1);
    assert.ok(gap < 1e-4, `d ${name} is off by ${gap}`);
  }
  for (const [name, wanted] of Object.entries(expected.gradients)) {
    assert.ok(difference(gradients.get(name)!.data, wanted) < 1e-4, `d ${name}`);
  }
  program.destroy();
  store.destroy();
});

Deno.test("vit: PyTorch's attention of every head, rollout, and Grad-CAM over tokens", async () => {
  const { class_attention, rollout, grad_cam } = reference.maps;
  const [heads, T] = [reference.network.heads, 1 + (S / 16) ** 2];
  const store = new ParameterStore(gpu, { trainable: () => false });
  const half = [0.5, 0.5, 0.5];
  const spec = {
    ...{ backbone: name, width, channels: 3 as const, image_size: S },
    ...{ classes: ["a", "b", "c"], normalization: { mean: half, std: half } },
  };
  // Pictures come in as the network's own numbers: -1 to 1, of 16 bits.
  const pixels = describedImages(reference.network.input);
  const data = new Uint16Array(N * S * S * 3);
  for (let i = 0; i < N * S * S; i++) {
    for (let c = 0; c < 3; c++) data[i * 3 + c] = Math.round((pixels[i * 4 + c] + 1) / 2 * 65535);
  }
  const source = images(gpu, { data, count: N, height: S, width: S, channels: 3 }, { batch: 1 });
  const looking = new ActivationReader(gpu, store, spec, source, {
    batch: 1,
    taps: ["attention", "rollout", "logits"],
  });
  const explaining = new ActivationReader(gpu, store, spec, source, {
    batch: 1,
    taps: ["entering", "gradient", "logits"],
  });
  initialize(store, 0);
  loadWeights(store, formula());
  assert.deepEqual(looking.grid, [3, 3]);
  for (let n = 0; n < N; n++) {
    const [seen] = await looking.read([n], ["attention", "rollout"]);
    const rows = class_attention.slice(n * heads * T, (n + 1) * heads * T);
    for (let head = 0; head < heads; head++) {
      const own = attentionMap(seen.attention!, { heads, head });
      // Pictures of 16 bits are up to 8e-6 off.
      assert.ok(difference(own, rows.slice(head * T + 1, (head + 1) * T)) < 2e-5);
    }
    const mean = Array.from(
      { length: T - 1 },
      (_, l) => [0, 1, 2].reduce((sum, h) => sum + rows[h * T + 1 + l], 0) / 3,
    );
    assert.ok(difference(attentionMap(seen.attention!, { heads }), mean) < 2e-5);
    assert.ok(difference(seen.rollout!, rollout.slice(n * T, (n + 1) * T)) < 2e-5);
    for (let k = 0; k < classes; k++) {
      explaining.choose(k);
      const [{ entering, gradient }] = await explaining.read([n], ["entering", "gradient"]);
      const cam = tokenSaliencyMap(entering!, gradient!, width);
      assert.ok(difference(cam, grad_cam[k].slice(n * (T - 1), (n + 1) * (T - 1))) < 5e-4);
    }
  }
  looking.destroy();
  explaining.destroy();
  source.destroy();
  store.destroy();
});

Deno.test("vit: positions of another grid are timm's, and the same grid's stay to the bit", () => {
  const { from: [side], to: [rows, columns], width: C, shift, values } = reference.positions;
  const count = side * side;
  const data = new Float32Array((1 + count) * C);
  data.fill(7, 0, C);
  for (let i = 0; i < count * C; i++) data[C + i] = unit(i + shift);
  const given = { shape: [1, 1 + count, C], data };
  const made = resampledPositions(given, [rows, columns]);
  assert.deepEqual(made.shape, [1, 1 + rows * columns, C]);
  assert.deepEqual([...made.data.subarray(0, C)], new Array(C).fill(7));
  assert.ok(difference(made.data.subarray(C), values) < 1e-6);
  assert.deepEqual(resampledPositions(given, [side, side]).data, data);
  const odd = { shape: [1, 8, 2], data: new Float32Array(16) };
  assert.throws(
    () => resampledPositions(odd, [2, 2]),
    /8 tokens for 2 x 2 patches: .* 7 is no square/,
  );
});

Deno.test("vit: weights of one size start a network of another", async () => {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store, { training: false });
  const { features } = vit(tape, tape.input("x", [1, 32, 80, 4]), { name, width, channels: 1 });
  const program = compile(tape, { outputs: [features] });
  const weights = formula();
  const { unused } = loadWeights(store, weights);
  assert.deepEqual(unused, ["head.weight", "head.bias"]);
  const kept = await saveWeights(store);
  assert.deepEqual(kept.get("pos_embed")!.shape, [1, 11, width]);
  assert.deepEqual(kept.get("patch_embed.proj.weight")!.shape, [width, 1, 16, 16]);
  program.destroy();
  store.destroy();
});

Deno.test("vit: files of timm's, DINO's and MoCo v3's names are told, with what stands beside", () => {
  const own = formula();
  const under = (prefix: string, from = own) =>
    new Map([...from].map(([name, weight]) => [prefix + name, weight]));
  const headless = new Map([...own].filter(([name]) => !name.startsWith("head.")));
  const vector = { shape: [4], data: new Float32Array(4) };
  const told = detect(own, undefined, name);
  assert.deepEqual(told.architecture, { backbone: name, width, channels: 3, outputs: classes });
  assert.equal(told.network.size, own.size);

  const dino = new Map([
    ...under("teacher.backbone.", headless),
    ...under("student.module.backbone.", headless),
    ["student.module.head.mlp.0.weight", vector],
  ]);
  const student = detect(dino, undefined, name);
  assert.equal(student.prefix, "student.module.backbone.");
  assert.equal(student.architecture.outputs, 0);
  assert.equal(detect(dino, "teacher.backbone.", name).prefix, "teacher.backbone.");

  const mlp = new Map([...headless, ["head.0.weight", vector], ["head.1.bias", vector]]);
  const moco = new Map([
    ...under("module.base_encoder.", mlp),
    ...under("module.momentum_encoder.", headless),
    ["module.predictor.0.weight", vector],
  ]);
  const found = detect(moco, undefined, name);
  assert.equal(found.prefix, "module.base_encoder.");
  assert.deepEqual(found.heads, [
    "module.base_encoder.head.0.weight",
    "module.base_encoder.head.1.bias",
  ]);
  assert.equal(found.network.size, headless.size);

  assert.throws(
    () => detect(own),
    /a width of 48 is none of .*vit_small_patch16 \(384\).*heads is not known/,
  );
  const torn = new Map(own);
  torn.delete("blocks.3.mlp.fc1.bias");
  assert.throws(() => detect(torn, undefined, name), /"blocks\.3\.mlp\.fc1\.bias" .* is missing/);
  // What changes its answers is no part of these networks, so such a file is another one.
  for (const extra of ["reg_token", "dist_token", "fc_norm.weight", "blocks.0.ls1.gamma"]) {
    const other = new Map([...own, [extra, vector]]);
    assert.throws(() => detect(other, undefined, name), new RegExp(`"${extra}" is no part of it`));
  }
  const masked = new Map([...headless, ["mask_token", vector], ["decoder_embed.weight", vector]]);
  assert.deepEqual(detect(masked, undefined, name).leftOut, ["mask_token", "decoder_embed.weight"]);
});

Deno.test("vit: what has no norm and more than one dimension decays, but for token and positions", () => {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  vit(tape, tape.input("x", [1, 16, 16, 4]), { name, width: 12, prefix: "backbone." });
  const { decays, isNorm } = backboneSpecs[name];
  const still = (entry: Entry) => !decays!(entry.name, entry.shape.length);
  const entries = [...store.entries.values()];
  assert.deepEqual(
    entries.filter(still).map(({ name }) => name).filter((name) =>
      !/(bias|norm\d?\.weight)$/.test(name)
    ),
    ["backbone.cls_token", "backbone.pos_embed"],
  );
  assert.equal(entries.filter(({ name }) => isNorm(name)).length, 2 * (2 * 12 + 1));
  assert.ok(entries.every((entry) => torchShape(entry).length > 1 || still(entry)));
  store.destroy();
});

const there = hasOnnxRuntime();
for (const classes of [["a", "b"], []]) {
  const output = classes.length > 0 ? "logits" : "features";
  Deno.test({
    name: `ONNX: a vision transformer gives the same ${output}${
      there ? "" : " (skipped: onnxruntime-node cannot be fetched)"
    }`,
    ignore: !there,
    fn: async () => {
      const [H, W] = [32, 48];
      const network = { backbone: name, width: 24, channels: 1 as const, classes };
      const store = new ParameterStore(gpu);
      const tape = new Tape(store, { training: false });
      const tensor = layersOf(tape, tape.input("x", [2, H, W, 4]), network)[output]!;
      const program = compile(tape, { outputs: [tensor] });
      initialize(store, 4);
      const planes = noise([2, 1, H, W], 3).data;
      const x = new Float32Array(2 * H * W * 4);
      planes.forEach((value, i) => x[i * 4] = value);
      program.write("x", x);
      program.run();
      const [ours] = await program.read(tensor);
      const normalization = { mean: [0.5], std: [0.25] };
      const file = writeVitOnnx(
        { ...network, image_size: [H, W], normalization },
        await saveWeights(store),
      );
      const { data: theirs, ...rest } = await runOnnx(file, planes, [2, 1, H, W]);
      assert.deepEqual(rest, { name: output, shape: [2, tensor.shape[1]] });
      assert.ok(difference(theirs, ours) < 1e-4);
      program.destroy();
      store.destroy();
    },
  });
}

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
