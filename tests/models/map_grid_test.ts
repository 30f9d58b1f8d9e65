/** The grid of a network's last map by the size of its input. */
import assert from "node:assert/strict";
import { fewCells, mapGrid } from "@/lib/models/map_grid.ts";

Deno.test("cells of the last map: 32 pixels of a ResNet, 16 of a vision transformer, a rest is one more", () => {
  const of = (backbone: string, image_size: number | [number, number]) => {
    const { rows, columns } = mapGrid({ backbone, image_size })!;
    return [rows, columns];
  };
  assert.deepEqual(of("resnet18", 32), [1, 1]);
  assert.deepEqual(of("resnet50", [224, 97]), [7, 4]);
  assert.deepEqual(of("vit_tiny_patch16", [64, 96]), [4, 6]);
});

Deno.test("fewer than four cells on a side are said to be few, with their number", () => {
  assert.deepEqual(fewCells({ rows: 4, columns: 4 }), []);
  assert.match(fewCells({ rows: 3, columns: 4 }).join(), /3 rows and 4 columns/);
});
