/** PNG is read row by row: large ones are checked and resized without being held whole. */
import assert from "node:assert/strict";
import { createDeflate } from "node:zlib";
import { crc32 } from "node:zlib";
import { checkImage, decodeImage, openImage } from "@/lib/images/decode.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { resize } from "@/lib/images/resize.ts";
import { root } from "../support/imports.ts";
import { sharedTest } from "../support/shared.ts";

Deno.test("a picture that is resized while it is read is the same as one resized afterwards", async () => {
  for (const channels of [1, 3] as const) {
    for (const bits of [8, 16] as const) {
      const source = raster(37, 29, channels, bits);
      for (let i = 0; i < source.data.length; i++) source.data[i] = (i * 2654435761) >>> 9;
      const png = encodePng(source);
      for (const size of [[37, 29], [5, 4], [80, 3], [3, 90], [100, 100]] as [number, number][]) {
        const { header, raster } = await openImage(png, { size });
        assert.deepEqual(raster, resize(source, ...size), size.join());
        assert.deepEqual(header, { width: 37, height: 29, channels, bits });
      }
      assert.deepEqual(await checkImage(png), { width: 37, height: 29, channels, bits });
    }
  }
});

sharedTest(
  "every PNG of PngSuite is checked and resized as it is decoded",
  ["badinputs/png-libspng/images/basn0g01.png"],
  async (first) => {
    const folder = first.slice(0, first.lastIndexOf("/"));
    for (const { name } of Deno.readDirSync(folder)) {
      if (!name.endsWith(".png")) continue;
      const bytes = Deno.readFileSync(`${folder}/${name}`);
      if (name.startsWith("x")) {
        await assert.rejects(checkImage(bytes), name);
        continue;
      }
      const whole = await decodeImage(bytes);
      const { data: _, ...header } = whole;
      assert.deepEqual(await checkImage(bytes), header, name);
      assert.deepEqual(await decodeImage(bytes, { size: [9, 7] }), resize(whole, 9, 7), name);
    }
  },
);

function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + body.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, body.length);
  out.set(new TextEncoder().encode(type), 4);
  out.set(body, 8);
  view.setUint32(8 + body.length, crc32(out.subarray(4, 8 + body.length)));
  return out;
}

/** A black PNG of colours and alpha, 16 bits: few bytes for very many pixels. */
async function flood(path: string, side: number): Promise<void> {
  const deflate = createDeflate();
  const row = new Uint8Array(1 + side * 8);
  const parts: Uint8Array[] = [];
  const reading = (async () => {
    for await (const part of deflate) parts.push(new Uint8Array(part));
  })();
  for (let y = 0; y < side; y++) {
    if (!deflate.write(row)) await new Promise((resolve) => deflate.once("drain", resolve));
  }
  deflate.end();
  await reading;
  const header = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 16, 6, 0, 0, 0]);
  new DataView(header.buffer).setUint32(0, side);
  new DataView(header.buffer).setUint32(4, side);
  const file = [
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    ...parts.map((part) => chunk("IDAT", part)),
    chunk("IEND", new Uint8Array(0)),
  ];
  await Deno.writeFile(path, ReadableStream.from(file));
}

Deno.test({
  name: "64 million pixels of 64 bits are checked and resized in less than 300 MB",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const folder = Deno.makeTempDirSync();
    try {
      await flood(`${folder}/flood.png`, 8000);
      const code = `
        import { checkImage, decodeImage } from "@/lib/images/decode.ts";
        const bytes = Deno.readFileSync(Deno.args[0]);
        const { width } = await checkImage(bytes);
        const small = await decodeImage(bytes, { size: [64, 64] });
        const [, peak] = /VmHWM:\\s+(\\d+)/.exec(Deno.readTextFileSync("/proc/self/status"));
        console.log(JSON.stringify([width, small.width, peak / 1024]));`;
      Deno.writeTextFileSync(`${folder}/peak.ts`, code);
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--quiet",
          "--no-check",
          `--config=${root}deno.json`,
          `${folder}/peak.ts`,
          `${folder}/flood.png`,
        ],
      }).output();
      const [width, small, megabytes] = JSON.parse(new TextDecoder().decode(stdout));
      assert.deepEqual([width, small], [8000, 64]);
      assert(megabytes < 300, `${Math.round(megabytes)} MB`);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
