/**
 * RLE of DICOM (PS3.5, annex G): byte planes, most significant first, packed like TIFF. Our own: in
 * the kept library for it, dcmjs-codecs, one damaged picture breaks every later call.
 */
import { refuse } from "./dicom_elements.ts";

/** One frame -> [pixels, samples] of `bytesPerSample` bytes, little endian. Throws InvalidInput. */
export function decodeRle(
  frame: Uint8Array,
  pixels: number,
  samples: number,
  bytesPerSample: number,
): Uint8Array {
  const planes = samples * bytesPerSample;
  if (frame.length < 64) throw refuse("its RLE header is truncated");
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint32(0, true) !== planes) {
    throw refuse(`${view.getUint32(0, true)} RLE segments, ${planes} expected`);
  }
  const out = new Uint8Array(pixels * planes);
  for (let plane = 0; plane < planes; plane++) {
    const sample = Math.floor(plane / bytesPerSample);
    const byte = bytesPerSample - 1 - plane % bytesPerSample;
    const start = view.getUint32(4 + 4 * plane, true);
    const end = plane + 1 < planes ? view.getUint32(8 + 4 * plane, true) : frame.length;
    if (start < 64 || end > frame.length || start > end) {
      throw refuse("an RLE segment is misplaced");
    }
    unpack(frame.subarray(start, end), pixels, out, sample * bytesPerSample + byte, planes);
  }
  return out;
}

/** PackBits of one plane into every `step`-th byte of `out`. */
function unpack(data: Uint8Array, count: number, out: Uint8Array, offset: number, step: number) {
  let at = 0;
  let done = 0;
  while (done < count) {
    if (at >= data.length) throw refuse("an RLE segment is truncated");
    const code = (data[at++] << 24) >> 24;
    if (code === -128) continue;
    const run = code < 0 ? 1 - code : code + 1;
    if (done + run > count) throw refuse("an RLE segment is too long");
    if (at + (code < 0 ? 1 : run) > data.length) throw refuse("an RLE segment is truncated");
    for (let i = 0; i < run; i++) out[offset + step * done++] = code < 0 ? data[at] : data[at + i];
    at += code < 0 ? 1 : run;
  }
}
