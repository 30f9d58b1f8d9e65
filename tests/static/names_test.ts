/** Names that people read are those of the server's registries; runs of one group differ by their seed alone. */
import assert from "node:assert/strict";
import { arms } from "@/lib/gaze/arms/mod.ts";
import { backboneSpecs } from "@/lib/models/specs.ts";
import { specs } from "@/lib/specs/mod.ts";
import { methodSpecs } from "@/lib/ssl/specs.ts";
// @ts-types="./page_modules.d.ts"
import * as names from "../../static/names.js";

Deno.test("names: no other than the server's methods, arms, kinds and backbones", () => {
  const titles = new Map<string, string>(
    Object.entries(methodSpecs).map(([name, { title }]) => [name, title]),
  );
  for (const [name, title] of Object.entries(names.METHODS)) assert.equal(title, titles.get(name));
  for (const name of Object.keys(names.ARMS)) assert.ok(Object.hasOwn(arms, name), name);
  for (const [arm, { needs }] of Object.entries(arms)) {
    assert.equal(names.isCut({ arm }), needs === "similarity" || needs === "features", arm);
  }
  for (const name of Object.keys(names.KINDS)) assert.ok(Object.hasOwn(specs, name), name);
  assert.equal(
    names.runName("pretrain", { method: "next_one", arm: "none" }),
    "next one · no pairs",
  );
  const short = Object.keys(backboneSpecs).map(names.backboneName);
  assert.equal(new Set(short).size, short.length);
  for (const name of short) assert.match(name, /^(RN\d+|ViT-(Ti|S|B)\/\d+)$/);
});

Deno.test("names: of runs", () => {
  const spec = {
    method: "byol",
    arm: "gaze",
    cut: { quantile: 0.1 },
    backbone: "resnet18",
    seed: 1,
  };
  assert.equal(names.runName("pretrain", spec), "BYOL · gaze · top 10 % · RN18 · seed 1");
  assert.equal(names.groupName("pretrain", spec), "BYOL · gaze · top 10 % · RN18");
  const plain = { ...spec, method: "moco", arm: "none", seed: 0 };
  assert.equal(names.runName("pretrain", plain), "MoCo · no pairs · RN18 · seed 0");
  const scratch = { init: "scratch", mode: "full", backbone: "resnet50", seed: 3, fold: 2 };
  assert.equal(names.runName("finetune", scratch), "from scratch · RN50 · fold 2 · seed 3");
  const backbone = { id: "a", name: null, kind: "pretrained", lineage: { spec, init: "scratch" } };
  const tuned = {
    ...{ id: "b", name: null, kind: "classifier" },
    lineage: { spec: { mode: "linear", backbone: "resnet18", seed: 5 }, init: "a" },
  };
  const modelOf = (id: string) => id === "a" ? backbone : undefined;
  assert.equal(
    names.modelName(tuned, modelOf),
    "BYOL · gaze · top 10 % · RN18 · linear probe · seed 5",
  );
  assert.equal(
    names.groupOfModel(tuned, modelOf),
    "BYOL · gaze · top 10 % · RN18 · linear probe",
  );
  assert.equal(names.modelName({ ...tuned, name: "best", version: 2 }, modelOf), "best (2)");
  assert.equal(names.runName("evaluate", {}, "BYOL · seed 1"), "Evaluation · BYOL · seed 1");
  assert.equal(names.cutName({ threshold: 0.82 }), "above 0.82");
  assert.equal(names.cutName({ top_k: 5 }), "5 neighbours");
});

Deno.test("names: the seed first, and no two the same", () => {
  assert.equal(names.seedFirst("BYOL · RN18 · fold 2 · seed 5"), "fold 2 · seed 5 · BYOL · RN18");
  const things = [["a", "1", "x"], ["a", "2", "y"], ["a", "2", "z"], ["b", "1", "x"]];
  const told = names.toldApart(things, {
    textOf: ([text]) => text,
    more: [([, time]) => time, ([, , id]) => id],
  });
  assert.deepEqual(told.map(([, text]) => text), ["a · 1", "a · 2 · y", "a · 2 · z", "b"]);
});
