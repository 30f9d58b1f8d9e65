/** The made-up sets of the study. */
import assert from "node:assert/strict";
import { PANELS } from "@/lib/demo/protocol.ts";
import { random } from "@/lib/demo/random.ts";
import { drawShape, SHAPES, writeShapes } from "@/lib/demo/shapes.ts";
import { synthesize, writePanels } from "@/lib/demo/synthetic.ts";

/** Mean difference of the grey values of two pictures. */
function apart(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
}

Deno.test("eight shapes, drawn alike from a seed, each its own picture on the same texture", () => {
  assert.equal(SHAPES.length, 8);
  const drawn = SHAPES.map((shape) => drawShape(shape, 60, random(1, "a")));
  for (const [i, picture] of drawn.entries()) {
    assert.deepEqual(drawShape(SHAPES[i], 60, random(1, "a")), picture);
    for (const other of drawn.slice(i + 1)) {
      const gap = apart(picture, other);
      assert.ok(gap > 0.2 && gap < 30, `${gap}`);
    }
  }
  assert.ok(apart(drawn[0], drawShape(SHAPES[0], 60, random(2, "a"))) > 5);
});

Deno.test("the same options give the same archive, and another seed another", async () => {
  const options = { images: 16, size: 20, seed: 3 };
  const first = await writeShapes(options);
  assert.deepEqual(await writeShapes(options), first);
  assert.notDeepEqual(await writeShapes({ ...options, seed: 4 }), first);
});

Deno.test("panels look at the same images, each with readers of its own and its own gaze", async () => {
  const options = { images: 12, size: 24, readers: 2, seed: 5 };
  const panels = Object.values(PANELS).map((panel, i) => ({ ...panel, panel: String(i + 1) }));
  const sets = panels.map((panel) => synthesize({ ...options, ...panel }));
  const readers = sets.map((
    { gaze: [{ text }] },
  ) => [...new Set(text.trim().split("\n").slice(1).map((line) => line.split(",")[1]))]);
  assert.deepEqual(readers, [["R11", "R12"], ["R21", "R22"], ["R31", "R32"], ["R41", "R42"]]);
  for (const { images } of sets) assert.deepEqual(images, sets[0].images);
  const bare = sets.map(({ gaze: [{ text }] }) => text.replace(/R\d/g, "R"));
  assert.equal(new Set(bare).size, 4);
  assert.deepEqual(await writePanels(options, panels), await writePanels(options, panels));
});
