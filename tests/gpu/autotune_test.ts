import assert from "node:assert/strict";
import { tune } from "@/gpu/autotune.ts";
import {
  candidates,
  keyOf,
  type SelectedVariants,
  selectVariant,
} from "@/gpu/convolution/selection.ts";
import { matrixShape } from "@/gpu/convolution/shape.ts";
import type { ConvolutionPass } from "@/gpu/convolution/variant.ts";
import { openGpu } from "@/gpu/device.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { Tape } from "@/gpu/tape.ts";
import { resnet } from "@/lib/models/resnet.ts";

const gpu = await openGpu();
const shape = { N: 2, H: 6, W: 6, C: 8, K: 8, R: 3, S: 3, stride: 1, padding: 1 };
const passes: ConvolutionPass[] = [
  { pass: "forward", shape, precision: "f32" },
  { pass: "backward_weight", shape, precision: "f32" },
];

Deno.test("autotune: chooses a candidate per pass, which then holds for tapes that are given it", async () => {
  const selected: SelectedVariants = {};
  await tune(gpu, passes, selected);
  assert.deepEqual(Object.keys(selected), [
    keyOf("forward", shape),
    keyOf("backward_weight", shape),
  ]);
  for (const { pass } of passes) {
    const name = selected[keyOf(pass, shape)];
    assert.ok(candidates(gpu, pass, shape).includes(name));
    assert.equal(selectVariant(gpu, pass, shape, { selected }), name);
  }
});

Deno.test("autotune: what is chosen stays chosen, and a spent budget leaves the default", async () => {
  const selected = { [keyOf("forward", shape)]: "tiled 32" };
  const more = [...passes, { ...passes[0], shape: matrixShape(5, 6, 7) }];
  await tune(gpu, more, selected, { budget: 0 });
  assert.deepEqual(selected, { [keyOf("forward", shape)]: "tiled 32" });
});

Deno.test("autotune: stops where it is asked to, between two passes", async () => {
  const selected: SelectedVariants = {};
  const between = async () => {
    await Promise.resolve();
    if (Object.keys(selected).length > 0) throw new Error("paused");
  };
  await assert.rejects(tune(gpu, passes, selected, { between }), /paused/);
  assert.deepEqual(Object.keys(selected), [keyOf("forward", shape)]);
});

Deno.test({
  name: "autotune: maps in f16 have variants of their own",
  ignore: !gpu.features.f16,
  async fn() {
    const selected: SelectedVariants = {};
    await tune(gpu, [{ ...passes[0], precision: "f16" }], selected);
    const [[key, name]] = Object.entries(selected);
    assert.equal(key, keyOf("forward", shape, "f16"));
    assert.ok(candidates(gpu, "forward", shape, "f16").includes(name));
    gpu.check();
  },
});

Deno.test("a tape tells every pass of its convolutions, and takes the variants that it is given", () => {
  const build = (selected: SelectedVariants) => {
    const tape = new Tape(new ParameterStore(gpu), { selected });
    resnet(tape, tape.input("x", [2, 32, 32, 4]), { name: "resnet18", width: 8 });
    return tape;
  };
  const forward = [...build({}).passes.values()].filter(({ pass }) => pass === "forward");
  // 20 convolutions, of which those of equal shapes are told once.
  assert.equal(forward.length, 11);
  const key = keyOf("forward", forward.find(({ shape }) => shape.R === 3)!.shape);
  const transforms = (selected: SelectedVariants) =>
    build(selected).steps.filter(({ step }) => step.code.includes("fn winograd_output")).length;
  // Both blocks of the first stage hold two convolutions of this shape.
  assert.equal(transforms({ [key]: "winograd subgroup" }), 4);
  assert.equal(transforms({}), 0);
});
