/** What a DICOM file says about its pixels (PS3.3, C.7.6.3). */
import { Buffer } from "node:buffer";
import { type Elements, refuse, text } from "./dicom_elements.ts";
import { checkSize } from "./limits.ts";

export interface PixelFormat {
  width: number;
  height: number;
  samples: number;
  photometric: string;
  planar: boolean;
  frames: number;
  allocated: 8 | 16;
  stored: number;
  highBit: number;
  signed: boolean;
}

/** One frame's samples as a codec gives them. */
export interface Frame {
  /** [pixels, samples], little endian, `bytesPerSample` bytes each. */
  data: Uint8Array;
  bytesPerSample: number;
  samples: number;
  width: number;
  height: number;
  /** Bits of a sample that the codec knows of; those allocated where there is no codec. */
  precision: number;
  /** The codec knows of a sign, and filled the whole sample with it. */
  signed?: boolean;
  /** Values may be beside those that were coded. */
  lossy?: boolean;
  /** Colours are red, green, blue already, whatever the file calls them. */
  isRgb?: boolean;
}

/** Throws InvalidInput for what is no picture, or none that is read here. */
export function readFormat(elements: Elements, little: boolean): PixelFormat {
  const us = (tag: number, missing?: number) => unsigned(elements, tag, little, missing);
  if (!elements.has(0x7fe00010)) {
    throw refuse("it has no pixels (7FE0,0010): it may be a report or a file of numbers");
  }
  const height = us(0x00280010), width = us(0x00280011);
  checkSize("DICOM", width, height);
  const allocated = us(0x00280100);
  const stored = us(0x00280101, allocated);
  const highBit = us(0x00280102, stored - 1);
  const samples = us(0x00280002, 1);
  const frames = Number(text(elements.get(0x00280008)?.value ?? new Uint8Array(0)) || 1);
  if (allocated !== 8 && allocated !== 16) {
    throw refuse(`${allocated} bits allocated are not supported: convert it to 8 or 16`);
  }
  if (stored < 1 || stored > allocated || highBit < stored - 1 || highBit >= allocated) {
    throw refuse(`${stored} bits stored with high bit ${highBit} do not fit`);
  }
  if (samples !== 1 && samples !== 3) {
    throw refuse(`${samples} samples per pixel are not supported`);
  }
  if (!Number.isInteger(frames) || frames < 1) throw refuse("its number of frames is damaged");
  return {
    width,
    height,
    samples,
    photometric: text(elements.get(0x00280004)?.value ?? new Uint8Array(0)),
    planar: us(0x00280006, 0) === 1,
    frames,
    allocated,
    stored,
    highBit,
    signed: us(0x00280103, 0) === 1,
  };
}

function unsigned(elements: Elements, tag: number, little: boolean, missing?: number): number {
  const value = elements.get(tag)?.value;
  if (!value || value.length < 2) {
    if (missing !== undefined) return missing;
    const name = tag.toString(16).padStart(8, "0");
    throw refuse(`it has no element ${name}, which every picture has`);
  }
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getUint16(0, little);
}

export const unsupportedPhotometric = ({ photometric, samples }: PixelFormat) =>
  refuse(
    `photometric interpretation "${photometric.slice(0, 20)}" with ${samples} ` +
      `${samples === 1 ? "sample" : "samples"} per pixel is not supported`,
  );

/**
 * The stored value of every sample, with its sign: bits above Bits Stored are ignored. What a lossy
 * codec puts beyond them is brought to the nearest value, as wrapping round would turn white black.
 */
export function storedValues(frame: Frame, format: PixelFormat): Int32Array {
  const { data, bytesPerSample, precision, lossy = false } = frame;
  const count = frame.width * frame.height * frame.samples;
  const { stored, highBit, signed } = format;
  // A codec that knows of fewer bits gives the value itself; else it sits up to the high bit.
  const shift = precision > highBit ? highBit + 1 - stored : 0;
  const container = bytesPerSample * 8;
  const least = signed ? -(2 ** (stored - 1)) : 0;
  const greatest = 2 ** (signed ? stored - 1 : stored) - 1;
  // Where the sign bit is: in the codec's own sign, or at the top of the stored bits.
  const bits = lossy
    ? (frame.signed ? container : Math.min(precision - shift, container))
    : frame.signed
    ? stored
    : Math.min(stored, precision);
  const unused = 32 - bits;
  const withSign = lossy ? signed || frame.signed : signed;
  const values = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const raw = bytesPerSample === 1 ? data[i] : data[2 * i] | data[2 * i + 1] << 8;
    const value = (raw >> shift) << unused;
    values[i] = withSign ? value >> unused : value >>> unused;
  }
  if (lossy) {
    for (let i = 0; i < count; i++) {
      values[i] = Math.min(greatest, Math.max(least, values[i]));
    }
  }
  return values;
}

/** The bytes of one frame: by an offset table, by its first bytes, or one fragment each. */
export function frameFragments(elements: Elements, frames: number, frame: number): Uint8Array {
  const [table, ...parts] = elements.get(0x7fe00010)!.fragments!;
  if (!table || parts.length === 0) throw refuse("it has no pixels");
  if (frames === 1) return Buffer.concat(parts);
  if (parts.length === frames) return parts[frame];
  const offsets = frameOffsets(elements, table, parts, frames);
  if (!offsets) throw refuse("its frames cannot be told apart: it has no table of their places");
  const start = offsets[frame], end = offsets[frame + 1] ?? Infinity;
  let at = 0;
  const own = parts.filter((part) => {
    const here = at >= start && at < end;
    at += part.length + 8;
    return here;
  });
  if (own.length === 0) throw refuse("its offset table is damaged");
  return Buffer.concat(own);
}

/** Where frames begin, in bytes from the first fragment's item (PS3.5, A.4; PS3.3, C.7.6.3.1.8). */
function frameOffsets(
  elements: Elements,
  table: Uint8Array,
  parts: Uint8Array[],
  frames: number,
): number[] | undefined {
  const view = (bytes: Uint8Array) =>
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places = Array.from({ length: Math.min(frames, parts.length) }, (_, i) => i);
  if (table.length >= 4 * frames && parts.length >= frames) {
    return places.map((i) => view(table).getUint32(4 * i, true));
  }
  const extended = elements.get(0x7fe00001)?.value;
  if (extended && extended.length >= 8 * frames && parts.length >= frames) {
    return places.map((i) => Number(view(extended).getBigUint64(8 * i, true)));
  }
  // Start of image of any JPEG, start of codestream of JPEG 2000.
  const starts: number[] = [];
  let at = 0;
  for (const part of parts) {
    if (part[0] === 0xff && (part[1] === 0xd8 || part[1] === 0x4f)) starts.push(at);
    at += part.length + 8;
  }
  return starts.length === frames ? starts : undefined;
}
