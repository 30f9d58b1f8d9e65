/** What a map says of itself before it is believed. */
import assert from "node:assert/strict";
import { mapWarnings } from "@/lib/inference/map_view.ts";

const grid = (rows: number, columns: number, value: number) => ({
  ...{ rows, columns },
  values: Array.from({ length: rows * columns }, (_, i) => i === 0 ? value : 0),
});

Deno.test("a map of few cells, or of 0 everywhere, is warned of; a fine one is not", () => {
  assert.deepEqual(mapWarnings(grid(4, 4, 1), "nothing"), []);
  assert.deepEqual(mapWarnings(grid(4, 4, 0), "nothing speaks for it"), [
    "All values are 0: nothing speaks for it",
  ]);
  assert.match(mapWarnings(grid(7, 3, 1), "").join(), /7 rows and 3 columns of cells: so few/);
  assert.equal(mapWarnings(grid(1, 1, 0), "nothing").length, 2);
});
