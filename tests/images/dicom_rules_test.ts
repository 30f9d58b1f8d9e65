/** Rules of DICOM that a picture shows wrongly without a word when they are broken. */
import assert from "node:assert/strict";
import { decodeDicom } from "@/lib/images/dicom.ts";
import type { ViewOptions } from "@/lib/images/view.ts";
import { bytes, dicomFile, pixelElements, u16, type Value } from "../support/dicom_file.ts";
import { encodeLossless } from "../support/lossless_jpeg.ts";

type Form = Partial<Parameters<typeof pixelElements>[0]>;

/** One row of grey values of 12 bits, with more elements. */
function row(values: number[], more: Record<string, Value> = {}, form: Form = {}) {
  return dicomFile({
    ...pixelElements({ width: values.length, height: 1, stored: 12, ...form }),
    "7fe00010 OW": u16(...values),
    ...more,
  });
}

async function shown(file: Uint8Array, options?: ViewOptions) {
  return [...(await decodeDicom(file, options)).data];
}

const window = (centre: number, width: number) => ({
  "00281050 DS": bytes(String(centre)),
  "00281051 DS": bytes(String(width)),
});

const group = (slope: number, centre: number, width: number) => ({
  "00289132 SQ": { items: [window(centre, width)] },
  "00289145 SQ": {
    items: [{ "00281052 DS": bytes("0"), "00281053 DS": bytes(String(slope)) }],
  },
});

Deno.test("functional groups: shared ones, and those of the frame that is asked for", async () => {
  const frames = (groups: Record<string, Value>) =>
    dicomFile({
      ...pixelElements({ width: 3, height: 1, stored: 12 }),
      "00280008 IS": bytes("2"),
      // What enhanced files leave behind at the top is not for their frames.
      ...window(5000, 10),
      ...groups,
      "7fe00010 OW": u16(0, 50, 100, 0, 500, 1000),
    });
  const shared = { "52009229 SQ": { items: [group(1, 50.5, 101)] } };
  assert.deepEqual(await shown(frames(shared)), [0, 32768, 65535]);
  assert.deepEqual(await shown(frames(shared), { frame: 1 }), [0, 65535, 65535]);
  const each = { "52009230 SQ": { items: [group(1, 50.5, 101), group(2, 1000.5, 2001)] } };
  assert.deepEqual(await shown(frames({ ...shared, ...each }), { frame: 1 }), [0, 32768, 65535]);
  assert.deepEqual(await shown(frames(each)), [0, 32768, 65535]);
  const few = { "52009230 SQ": { items: [group(1, 50.5, 101)] } };
  await assert.rejects(shown(frames(few), { frame: 1 }), /groups for 1 frames only/);
  await assert.rejects(shown(frames(each), { frame: 2 }), /it has 2 frames.*no frame 2/);
});

Deno.test("the first of several frames is taken, and that is said", async () => {
  const file = dicomFile({
    ...pixelElements({ width: 2, height: 1 }),
    "00280008 IS": bytes("3"),
    "7fe00010 OW": u16(1, 2, 9, 5, 7, 7),
  });
  const first = await decodeDicom(file);
  assert.deepEqual([...first.data], [0, 65535]);
  assert.match(first.notes![0], /first of 3 frames.*"frame"/);
  const second = await decodeDicom(file, { frame: 1 });
  assert.deepEqual([[...second.data], second.notes], [[65535, 0], undefined]);
});

Deno.test("compressed frames are told apart by their first bytes and by either table", async () => {
  const form = { width: 4, height: 2, precision: 8, predictor: 1 };
  const frames = [10, 90].map((base) =>
    Array.from({ length: 8 }, (_, i) => base + i * (base / 10))
  );
  const streams = frames.map((values) => encodeLossless(values, form));
  // Each in two fragments of even length.
  const halves = streams.map((stream) => {
    const even = stream.length % 2 ? new Uint8Array([...stream, 0]) : stream;
    return [even.subarray(0, 40), even.subarray(40)];
  });
  const second = halves[0].reduce((sum, part) => sum + part.length + 8, 0);
  const file = (more: Record<string, Value>) =>
    dicomFile({
      ...pixelElements({ width: 4, height: 2, allocated: 8 }),
      "00280008 IS": bytes("2"),
      ...more,
      "7fe00010 OB": { fragments: halves.flat() },
    }, ".4.57");
  const u64 = (value: number) => [...u16(value, value >> 16), 0, 0, 0, 0];
  const expected = await shown(dicomFile({
    ...pixelElements({ width: 4, height: 2, allocated: 8 }),
    "7fe00010 OW": frames[1],
  }));
  const tables: Record<string, Value>[] = [{}, { "7fe00001 OV": [...u64(0), ...u64(second)] }];
  for (const more of tables) {
    assert.deepEqual(await shown(file(more), { frame: 1, fullRange: true }), expected);
  }
});

Deno.test("padding takes no part in the range: one value, or all up to a limit", async () => {
  const values = [0, 100, 200, 300];
  assert.deepEqual(await shown(row(values)), [0, 21845, 43690, 65535]);
  const one = { "00280120 US": u16(0) };
  assert.deepEqual(await shown(row(values, one)), [0, 0, 32768, 65535]);
  const range = { "00280120 US": u16(0), "00280121 US": u16(100) };
  assert.deepEqual(await shown(row([...values, 400], range)), [0, 0, 0, 32768, 65535]);
  // Given as a signed number, whose bits above the stored ones are ignored as those of samples.
  const signed = { "00280120 SS": u16(-2000) };
  const form = { signed: true };
  assert.deepEqual(await shown(row([-2000, -100, 0, 100], signed, form)), [0, 0, 32768, 65535]);
  assert.deepEqual(await shown(row([7, 7], { "00280120 US": u16(7) })), [0, 0]);
});

Deno.test("bits above the stored ones are ignored, with and without a sign", async () => {
  assert.deepEqual(await shown(row([0xf000, 0x1002, 0x0001])), [0, 65535, 32768]);
  const signed = { signed: true };
  // -1, 0, 1 with other bits above.
  assert.deepEqual(await shown(row([0x0fff, 0xf000, 0x5001], {}, signed)), [0, 32768, 65535]);
  const high = { stored: 8, highBit: 11 };
  assert.deepEqual(await shown(row([0x100f, 0x3ff0, 0xf7f8], {}, high)), [0, 65535, 32639]);
});

const table = (first: number, entries: number[], bits: number, words = true, vr = "US") => ({
  "00283010 SQ": {
    items: [{
      [`00283002 ${vr}`]: u16(entries.length, first, bits),
      "00283006 OW": words ? u16(...entries) : entries,
    }],
  },
});

Deno.test("VOI tables: 8 bits in words or packed, a first value with a sign", async () => {
  const entries = [0, 51, 102, 255];
  const expected = entries.map((value) => value * 257);
  assert.deepEqual(await shown(row([0, 1, 2, 3], table(0, entries, 8))), expected);
  assert.deepEqual(await shown(row([0, 1, 2, 3], table(0, entries, 8, false))), expected);
  const signed = { signed: true };
  for (const vr of ["SS", "US"]) {
    const voi = table(-2, entries, 8, true, vr);
    assert.deepEqual(await shown(row([-2, -1, 0, 1], voi, signed)), expected, vr);
  }
  // Values of 16 bits without a sign: so is the first.
  const high = table(40000, entries, 8);
  assert.deepEqual(
    await shown(row([40000, 40001, 40002, 40003], high, { stored: 16 })),
    expected,
  );
  // After a rescale below 0 a first value has a sign though the samples have none.
  const ct = { "00281052 DS": bytes("-1000"), "00281053 DS": bytes("1"), ...table(-2, entries, 8) };
  assert.deepEqual(await shown(row([998, 999, 1000, 1001], ct)), expected);
  await assert.rejects(shown(row([0], table(0, [1, 2, 3, 4, 5], 16, false))), /table is truncated/);
});

Deno.test("window functions, and windows that cannot be used", async () => {
  const values = [0, 25, 50, 75, 100];
  const kind = (name: string) => ({ ...window(50, 100), "00281056 CS": bytes(name) });
  assert.deepEqual(
    await shown(row(values, kind("LINEAR_EXACT"))),
    [0, 0.25, 0.5, 0.75, 1].map((level) => Math.round(level * 65535)),
  );
  assert.deepEqual(
    await shown(row(values, kind("SIGMOID"))),
    values.map((v) => Math.round(65535 / (1 + Math.exp(-4 * (v - 50) / 100)))),
  );
  assert.deepEqual(
    await shown(row(values, kind("LINEAR"))),
    values.map((v) => Math.round(65535 * Math.min(1, Math.max(0, (v - 49.5) / 99 + 0.5)))),
  );
  await assert.rejects(shown(row(values, kind("CURVE"))), /function "CURVE" is not supported/);
  await assert.rejects(shown(row(values, window(50, 0))), /width 0 shows nothing/);
  await assert.rejects(
    shown(row(values, { "00281053 DS": bytes("0"), "00281052 DS": bytes("1") })),
    /slope is 0/,
  );
});

Deno.test("a window of our own, or the full range, takes the place of the file's; inversion is last", async () => {
  const values = [0, 50, 100];
  const inverse = { ...window(1000, 10), "00280004 CS": bytes("MONOCHROME1") };
  assert.deepEqual(await shown(row(values, inverse), { window: [50.5, 101] }), [65535, 32767, 0]);
  assert.deepEqual(await shown(row(values, inverse), { fullRange: true }), [65535, 32767, 0]);
  const colours = dicomFile({
    ...pixelElements({ width: 1, height: 1, samples: 3, allocated: 8 }),
    "7fe00010 OW": [1, 2, 3],
  });
  await assert.rejects(shown(colours, { fullRange: true }), /for grey pictures/);
  await assert.rejects(shown(colours, { window: [1, 2] }), /for grey pictures/);
});

Deno.test("colours without compression: planes, half the chrominance, 16 bits", async () => {
  const colour = (photometric: string, planar: number, pixels: number[], allocated = 8) =>
    dicomFile({
      ...pixelElements({ width: 2, height: 1, samples: 3, allocated, photometric }),
      "00280006 US": u16(planar),
      "7fe00010 OW": pixels,
    });
  const rgb = [10, 20, 30, 40, 50, 60];
  assert.deepEqual(await shown(colour("RGB", 0, rgb)), rgb);
  assert.deepEqual(await shown(colour("RGB", 1, [10, 40, 20, 50, 30, 60])), rgb);
  // Two greys with one chrominance between them.
  assert.deepEqual(
    await shown(colour("YBR_FULL_422", 0, [100, 200, 128, 128])),
    [100, 100, 100, 200, 200, 200],
  );
  assert.deepEqual(
    await shown(colour("YBR_FULL", 0, [100, 128, 228, 100, 228, 128])),
    [240, 29, 100, 100, 66, 255],
  );
  const wide = rgb.map((value) => value * 1000);
  assert.deepEqual(await shown(colour("RGB", 0, u16(...wide), 16)), wide);
  await assert.rejects(shown(colour("YBR_PARTIAL_420", 0, rgb)), /YBR_PARTIAL_420.*not supported/);
});

Deno.test("PALETTE COLOR of 8 and 16 bits; a segmented one is refused", async () => {
  const palette = (entries: number[][], bits: number, more: Record<string, Value> = {}) =>
    dicomFile({
      ...pixelElements({ width: 4, height: 1, allocated: 8, photometric: "PALETTE COLOR" }),
      ...Object.fromEntries(entries.flatMap((table, c) => [
        [`0028110${c + 1} US`, u16(table.length, 5, bits)],
        [`0028120${c + 1} OW`, bits === 8 ? table : u16(...table)],
      ])),
      ...more,
      "7fe00010 OW": [5, 6, 0, 200],
    });
  const wide = [[100, 65535], [2, 3], [40000, 7]];
  const first = [100, 2, 40000], last = [65535, 3, 7];
  assert.deepEqual(await shown(palette(wide, 16)), [...first, ...last, ...first, ...last]);
  const eight = [[1, 255], [2, 3], [4, 7]];
  const scaled = [1, 2, 4, 255, 3, 7, 1, 2, 4, 255, 3, 7].map((value) => value * 257);
  assert.deepEqual(await shown(palette(eight, 8)), scaled);
  await assert.rejects(shown(palette(wide, 16, { "00281221 OW": u16(0, 0) })), /segmented/);
});

Deno.test("overlays are not drawn, and that is said", async () => {
  const overlay = {
    "60000010 US": u16(1),
    "60000011 US": u16(3),
    "60000100 US": u16(1),
    "60003000 OW": u16(7),
  };
  const { data, notes } = await decodeDicom(row([0, 50, 100], overlay));
  assert.deepEqual([...data], [0, 32768, 65535]);
  assert.deepEqual(notes, ["Its overlays are not drawn"]);
  assert.equal((await decodeDicom(row([0, 50, 100]))).notes, undefined);
});

Deno.test("pixels of odd length are read, truncated ones refused", async () => {
  const odd = (length: number) =>
    dicomFile({
      ...pixelElements({ width: 3, height: 3, allocated: 8 }),
      "7fe00010 OB": Array.from({ length }, (_, i) => i * 30),
    });
  assert.equal((await shown(odd(9))).length, 9);
  await assert.rejects(shown(odd(8)), /pixels are truncated: 8 bytes, 9 expected/);
});
