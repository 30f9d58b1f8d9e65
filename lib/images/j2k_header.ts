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

/** Throws InvalidInput, also for components that differ. */
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
  return {
    width: u32(size + 4) - u32(size + 12),
    height: u32(size + 8) - u32(size + 16),
    components,
    precision: (depth & 127) + 1,
    signed: depth >= 128,
    reversible: isReversible(view, start + 2),
  };
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

/** The wavelet of the marker COD, before the first tile. */
function isReversible(view: DataView, at: number): boolean {
  while (at + 14 <= view.byteLength) {
    const marker = view.getUint16(at);
    if (marker === 0xff52) return view.getUint8(at + 13) === 1;
    if (marker === 0xff90) break;
    at += 2 + view.getUint16(at + 2);
  }
  throw refuse("the file ends in its header");
}
