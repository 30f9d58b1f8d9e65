import assert from "node:assert/strict";
import { footprintOf } from "@/lib/images/footprint.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { maxPixels, raster } from "@/lib/images/raster.ts";

const hex = (text: string) => [...Uint8Array.fromHex(text)];
const dicomHead = [...new Array(128).fill(0), 0x44, 0x49, 0x43, 0x4d];
const bytesOf = (...parts: number[][]) => new Uint8Array(parts.flat());

Deno.test("a PNG's footprint is its rows, its picture and itself", () => {
  const png = encodePng(raster(300, 200, 3, 16));
  assert.deepEqual(footprintOf(png), {
    megapixels: 0.06,
    memory: png.length + 200 * (1 + 300 * 6) + 300 * 200 * 6,
  });
  // Only the header is looked at: with alpha, a pixel has eight bytes in the file.
  png[25] = 6;
  assert.equal(footprintOf(png).memory, png.length + 200 * (1 + 300 * 8) + 300 * 200 * 6);
});

Deno.test("a PNG that is only checked or made smaller costs some of its rows, unless it is interlaced", () => {
  const png = encodePng(raster(8, 8, 3, 16));
  const view = new DataView(png.buffer);
  view.setUint32(16, 8000);
  view.setUint32(20, 8000);
  assert.ok(footprintOf(png, { byRows: true }).memory < 100e6);
  assert.equal(footprintOf(png, { byRows: true }).megapixels, 64);
  png[28] = 1;
  assert.ok(footprintOf(png, { byRows: true }).memory > 700e6);
});

Deno.test("a flood's footprint is that of its pixels, not of its bytes", () => {
  const png = encodePng(raster(8, 8, 3, 16));
  const view = new DataView(png.buffer);
  view.setUint32(16, 8000);
  view.setUint32(20, 8000);
  assert.ok(footprintOf(png).memory > 700e6);
  const jpeg = new Uint8Array(
    Deno.readFileSync(new URL("../fixtures/images/colour_baseline.jpg", import.meta.url)),
  );
  const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
  new DataView(jpeg.buffer).setUint32(frame + 5, (8000 << 16) | 8000);
  assert.ok(footprintOf(jpeg).memory > 500e6);
  assert.equal(footprintOf(jpeg).megapixels, 64);
});

Deno.test("a DICOM's footprint: by its elements, or what its compressed frame says if that is more", () => {
  const rows = [...hex("2800100055530200"), 0xd0, 0x07];
  const columns = [...hex("2800110055530200"), 0xb8, 0x0b];
  const plain = footprintOf(bytesOf(dicomHead, rows, columns));
  assert.equal(plain.megapixels, 6);
  assert.ok(plain.memory >= 6e6 * 16);
  const implicit = bytesOf(
    dicomHead,
    hex("2800100002000000"),
    [0xd0, 0x07],
    hex("2800110002000000"),
    [0xb8, 0x0b],
  );
  assert.equal(footprintOf(implicit).megapixels, 6);
  const big = bytesOf(dicomHead, hex("0028001055530002"), [7, 0xd0], hex("0028001155530002"), [
    0x0b,
    0xb8,
  ]);
  assert.equal(footprintOf(big).megapixels, 6);
  // JPEG 2000: SIZ with Xsiz 5000, Ysiz 4000 and an offset of 1000 columns.
  const j2k = hex("ff4fff51002f0000" + "00001388" + "00000fa0" + "000003e8" + "00000000");
  assert.equal(footprintOf(bytesOf(dicomHead, rows, columns, j2k)).megapixels, 16);
  // JPEG-LS: 3000 lines of 4000 samples.
  const ls = hex("ffd8fff7000b08" + "0bb8" + "0fa0" + "01011100");
  assert.equal(footprintOf(bytesOf(dicomHead, rows, columns, ls)).megapixels, 12);
});

Deno.test("a DICOM that hides its size counts as the largest picture; what is no picture costs nothing", () => {
  assert.equal(footprintOf(bytesOf(dicomHead, [1, 2, 3])).megapixels, maxPixels / 1e6);
  for (
    const bytes of [
      new Uint8Array(),
      new Uint8Array(100),
      encodePng(raster(4, 4, 1, 8)).slice(0, 20),
    ]
  ) {
    assert.deepEqual(footprintOf(bytes), { megapixels: 0, memory: bytes.length });
  }
});
