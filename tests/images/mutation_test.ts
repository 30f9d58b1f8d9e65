import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInput } from "@/lib/errors.ts";
import { decodeImage } from "@/lib/images/decode.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { codecFixtures, fixtureFile } from "../support/codec_fixtures.ts";
import { sharedPath } from "../support/shared.ts";

const runs = { numRuns: Number(Deno.env.get("PROPERTY_RUNS") ?? 500) };

const read = (path: string) => Deno.readFileSync(new URL(path, import.meta.url));

function png(): Uint8Array {
  const out = raster(9, 7, 3, 16);
  for (let i = 0; i < out.data.length; i++) out.data[i] = i * 301;
  return encodePng(out);
}

const pictures: Record<string, Uint8Array> = {
  png: png(),
  jpeg: read("../fixtures/images/colour_baseline.jpg"),
  progressive: read("../fixtures/images/grey_progressive.jpg"),
  exif: read("../fixtures/images/orientation_6.jpg"),
  pnm: new TextEncoder().encode("P2\n# x\n3 2\n300\n1 2 3\n4 5 6\n"),
};
for (const name of ["MR_small_implicit", "MR_small_RLE", "image_dfl", "mlut_18"]) {
  const path = sharedPath(`data/dicom/${name}.dcm`);
  if (path) pictures[`dicom ${name}`] = Deno.readFileSync(path);
}

for (const name of Object.keys(codecFixtures)) {
  pictures[`dicom ${name}`] = Deno.readFileSync(fixtureFile(name));
}

/** Some bytes changed (half the time the first ones more often), the end cut off now and then. */
const damage = fc.record({
  skew: fc.constantFrom(1, 3),
  changes: fc.array(
    fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })),
    { maxLength: 6 },
  ),
  keep: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
});

for (const [name, picture] of Object.entries(pictures)) {
  Deno.test(`a damaged picture is read or refused, never anything else: ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(damage, async ({ changes, keep, skew }) => {
        const bytes = picture.slice(0, Math.ceil(keep * picture.length));
        for (const [where, value] of changes) {
          bytes[Math.floor(where ** skew * Math.max(0, bytes.length - 1))] = value;
        }
        try {
          const { width, height, channels, data } = await decodeImage(bytes);
          assert.equal(data.length, width * height * channels);
        } catch (error) {
          assert(error instanceof InvalidInput, String((error as Error).stack));
        }
      }),
      runs,
    );
  });
}
