/** Every codec of DICOM on small files that other programs made. */
import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import { decodeDicom } from "@/lib/images/dicom.ts";
import { readDicom } from "@/lib/images/dicom_elements.ts";
import { frameFragments } from "@/lib/images/dicom_format.ts";
import type { Raster } from "@/lib/images/raster.ts";
import {
  type CodecFixture,
  codecFixtures,
  fixtureFile,
  fixturePixels,
  plainFile,
} from "../support/codec_fixtures.ts";
import { dicomFile, pixelElements } from "../support/dicom_file.ts";

const read = (name: string) => Deno.readFileSync(fixtureFile(name));
/** The compressed picture alone. */
const codestream = (name: string) =>
  new Uint8Array(frameFragments(readDicom(read(name)).elements, 1, 0));
const wrap = (form: CodecFixture, data: Uint8Array) =>
  dicomFile({ ...pixelElements(form), "7fe00010 OB": { fragments: [data] } }, form.syntax);

function largestDifference(a: Raster, b: Raster): number {
  assert.deepEqual([a.width, a.height, a.channels, a.bits], [
    b.width,
    b.height,
    b.channels,
    b.bits,
  ]);
  let largest = 0;
  a.data.forEach((value, i) => largest = Math.max(largest, Math.abs(value - b.data[i])));
  return largest;
}

for (const [name, form] of Object.entries(codecFixtures)) {
  Deno.test(`compressed by ${form.by.join(" ")}: ${name}`, async () => {
    const plain = await decodeDicom(plainFile(form));
    const decoded = await decodeDicom(read(name));
    if (!form.lossy) return assert.equal(largestDifference(decoded, plain), 0);
    const sum = [...decoded.data].reduce(
      (all, value, i) => all + Math.abs(value - plain.data[i]),
      0,
    );
    const mean = sum / decoded.data.length / (2 ** plain.bits - 1);
    assert(mean < 0.05, `differs by ${mean} of the range`);
  });

  Deno.test(`cut off, it is refused or whole: ${name}`, async () => {
    const data = codestream(name);
    // What program named the colours by its own rule is kept.
    const { elements } = readDicom(read(name));
    const photometric = new TextDecoder().decode(elements.get(0x00280004)!.value).trim();
    const whole = await decodeDicom(wrap({ ...form, photometric }, data));
    const step = Math.max(1, Math.floor(data.length / 60));
    for (let length = data.length; length >= 0; length -= length > data.length - 12 ? 1 : step) {
      try {
        const cut = await decodeDicom(wrap({ ...form, photometric }, data.slice(0, length)));
        assert.equal(largestDifference(cut, whole), 0, `${length} of ${data.length} bytes`);
      } catch (error) {
        assert(error instanceof InvalidInput, `${length}: ${(error as Error).stack}`);
      }
    }
  });
}

Deno.test("luminance and chrominance become red, green, blue, whatever compressed them", async () => {
  const names = ["rle_rgb", "lossless_rgb", "jpeg_ls_planes", "jpeg_ls_lines", "jpeg_2000_rgb"];
  for (const name of names) {
    const form = codecFixtures[name];
    const ybr = fixturePixels(form);
    const { data } = await decodeDicom(
      wrap({ ...form, photometric: "YBR_FULL" }, codestream(name)),
    );
    for (let i = 0; i < ybr.length; i += 3) {
      const [y, b, r] = [ybr[i], ybr[i + 1] - 128, ybr[i + 2] - 128];
      const rgb = [y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b];
      rgb.forEach((value, c) =>
        assert.equal(data[i + c], Math.min(255, Math.max(0, Math.round(value))), `${name} ${i}`)
      );
    }
  }
});

Deno.test("compressed pixels of another size than the file says are refused before they are decoded", async () => {
  for (const [name, form] of Object.entries(codecFixtures)) {
    if (form.syntax === ".5") continue;
    await assert.rejects(
      decodeDicom(wrap({ ...form, width: form.width + 1 }, codestream(name))),
      /compressed pixels are 17 x 13/,
      name,
    );
  }
});

Deno.test("a lossy sample above the stored bits is white, not black", async () => {
  const jpeg = Deno.readFileSync(
    new URL("../fixtures/images/grey_baseline.jpg", import.meta.url),
  );
  const form = { width: 24, height: 16, allocated: 8, syntax: ".4.50", by: [] };
  const eight = await decodeDicom(wrap(form, jpeg), { window: [128, 256] });
  const stored = [...eight.data].map((value) => Math.round(value / 65535 * 255));
  assert(stored.some((value) => value > 127) && stored.some((value) => value < 128));
  const seven = await decodeDicom(wrap({ ...form, stored: 7 }, jpeg), { window: [128, 256] });
  const expected = stored.map((value) => Math.min(127, value));
  assert.deepEqual([...seven.data].map((value) => Math.round(value / 65535 * 255)), expected);
});

Deno.test("a syntax that is not read is named, with a way out", async () => {
  const form = codecFixtures.jpeg_2000_16;
  const refused = (syntax: string, message: RegExp) =>
    assert.rejects(decodeDicom(wrap({ ...form, syntax }, new Uint8Array(8))), message);
  for (const end of [110, 111, 112]) await refused(`.4.${end}`, /JPEG XL.*gdcmconv --raw/);
  await refused(".4.102", /video/);
  await refused(".4.94", /JPIP/);
  await refused(".4.92", /part 2/);
  await refused(".9", /transfer syntax 1\.2\.840\.10008\.1\.2\.9 is not supported/);
});
