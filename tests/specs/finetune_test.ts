/** What is supervised of each kind of network, and what a refusal says to do. */
import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import { attentionMapOf, finetune, parseFinetune } from "@/lib/specs/finetune.ts";
import type { Store } from "@/lib/store/mod.ts";

const store = {
  datasets: { byName: (name: string) => ({ id: "ds_1", name, meta: {} }) },
  images: { labels: () => new Map([["benign", 4], ["malignant", 4]]) },
} as unknown as Store;

Deno.test("attention: the class map of a ResNet, the class token of a vision transformer, and nothing else", async () => {
  const resolved = async (backbone: string, attention: Record<string, unknown>) =>
    (await finetune.resolve!(
      parseFinetune({ dataset: "breast", backbone, image_size: 64, attention }),
      store,
    )).attention;
  assert.deepEqual(await resolved("resnet18", {}), {
    ...{ weight: 1, map: "class", gaze: "own", sigma: 1 },
  });
  assert.equal((await resolved("resnet18", { map: "activation" }))!.map, "activation");
  assert.equal((await resolved("vit_tiny_patch16", {}))!.map, "token");
  assert.equal((await resolved("vit_tiny_patch16", { map: "token" }))!.map, "token");
  const refused: [string, string, RegExp][] = [
    ["resnet18", "token", /has no class token; take map "class" or "activation"/],
    ["vit_tiny_patch16", "class", /no map whose mean its features are; take map "token"/],
    ["vit_tiny_patch16", "activation", /take map "token", its class token's attention/],
  ];
  for (const [backbone, map, message] of refused) {
    await assert.rejects(resolved(backbone, { map }), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.message, message);
      assert.equal(error.problems[0].pointer, "/attention/map");
      return true;
    });
  }
  const kept = parseFinetune({ dataset: "x", attention: { map: "class" } }).attention!;
  assert.equal(attentionMapOf("resnet18", kept), "class");
});

Deno.test("a weight of __proto__ is no field that is passed over", () => {
  const spec = JSON.parse('{"dataset":"x","pos_weight":{"__proto__":3,"mass":2}}');
  assert.throws(() => parseFinetune(spec), (error) => {
    assert.ok(error instanceof InvalidInput);
    assert.equal(error.problems[0].pointer, "/pos_weight/__proto__");
    return true;
  });
});

Deno.test("a multi-label set of which nothing is known is refused before anything is queued", async () => {
  const bare = {
    datasets: { byName: (name: string) => ({ id: "ds_1", name, meta: { classes: ["a", "b"] } }) },
    images: { labels: () => new Map([[null, 4]]), withFindings: () => 0 },
  } as unknown as Store;
  await assert.rejects(
    async () => await finetune.resolve!(parseFinetune({ dataset: "chest" }), bare),
    /of no image of "chest" any finding is known; send labels/,
  );
});
