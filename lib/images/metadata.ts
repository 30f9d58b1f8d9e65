/**
 * Pictures without what their files say besides: texts, EXIF, XMP, comments, thumbnails, whatever follows the end.
 * Names of persons stand there. The compressed pixels stay as they are, byte for byte; of EXIF the orientation stays,
 * as it decides how the picture stands.
 */
import { Buffer } from "node:buffer";
import { readJpegHeader } from "./jpeg_header.ts";
import type { ImageFormat } from "./sniff.ts";
import { InvalidInput } from "@/lib/errors.ts";

/** The same picture, and the same buffer where there is nothing to leave out, or it is damaged. */
export function withoutMetadata(
  format: ImageFormat,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const kept = format === "png"
    ? pngParts(bytes)
    : format === "jpeg"
    ? jpegParts(bytes)
    : undefined;
  if (!kept || areWhole(kept, bytes)) return bytes;
  const out = new Uint8Array(kept.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of kept) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Whether the parts are the bytes, one after the other; those of the same buffer are not looked at. */
function areWhole(parts: Uint8Array[], bytes: Uint8Array): boolean {
  let at = 0;
  for (const part of parts) {
    const same = part.buffer === bytes.buffer
      ? part.byteOffset === bytes.byteOffset + at
      : Buffer.compare(part, bytes.subarray(at, at + part.length)) === 0;
    if (!same) return false;
    at += part.length;
  }
  return at === bytes.length;
}

/** Chunks that make the pixels, or say how their numbers look (PNG, 5.6 and 11.3). */
const pngChunks = new Set(
  "IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP bKGD pHYs".split(" "),
);

/** undefined for a file that ends before IEND. */
function pngParts(bytes: Uint8Array): Uint8Array[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts = [bytes.subarray(0, 8)];
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) return undefined;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    // Unknown critical chunks stay, for the decoder to refuse.
    if (pngChunks.has(type) || (bytes[at + 4] & 0x20) === 0) parts.push(bytes.subarray(at, end));
    if (type === "IEND") return parts;
    at = end;
  }
  return undefined;
}

const starts = (body: Uint8Array, text: string) =>
  [...text].every((letter, i) => body[i] === letter.charCodeAt(0));

/** Application segments that colours need: ICC profiles, Adobe's transform. */
const isNeeded = (marker: number, body: Uint8Array): boolean =>
  (marker === 0xe2 && starts(body, "ICC_PROFILE\0")) || (marker === 0xee && starts(body, "Adobe"));

/** JFIF's segment without its thumbnail: that it is there decides the colours. */
function withoutThumbnail(segment: Uint8Array): Uint8Array {
  const plain = segment.slice(0, 18);
  plain.set([0, 16], 2);
  plain.set([0, 0], 16);
  return plain;
}

/** An APP1 segment with an EXIF directory of one entry, the orientation. */
function orientationSegment(orientation: number): Uint8Array {
  // deno-fmt-ignore
  return Uint8Array.of(
    0xff, 0xe1, 0, 34, ...[..."Exif\0\0MM"].map((letter) => letter.charCodeAt(0)), 0, 42, 0, 0, 0, 8,
    0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0,
  );
}

/** undefined for a file that ends before EOI. */
function jpegParts(bytes: Uint8Array): Uint8Array[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const orientation = orientationOf(bytes);
  if (orientation === undefined) return undefined;
  const parts = [bytes.subarray(0, 2)];
  if (orientation !== 1) parts.push(orientationSegment(orientation));
  for (let at = 2;;) {
    at = bytes.indexOf(0xff, at);
    while (at >= 0 && bytes[at + 1] === 0xff) at++;
    if (at < 0 || at + 2 > bytes.length) return undefined;
    const marker = bytes[at + 1];
    if (marker === 0xd9) {
      parts.push(bytes.subarray(at, at + 2));
      return parts;
    }
    // Markers without a length: restarts, TEM.
    if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    if (at + 4 > bytes.length) return undefined;
    let end = at + 2 + view.getUint16(at + 2);
    if (end > bytes.length) return undefined;
    const isApplication = marker >= 0xe0 && marker <= 0xef;
    const body = bytes.subarray(at + 4, end);
    if (marker === 0xe0 && starts(body, "JFIF\0") && body.length >= 14) {
      parts.push(withoutThumbnail(bytes.subarray(at, end)));
      at = end;
      continue;
    }
    if (marker === 0xda) end = endOfScan(bytes, end);
    // fe is a comment; f0 to fd are extensions that nothing here reads.
    const dropped = isApplication ? !isNeeded(marker, body) : marker >= 0xf0;
    if (!dropped) parts.push(bytes.subarray(at, end));
    at = end;
  }
}

/** Where the next marker stands that is no restart: the pixels up to there are kept as they are. */
function endOfScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}

function orientationOf(bytes: Uint8Array): number | undefined {
  try {
    return readJpegHeader(bytes).orientation;
  } catch (error) {
    if (error instanceof InvalidInput) return undefined;
    throw error;
  }
}
