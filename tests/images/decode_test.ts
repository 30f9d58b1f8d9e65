import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";
import { InvalidInput } from "@/lib/errors.ts";
import { decodeImage } from "@/lib/images/decode.ts";
import { DecodePool } from "@/lib/images/decode_pool.ts";
import { limits } from "@/lib/threads/limits.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { type Raster, raster } from "@/lib/images/raster.ts";
import { sniffImage } from "@/lib/images/sniff.ts";
import { sharedTest } from "../support/shared.ts";

const text = (value: string) => new TextEncoder().encode(value);

function noise(width: number, height: number, channels: 1 | 3, bits: 8 | 16): Raster {
  const out = raster(width, height, channels, bits);
  for (let i = 0; i < out.data.length; i++) out.data[i] = (i * 2654435761) >>> 7;
  return out;
}

Deno.test("an encoded PNG decodes to the same samples", async () => {
  for (const channels of [1, 3] as const) {
    for (const bits of [8, 16] as const) {
      for (const [width, height] of [[1, 1], [7, 13], [64, 1], [1, 31]]) {
        const source = noise(width, height, channels, bits);
        assert.deepEqual(await decodeImage(encodePng(source)), source);
      }
    }
  }
});

Deno.test("a PNG that claims 65,535 squared is refused before anything is allocated", async () => {
  const bomb = encodePng(noise(4, 4, 1, 8));
  new DataView(bomb.buffer).setUint32(16, 65535);
  new DataView(bomb.buffer).setUint32(20, 65535);
  await assert.rejects(decodeImage(bomb), /65535 x 65535 pixels are more than the allowed/);
});

Deno.test("a PNG with more or fewer pixels than its size says is refused", async () => {
  const good = encodePng(noise(8, 8, 1, 8));
  const withPixels = (pixels: Uint8Array) => {
    const data = deflateSync(pixels);
    const chunk = new Uint8Array(12 + data.length);
    const view = new DataView(chunk.buffer);
    view.setUint32(0, data.length);
    chunk.set(text("IDAT"), 4);
    chunk.set(data, 8);
    view.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
    return new Uint8Array([...good.subarray(0, 33), ...chunk, ...good.subarray(-12)]);
  };
  await decodeImage(withPixels(new Uint8Array(8 * 9)));
  await assert.rejects(decodeImage(withPixels(new Uint8Array(8 * 9 - 1))), /truncated/);
  await assert.rejects(decodeImage(withPixels(new Uint8Array(8 * 9 + 1))), /more pixels than/);
  // 50 MB of zeros behind an 8 x 8 header.
  await assert.rejects(decodeImage(withPixels(new Uint8Array(50e6))), /more pixels than/);
  await assert.rejects(decodeImage(withPixels(new Uint8Array(8 * 9).fill(9))), /row filter 9/);
});

Deno.test("every prefix of a picture is refused", async () => {
  const png = encodePng(noise(9, 9, 3, 8));
  for (let length = 0; length < png.length; length++) {
    await assert.rejects(decodeImage(png.subarray(0, length)), InvalidInput, `${length} bytes`);
  }
});

Deno.test("PGM and PPM are read, text and binary, and scaled to their full range", async () => {
  const grey = await decodeImage(text("P2 # a comment\n3 1\n4\n0 2 4\n"));
  assert.deepEqual([...grey.data], [0, 128, 255]);
  assert.deepEqual([grey.width, grey.height, grey.channels, grey.bits], [3, 1, 1, 8]);
  const wide = await decodeImage(new Uint8Array([...text("P5\n2 1\n65535\n"), 1, 2, 255, 255]));
  assert.deepEqual([...wide.data], [258, 65535]);
  const colour = await decodeImage(new Uint8Array([...text("P6 1 1 255\n"), 1, 2, 3]));
  assert.deepEqual([...colour.data], [1, 2, 3]);
  for (const bad of ["P5\n2 2\n255\nabc", "P2\n1 1\n3\n4", "P2 1", "P5 0 3 255\n", "P2 1 1 0 0"]) {
    await assert.rejects(decodeImage(text(bad)), InvalidInput, bad);
  }
  await assert.rejects(decodeImage(text("P5 65535 65535 255\n")), /more than the allowed/);
});

Deno.test("kinds are told by content", () => {
  assert.equal(sniffImage(encodePng(noise(1, 1, 1, 8))), "png");
  assert.equal(sniffImage(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])), "jpeg");
  assert.equal(sniffImage(text("P5\n1 1")), "pnm");
  assert.equal(sniffImage(text("Patient report")), undefined);
  assert.equal(sniffImage(text("<svg xmlns='http://www.w3.org/2000/svg'/>")), undefined);
  assert.equal(sniffImage(new Uint8Array(0)), undefined);
});

const fixture = (name: string) =>
  Deno.readFileSync(new URL(`../fixtures/images/${name}`, import.meta.url));

Deno.test("a grey JPEG stays grey, a colour one is colour, baseline and progressive", async () => {
  for (const kind of ["baseline", "progressive"]) {
    const grey = await decodeImage(fixture(`grey_${kind}.jpg`));
    assert.deepEqual([grey.width, grey.height, grey.channels, grey.bits], [24, 16, 1, 8]);
    const colour = await decodeImage(fixture(`colour_${kind}.jpg`));
    assert.equal(colour.channels, 3);
    // The left half is red, the right half blue.
    const at = (
      x: number,
      y: number,
    ) => [...colour.data.subarray((y * 24 + x) * 3, (y * 24 + x) * 3 + 3)];
    const near = (found: number[], expected: number[]) =>
      found.forEach((v, i) => assert(Math.abs(v - expected[i]) < 12, `${found} for ${expected}`));
    near(at(4, 8), [255, 0, 0]);
    near(at(20, 8), [0, 0, 255]);
  }
});

Deno.test("the EXIF orientation of a JPEG is honoured", async () => {
  const upright = await decodeImage(fixture("orientation_1.jpg"));
  assert.deepEqual([upright.width, upright.height], [24, 16]);
  for (let orientation = 2; orientation <= 8; orientation++) {
    const turned = await decodeImage(fixture(`orientation_${orientation}.jpg`));
    assert.deepEqual([turned.width, turned.height], [24, 16], `orientation ${orientation}`);
    let worst = 0;
    turned.data.forEach((v, i) => worst = Math.max(worst, Math.abs(v - upright.data[i])));
    assert(worst <= 8, `orientation ${orientation} differs by ${worst}`);
  }
});

Deno.test("a truncated or damaged JPEG is refused, and the next one still decodes", async () => {
  const good = fixture("colour_baseline.jpg");
  for (const length of [2, 10, 100, good.length >> 1, good.length - 40]) {
    await assert.rejects(decodeImage(good.subarray(0, length)), InvalidInput, `${length} bytes`);
  }
  const flood = new Uint8Array(good);
  const frame = flood.findIndex((byte, i) => byte === 0xff && flood[i + 1] === 0xc0);
  flood.fill(0xff, frame + 5, frame + 9);
  await assert.rejects(decodeImage(flood), /more than the allowed/);
  await decodeImage(good);
});

Deno.test("the pool decodes away from this thread and ends what takes too long", async () => {
  const pool = new DecodePool({ ...limits.picture, idleMs: 60_000 });
  try {
    const source = noise(40, 30, 3, 16);
    const png = encodePng(source);
    const results = await Promise.all(Array.from({ length: 5 }, () => pool.decode(png)));
    for (const result of results) assert.deepEqual(result, source);
    const checked = await pool.check(png.slice());
    assert.deepEqual(checked.header, { width: 40, height: 30, channels: 3, bits: 16 });
    assert.deepEqual(checked.bytes, png);
    await assert.rejects(pool.check(png.subarray(0, 50)), InvalidInput);
    const small = await pool.toPng(png, { size: [4, 3] });
    assert.equal((await pool.decode(small.png)).width, 4);
  } finally {
    await pool.close();
  }

  const slow = new DecodePool({ ...limits.picture, cpuMs: 1, cpuMsPerUnit: 0 });
  try {
    const large = encodePng(noise(2000, 2000, 1, 8));
    await assert.rejects(slow.decode(large), /takes longer than 0.001 s/);
  } finally {
    await slow.close();
  }
});

Deno.test("a large picture decodes within its processor time while every core is busy", async () => {
  const picture = noise(3000, 2500, 1, 16);
  const png = encodePng(picture);
  const command = new Deno.Command(Deno.execPath(), { args: ["eval", "for (;;);"] });
  const busy = Array.from({ length: 2 * navigator.hardwareConcurrency }, () => command.spawn());
  // A tenth of what the table allows.
  const pool = new DecodePool({ ...limits.picture, cpuMs: 1500, cpuMsPerUnit: 200 });
  try {
    assert.deepEqual((await pool.decode(png)).data.subarray(-1000), picture.data.subarray(-1000));
  } finally {
    for (const process of busy) process.kill();
    await Promise.all(busy.map((process) => process.status));
    await pool.close();
  }
});

sharedTest(
  "every good PNG of PngSuite decodes, every bad one is refused",
  ["badinputs/png-libspng/images/basn0g01.png"],
  async (first) => {
    const folder = first.slice(0, first.lastIndexOf("/"));
    // Width, height, channels, bits and SHA-256 of the samples, as OpenCV 4.6 reads them.
    const expected: Record<string, [number, number, number, number, string]> = JSON.parse(
      new TextDecoder().decode(fixture("pngsuite.json")),
    );
    let good = 0;
    for (const { name } of Deno.readDirSync(folder)) {
      if (!name.endsWith(".png")) continue;
      const bytes = Deno.readFileSync(`${folder}/${name}`);
      if (name.startsWith("x")) {
        await assert.rejects(decodeImage(bytes), InvalidInput, name);
        continue;
      }
      const { width, height, channels, bits, data } = await decodeImage(bytes);
      const digest = createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex");
      assert.deepEqual([width, height, channels, bits, digest], expected[name], name);
      good++;
    }
    assert.equal(good, Object.keys(expected).length);
  },
);

for (
  const corpus of [
    "png-libspng/crashers",
    "png-imagers/bugfixes",
    "gofuzz/png/corpus",
    "gofuzz/jpeg/corpus",
  ]
) {
  sharedTest(
    `hostile pictures are refused or read: ${corpus}`,
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
