/** Pictures of many pixels in few bytes, made without ever holding their pixels. */
import { crc32, deflateRawSync } from "node:zlib";
import { type Bytes, joined } from "./inputs.ts";

const text = (value: string): Bytes => new TextEncoder().encode(value);

/** Zeros, so many bytes, as zlib packs them, without ever holding them. */
function packedZeros(bytes: number): Bytes {
  const block = 2 ** 20;
  // Each ends on a byte and needs nothing before it.
  const packed = deflateRawSync(new Uint8Array(block), { finishFlush: 3, level: 9 });
  const rest = deflateRawSync(new Uint8Array(bytes % block), { level: 9 });
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, ((bytes % 65521) << 16) | 1);
  const whole = Array.from({ length: Math.floor(bytes / block) }, () => packed);
  return joined([new Uint8Array([0x78, 0xda]), ...whole, rest, sum]);
}

/** A black PNG of many pixels in few bytes. */
export function blackPng(width: number, height: number, depth: 8 | 16, colour: 0 | 2 | 6): Bytes {
  const samples = { 0: 1, 2: 3, 6: 4 }[colour];
  const row = 1 + width * samples * depth / 8;
  const chunk = (type: string, body: Uint8Array) => {
    const out = joined([new Uint8Array(4), text(type), body, new Uint8Array(4)]);
    const view = new DataView(out.buffer);
    view.setUint32(0, body.length);
    view.setUint32(out.length - 4, crc32(out.subarray(4, -4)));
    return out;
  };
  const head = new Uint8Array(13);
  new DataView(head.buffer).setUint32(0, width);
  new DataView(head.buffer).setUint32(4, height);
  head.set([depth, colour], 8);
  return joined([
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head),
    chunk("IDAT", packedZeros(row * height)),
    chunk("IEND", new Uint8Array()),
  ]);
}
