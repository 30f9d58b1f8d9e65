/** What a JPEG 2000 codestream says before its pixels (ISO/IEC 15444-1, annex A; boxes: annex I). */
import { InvalidInput } from "@/lib/errors.ts";

export interface J2kHeader {
  width: number;
  height: number;
  components: number;
  /** Bits per sample, the same for all components. */
  precision: number;
  signed: boolean;
  /** By the 5-3 wavelet. */
  reversible: boolean;
}

const refuse = (why: string) => new InvalidInput(`Cannot decode JPEG 2000: ${why}`);

/** Throws InvalidInput, also for components that differ and for a codestream that is cut off. */
export function readJ2kHeader(bytes: Uint8Array): J2kHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = codestreamStart(view);
  const u32 = (at: number) => view.getUint32(at);
  if (start + 42 > bytes.length) throw refuse("the file ends in its header");
  if (u32(start) !== 0xff4fff51) throw refuse("it has no codestream");
  // SIZ: length, capabilities, size and offset of the grid, tiles, number of components.
  const size = start + 4;
  const components = view.getUint16(size + 36);
  if (components === 0 || size + 38 + 3 * components > bytes.length) {
    throw refuse("the file ends in its header");
  }
  const depth = view.getUint8(size + 38);
  for (let c = 0; c < components; c++) {
    const at = size + 38 + 3 * c;
    if (view.getUint8(at) !== depth) throw refuse("components of different depths");
    if (view.getUint16(at + 1) !== 0x0101) throw refuse("components of different sizes");
  }
  const { reversible, tiles } = readMainHeader(view, start + 2);
  checkWhole(view, tiles);
  return {
    width: u32(size + 4) - u32(size + 12),
    height: u32(size + 8) - u32(size + 16),
    components,
    precision: (depth & 127) + 1,
    signed: depth >= 128,
    reversible,
  };
}

/** A copy that says that its samples have no sign: decoded, they are larger by half their range. */
export function withoutSign(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  const size = codestreamStart(view) + 4;
  const components = view.getUint16(size + 36);
  for (let c = 0; c < components; c++) copy[size + 38 + 3 * c] &= 127;
  return copy;
}

/** Raw, or in the box "jp2c" of a JP2 file. */
function codestreamStart(view: DataView): number {
  if (view.byteLength < 12 || view.getUint32(4) !== 0x6a502020) return 0;
  for (let at = 0; at + 16 <= view.byteLength;) {
    const length = view.getUint32(at);
    const header = length === 1 ? 16 : 8;
    if (view.getUint32(at + 4) === 0x6a703263) return at + header;
    if (length < 8) break;
    at += length;
  }
  throw refuse("it has no codestream");
}

/** The wavelet of the marker COD, and where the first tile part begins. */
function readMainHeader(view: DataView, at: number): { reversible: boolean; tiles: number } {
  let reversible: boolean | undefined;
  while (at + 14 <= view.byteLength) {
    const marker = view.getUint16(at);
    if (marker === 0xff52) reversible = view.getUint8(at + 13) === 1;
    if (marker === 0xff90 && reversible !== undefined) return { reversible, tiles: at };
    at += 2 + view.getUint16(at + 2);
  }
  throw refuse("the file ends in its header");
}

/**
 * Refuses a codestream whose tile parts (A.4.2) are not all there, as decoders show what they have:
 * a blurred picture.
 */
function checkWhole(view: DataView, at: number): void {
  const truncated = () => refuse("its pixels are truncated");
  // A last byte of padding may follow, the end marker may be missing.
  while (at + 2 <= view.byteLength && view.getUint16(at) === 0xff90) {
    if (at + 12 > view.byteLength) throw truncated();
    const length = view.getUint32(at + 6);
    if (length === 0) {
      // Up to the end marker.
      let end = view.byteLength;
      while (end > at && view.getUint8(end - 1) === 0) end--;
      if (end < at + 16 || view.getUint16(end - 2) !== 0xffd9) throw truncated();
      return;
    }
    if (length < 14 || at + length > view.byteLength) throw truncated();
    at += length;
  }
  if (at + 2 <= view.byteLength && view.getUint16(at) !== 0xffd9) throw truncated();
}
