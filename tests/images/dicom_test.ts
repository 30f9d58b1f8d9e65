import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { InvalidInput } from "@/lib/errors.ts";
import { decodeImage } from "@/lib/images/decode.ts";
import { decodeDicom } from "@/lib/images/dicom.ts";
import { bytes, dicomFile, pixelElements, u16, type Value } from "../support/dicom_file.ts";
import { sharedTest } from "../support/shared.ts";

/** A grey picture of 16-bit values with more elements; they must come in the order of tags. */
function dicom(pixels: number[], more: Record<string, Value> = {}, deflated = false) {
  const elements: Record<string, Value> = {
    ...pixelElements({ width: pixels.length, height: 1, stored: 12 }),
    "7fe00010 OW": u16(...pixels),
    ...more,
  };
  return dicomFile(elements, deflated ? ".1.99" : ".1");
}

const values = async (...parts: Parameters<typeof dicom>) => [
  ...(await decodeImage(dicom(...parts))).data,
];

Deno.test("without a window the smallest and largest value become black and white", async () => {
  assert.deepEqual(await values([100, 200, 300]), [0, 32768, 65535]);
  assert.deepEqual(await values([100, 200, 300], {}, true), [0, 32768, 65535]);
});

Deno.test("MONOCHROME1 is inverted last", async () => {
  const inverted = { "00280004 CS": bytes("MONOCHROME1") };
  assert.deepEqual(await values([100, 200, 300], inverted), [65535, 32767, 0]);
});

Deno.test("rescale comes first, then the first window", async () => {
  // 2 v - 1000 in a window of 401 around 0.5: -200 is black, 200 white.
  const window = {
    "00281050 DS": bytes("0.5\\9"),
    "00281051 DS": bytes("401\\1"),
    "00281052 DS": bytes("-1000"),
    "00281053 DS": bytes("2"),
  };
  assert.deepEqual(await values([300, 400, 500, 600, 700], window), [0, 0, 32768, 65535, 65535]);
  const full = await decodeDicom(dicom([300, 400, 700], window), { fullRange: true });
  assert.deepEqual([...full.data], [0, 16384, 65535]);
});

Deno.test("lookup tables: modality, then VOI", async () => {
  const table = (first: number, entries: number[]) => ({
    items: [{
      "00283002 US": u16(entries.length, first, 16),
      "00283006 OW": u16(...entries),
    }],
  });
  const luts = {
    "00283000 SQ": table(10, [5, 6, 7]),
    "00283010 SQ": table(5, [0, 65535, 1000]),
  };
  // Values beside the tables take their first and last entry.
  assert.deepEqual(await values([0, 10, 11, 12, 99], luts), [0, 0, 65535, 1000, 1000]);
});

Deno.test("signed values and high bits", async () => {
  const signed = { "00280103 US": u16(1) };
  // 12 bits: 0xfff is -1, whatever the bits above say where no value fills them.
  assert.deepEqual(await values([0xfff, 0, 1], signed), [0, 32768, 65535]);
  assert.deepEqual(await values([0xffff, 0, 1], signed), [0, 32768, 65535]);
  assert.deepEqual(await values([0xf000, 0x0002, 0x0001]), [0, 65535, 32768]);
});

Deno.test("what cannot be read safely is refused", async () => {
  const refused = (file: Uint8Array, message: RegExp) =>
    assert.rejects(decodeImage(file), (error) => {
      assert(error instanceof InvalidInput, String(error));
      assert.match(error.message, message);
      return true;
    });
  const burned = dicom([1, 2], { "00280301 CS": bytes("YES") });
  await refused(burned, /Burned In Annotation/);
  assert.equal((await decodeDicom(burned, { force: true })).width, 2);
  await refused(dicom([1, 2], { "00280011 US": u16(3) }), /truncated/);
  await refused(
    dicom([1, 2], { "00280010 US": u16(65535), "00280011 US": u16(65535) }),
    /more than the allowed/,
  );
  await refused(dicom([1, 2], { "00280100 US": u16(32) }), /32 bits allocated/);
  await refused(dicom([1, 2], { "00280101 US": u16(17) }), /do not fit/);
  await refused(dicom([1, 2], { "00280004 CS": bytes("HSV") }), /photometric/);
  await refused(
    dicom([1, 2], { "00281050 DS": bytes("x"), "00281051 DS": bytes("1") }),
    /no number/,
  );
  let nested: Value = { items: [{}] };
  for (let depth = 0; depth < 9; depth++) nested = { items: [{ "00283000 SQ": nested }] };
  await refused(dicom([1, 2], { "00283000 SQ": nested }), /nest deeper/);
  const whole = dicom([1, 2, 3]);
  for (let length = 132; length < whole.length; length++) {
    await assert.rejects(decodeImage(whole.subarray(0, length)), InvalidInput, `${length} bytes`);
  }
});

sharedTest(
  "DICOM of every transfer syntax decodes as the reference does",
  ["data/dicom", "data/chest_xray"],
  async (path) => {
    const fixture = new URL("../fixtures/images/dicom.json", import.meta.url);
    // Width, height, channels, bits and SHA-256 of what pydicom 2.3 with GDCM 3.0 gives, to within
    // one of 65,535 levels by another order of rounding. Of mlut_18.dcm, a test pattern, as DCMTK
    // shows it: pydicom takes the bits above Bits Stored for the value.
    const expected: Record<string, [number, number, number, number, string]> = JSON.parse(
      Deno.readTextFileSync(fixture),
    );
    for (const [name, reference] of Object.entries(expected)) {
      const file = path.replace(/dicom$/, name);
      const { width, height, channels, bits, data } = await decodeImage(Deno.readFileSync(file));
      const digest = createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex");
      assert.deepEqual([width, height, channels, bits, digest], reference, name);
    }
    const read = async (name: string) =>
      await decodeImage(Deno.readFileSync(`${path}/${name}.dcm`));
    const twin = await read("MR_small_implicit");
    for (const kind of ["RLE", "bigendian", "jp2klossless", "jpeg_ls_lossless"]) {
      assert.deepEqual(await read(`MR_small_${kind}`), twin, kind);
    }
    await assert.rejects(read("MR_truncated"), /truncated/);
  },
);

sharedTest(
  "a MONOCHROME1 picture looks like its MONOCHROME2 twin",
  [
    "data/chest_xray/Fake_MONOHR1.dcm",
    "data/chest_xray/1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819.dcm",
  ],
  async (first, second) => {
    const [one, two] = await Promise.all(
      [first, second].map(async (file) => (await decodeImage(Deno.readFileSync(file))).data),
    );
    assert(one.every((value, i) => value + two[i] === 65535));
  },
);

for (const corpus of ["dicom-pydicom/test_files", "dicom-fodicom/Test Data"]) {
  sharedTest(
    `odd DICOM files are refused or read: ${corpus}`,
    [`badinputs/${corpus}`],
    async (path) => {
      for (const { name, isFile } of Deno.readDirSync(path)) {
        if (!isFile) continue;
        const started = performance.now();
        try {
          const { width, height, channels, data } = await decodeImage(
            Deno.readFileSync(`${path}/${name}`),
          );
          assert.equal(data.length, width * height * channels);
        } catch (error) {
          assert(error instanceof InvalidInput, `${name}: ${error}`);
        }
        assert(performance.now() - started < 2000, name);
      }
    },
  );
}

sharedTest(
  "12-bit JPEG: stored values as GDCM gives them, to within one",
  ["badinputs/dicom-pydicom/test_files/JPGExtended.dcm"],
  async (path) => {
    const { data, width } = await decodeDicom(Deno.readFileSync(path));
    // The smallest stored value is 0 and the largest 264: black and white.
    const stored = (y: number, x: number) => data[y * width + x] * 264 / 65535;
    const expected = [[420, 130, 189], [500, 100, 31], [512, 140, 4], [300, 64, 15], [620, 200, 1]];
    for (const [y, x, value] of expected) {
      assert(Math.abs(stored(y, x) - value) < 1.01, `${y}, ${x}: ${stored(y, x)} for ${value}`);
    }
    const sum = [...data].reduce((total, value) => total + value, 0) * 264 / 65535;
    assert(Math.abs(sum / 3767007 - 1) < 1e-3);
  },
);
