/** Writes a raster as PNG without loss. */
import { crc32, deflateSync } from "node:zlib";
import { filter } from "./png_filter.ts";
import type { Raster } from "./raster.ts";

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + body.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(body, 8);
  view.setUint32(8 + body.length, crc32(out.subarray(4, 8 + body.length)));
  return out;
}

/** Samples as bytes, most significant first. */
function sampleBytes(raster: Raster): Uint8Array {
  if (raster.data instanceof Uint8Array) return raster.data;
  const bytes = new Uint8Array(raster.data.length * 2);
  for (let i = 0; i < raster.data.length; i++) {
    bytes[2 * i] = raster.data[i] >> 8;
    bytes[2 * i + 1] = raster.data[i];
  }
  return bytes;
}

export function encodePng(raster: Raster): Uint8Array<ArrayBuffer> {
  const { width, height, channels, bits } = raster;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = bits;
  header[9] = channels === 3 ? 2 : 0;
  const step = channels * bits / 8;
  const rows = filter(sampleBytes(raster), height, width * step, step);
  const parts = [
    new Uint8Array(signature),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 6 })),
    chunk("IEND", new Uint8Array(0)),
  ];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
