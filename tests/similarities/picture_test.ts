import assert from "node:assert/strict";
import { matrixPng } from "@/lib/similarities/picture.ts";
import { classColour, type Colour, colourOf, missingColour } from "@/lib/images/colour_map.ts";
import { decodeImage } from "@/lib/images/decode.ts";
import { numberDots } from "@/lib/gaze/pictures/digits.ts";
import {
  colourPicture,
  heatmapPicture,
  labelOrder,
  matrixPicture,
  overlayPicture,
} from "@/lib/images/picture.ts";
import { type Raster, raster } from "@/lib/images/raster.ts";
import { scanpathPicture } from "@/lib/gaze/pictures/scanpath_picture.ts";
import type { SimilarityRow } from "@/lib/store/mod.ts";
import { withStore } from "../support/temporary.ts";

const pixel = ({ data, width }: Raster, x: number, y: number) =>
  [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)] as Colour;
const lightness = ([r, g, b]: Colour) => 0.2126 * r + 0.7152 * g + 0.0722 * b;

Deno.test("the colour map grows lighter throughout, and shows NaN in grey", () => {
  let before = -1;
  for (let i = 0; i <= 255; i++) {
    const now = lightness(colourOf(i / 255));
    assert.ok(now >= before - 1, `${i}`);
    before = now;
  }
  assert.deepEqual(colourOf(NaN), missingColour);
  // As matplotlib has them.
  const inferno: [number, Colour][] = [[0, [0, 0, 4]], [64, [87, 16, 110]], [128, [188, 55, 84]]];
  inferno.push([192, [249, 142, 9]], [255, [252, 255, 164]]);
  for (const [i, colour] of inferno) assert.deepEqual(colourOf(i / 255), colour, String(i));
  assert.deepEqual(colourOf(-3), colourOf(0));
});

Deno.test("heatmap: cell centres keep their colours, between them is in between", () => {
  const map = { columns: 2, rows: 1, values: [0, 1] };
  const picture = heatmapPicture(map, { width: 8, height: 3 });
  assert.deepEqual(pixel(picture, 0, 0), colourOf(0));
  assert.deepEqual(pixel(picture, 7, 2), colourOf(1));
  assert.deepEqual(pixel(picture, 3, 1), colourOf(0.375));
});

Deno.test("overlay: nothing where the map is 0, most where it is 1; 16 bits are stretched", () => {
  const source = raster(4, 2, 1, 16);
  source.data.set([1000, 1000, 1000, 1000, 3000, 3000, 3000, 3000]);
  const grey = colourPicture(source);
  assert.deepEqual([pixel(grey, 0, 0), pixel(grey, 0, 1)], [[0, 0, 0], [255, 255, 255]]);
  const map = { columns: 4, rows: 1, values: [0, 0, 1, 1] };
  const picture = overlayPicture(source, map, { opacity: 1 });
  assert.deepEqual(pixel(picture, 0, 1), [255, 255, 255]);
  assert.deepEqual(pixel(picture, 3, 1), colourOf(1));
});

Deno.test("scanpath: discs at fixations, a line between them, nothing elsewhere", () => {
  const picture = scanpathPicture(raster(200, 100, 1, 8), [[
    { x: 40, y: 50, duration: 0.4 },
    { x: 160, y: 50, duration: 0.1 },
    { x: 900, y: 50, duration: 0.1 },
  ]]);
  assert.deepEqual(pixel(picture, 100, 50), [255, 220, 0]);
  const disc = (x: number, radius: number) => pixel(picture, x - radius, 50 - 2)[2] > 100;
  assert.ok(disc(40, 8) && !disc(160, 8));
  assert.deepEqual(pixel(picture, 100, 20), [0, 0, 0]);
  const white = (from: number) => {
    let count = 0;
    for (let x = from - 12; x < from + 12; x++) {
      for (let y = 38; y < 62; y++) if (pixel(picture, x, y).every((c) => c === 255)) count++;
    }
    return count;
  };
  assert.equal(white(40), numberDots(1).dots.length);
  assert.equal(white(160), numberDots(2).dots.length);
});

Deno.test("numbers: every digit has its own shape", () => {
  const shapes = Array.from({ length: 10 }, (_, digit) => JSON.stringify(numberDots(digit).dots));
  assert.equal(new Set(shapes).size, 10);
  assert.equal(numberDots(123).width, 11);
});

Deno.test("matrix: ordered by label, labels in bands, enlarged", () => {
  const labels = ["b", null, "a", "b"];
  assert.deepEqual(labelOrder(labels), [2, 0, 3, 1]);
  const values = Float32Array.from({ length: 16 }, (_, i) => i / 15);
  values[3 * 4 + 1] = NaN;
  const picture = matrixPicture(values, { labels, side: 8 });
  const from = picture.width - 8;
  assert.deepEqual(pixel(picture, from, from), colourOf(values[2 * 4 + 2]));
  assert.deepEqual(pixel(picture, from + 3, from + 1), colourOf(values[2 * 4]));
  assert.deepEqual(pixel(picture, from + 7, from + 5), missingColour);
  assert.deepEqual(pixel(picture, 0, from), classColour(0));
  assert.deepEqual(pixel(picture, from + 2, 0), classColour(1));
  assert.deepEqual(pixel(picture, 0, from + 7), missingColour);
  assert.equal(matrixPicture(values, { labels, side: 2 }).width, 4 + from);
});

Deno.test("a kept matrix as a picture, sampled where it is large", async () => {
  await withStore(async (store) => {
    const n = 40;
    const values = Float32Array.from({ length: n * n }, (_, i) => {
      const [a, b] = [Math.floor(i / n), i % n];
      return a % 2 === b % 2 ? 1 : 0;
    });
    const { sha256 } = await store.files.put(new Uint8Array(values.buffer));
    const images = Array.from({ length: n }, (_, i) => `image ${i}`);
    const row = {
      measure: "cc",
      images,
      components: ["score"],
      file: sha256,
      layout: { kind: "matrix" },
      histogram: {},
    } as unknown as SimilarityRow;
    const labels = new Map(images.map((name, i) => [name, i % 2 ? "odd" : "even"]));
    const band = 4, gap = 2;
    for (const side of [10, 40, 80]) {
      const picture = await decodeImage(await matrixPng(store.files, row, { labels, side }));
      assert.equal(picture.width, side + band + gap);
      const at = (x: number, y: number) => pixel(picture, x + band + gap, y + band + gap);
      // Ordered by label: two bright squares on the diagonal; -1 to 1 is the range of cc.
      assert.deepEqual(at(1, 1), colourOf(1));
      assert.deepEqual(at(side - 2, side - 2), colourOf(1));
      assert.deepEqual(at(side - 2, 1), colourOf(0.5));
    }
  });
});
