/**
 * DICOM images (PS3.3, C.7.6.3, C.11): stored values, then modality LUT or rescale, then VOI (first
 * window, or LUT), then inversion of MONOCHROME1. Grey becomes 16 bits, colour keeps 8. Of the file
 * nothing but the pixels comes out.
 */
import { Buffer } from "node:buffer";
import { codecs, type Frame } from "./dicom_codecs.ts";
import { type Elements, readDicom, refuse, text } from "./dicom_elements.ts";
import { greyPipeline } from "./dicom_grey.ts";
import { decodeRle } from "./dicom_rle.ts";
import { checkSize } from "./limits.ts";
import { type Raster, raster } from "./raster.ts";

export interface DicomOptions {
  /** Which of several frames, from 0. */
  frame?: number;
  /** Passes over the file's window, and shows all values between its smallest and largest. */
  fullRange?: boolean;
  /** Takes a file that says that patient data are burned into its pixels. */
  force?: boolean;
}

/** What the pixels look like before they are a picture. */
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

function unsigned(elements: Elements, tag: number, little: boolean, missing?: number): number {
  const value = elements.get(tag)?.value;
  if (!value || value.length < 2) {
    if (missing !== undefined) return missing;
    throw refuse(`it has no element ${tag.toString(16).padStart(8, "0")}: it is no image`);
  }
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getUint16(0, little);
}

function readFormat(elements: Elements, little: boolean): PixelFormat {
  const us = (tag: number, missing?: number) => unsigned(elements, tag, little, missing);
  if (!elements.has(0x7fe00010)) throw refuse("it has no pixels");
  const height = us(0x00280010), width = us(0x00280011);
  checkSize("DICOM", width, height);
  const allocated = us(0x00280100);
  const stored = us(0x00280101, allocated);
  const highBit = us(0x00280102, stored - 1);
  const samples = us(0x00280002, 1);
  const frames = Number(text(elements.get(0x00280008)?.value ?? new Uint8Array(0)) || 1);
  const photometric = text(elements.get(0x00280004)?.value ?? new Uint8Array(0));
  if (allocated !== 8 && allocated !== 16) {
    throw refuse(`${allocated} bits allocated are not supported`);
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
    photometric,
    planar: us(0x00280006, 0) === 1,
    frames,
    allocated,
    stored,
    highBit,
    signed: us(0x00280103, 0) === 1,
  };
}

/** Throws InvalidInput. */
export async function decodeDicom(bytes: Uint8Array, options: DicomOptions = {}): Promise<Raster> {
  const { elements, transferSyntax, littleEndian } = readDicom(bytes);
  const burned = elements.get(0x00280301)?.value;
  if (burned && text(burned) === "YES" && !options.force) {
    throw refuse("Burned In Annotation is YES, the picture itself may show patient data");
  }
  const format = readFormat(elements, littleEndian);
  const frame = options.frame ?? 0;
  if (frame >= format.frames) throw refuse(`it has ${format.frames} frames`);
  const decoded = await decodeFrame(elements, transferSyntax, littleEndian, format, frame);
  const { width, height } = format;
  if (
    decoded.width !== width || decoded.height !== height || decoded.samples !== format.samples ||
    decoded.data.length < width * height * decoded.samples * decoded.bytesPerSample
  ) throw refuse("its pixels do not fit its size");
  if (format.samples === 3) return colour(decoded, format);
  if (format.photometric === "PALETTE COLOR") {
    return palette(decoded, elements, littleEndian, format);
  }
  if (!/^MONOCHROME[12]$/.test(format.photometric)) {
    throw refuse(
      `photometric interpretation "${format.photometric.slice(0, 20)}" is not supported`,
    );
  }
  const out = raster(width, height, 1, 16);
  const values = storedValues(decoded, format);
  const map = greyPipeline(elements, littleEndian, format, values, options.fullRange ?? false);
  for (let i = 0; i < out.data.length; i++) out.data[i] = map(values[i]);
  return out;
}

async function decodeFrame(
  elements: Elements,
  syntax: string,
  little: boolean,
  format: PixelFormat,
  frame: number,
): Promise<Frame> {
  const { width, height, samples, allocated } = format;
  const { value, fragments, vr } = elements.get(0x7fe00010)!;
  const bytesPerSample = allocated / 8;
  const raw = { bytesPerSample, samples, width, height, isRgb: false };
  if (/^1\.2\.840\.10008\.1\.2(\.1|\.2|\.1\.99)?$/.test(syntax)) {
    const subsampled = format.photometric === "YBR_FULL_422" && samples === 3;
    if (subsampled && (allocated !== 8 || width % 2 !== 0)) {
      throw refuse("YBR_FULL_422 of this size is not supported");
    }
    const length = width * height * (subsampled ? 2 : samples) * bytesPerSample;
    if (value.length < length * (frame + 1)) throw refuse("its pixels are truncated");
    let data = value.subarray(length * frame, length * (frame + 1));
    if (!little && (allocated === 16 || vr === "OW")) {
      if (allocated === 8) {
        // Bytes lie in words: frames of odd length start inside one.
        const swapped = Buffer.from(value.subarray(0, value.length & ~1)).swap16();
        if (swapped.length < length * (frame + 1)) throw refuse("its pixels are truncated");
        data = swapped.subarray(length * frame, length * (frame + 1));
      } else data = Buffer.from(data).swap16();
    }
    if (subsampled) return { ...raw, data: spreadChroma(data) };
    return {
      ...raw,
      data: format.planar && samples === 3
        ? interleave(data, width * height, bytesPerSample)
        : data,
    };
  }
  if (!fragments) throw refuse("its compressed pixels are not in fragments");
  const data = frameFragments(fragments, format.frames, frame);
  if (syntax === "1.2.840.10008.1.2.5") {
    return { ...raw, data: decodeRle(data, width * height, samples, bytesPerSample) };
  }
  if (!Object.hasOwn(codecs, syntax)) {
    throw refuse(`transfer syntax ${syntax.slice(0, 64)} is not supported`);
  }
  return await codecs[syntax](data, format.photometric === "RGB");
}

/** The bytes of one frame: by the offset table, or one fragment each. */
function frameFragments(fragments: Uint8Array[], frames: number, frame: number): Uint8Array {
  const [table, ...parts] = fragments;
  if (!table || parts.length === 0) throw refuse("it has no pixels");
  if (frames === 1) return Buffer.concat(parts);
  if (parts.length === frames) return parts[frame];
  if (table.length < 4 * frames) throw refuse("its frames cannot be told apart");
  const offsets = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const start = offsets.getUint32(4 * frame, true);
  const end = frame + 1 < frames ? offsets.getUint32(4 * frame + 4, true) : Infinity;
  let at = 0;
  const own = parts.filter((part) => {
    const here = at >= start && at < end;
    at += part.length + 8;
    return here;
  });
  if (own.length === 0) throw refuse("its offset table is damaged");
  return Buffer.concat(own);
}

/** Y Y B R for every two pixels -> Y B R for each. */
function spreadChroma(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length / 2 * 3);
  for (let i = 0, o = 0; i < data.length; i += 4, o += 6) {
    out.set([data[i], data[i + 2], data[i + 3], data[i + 1], data[i + 2], data[i + 3]], o);
  }
  return out;
}

/** [3, pixels] -> [pixels, 3] */
function interleave(data: Uint8Array, pixels: number, bytes: number): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) {
      for (let b = 0; b < bytes; b++) {
        out[(i * 3 + c) * bytes + b] = data[(c * pixels + i) * bytes + b];
      }
    }
  }
  return out;
}

/** The stored bits of every sample as a number, with its sign. */
function storedValues(frame: Frame, format: PixelFormat): Int32Array {
  const count = frame.width * frame.height * frame.samples;
  const { data, bytesPerSample } = frame;
  const raw = (i: number) => bytesPerSample === 1 ? data[i] : data[2 * i] | (data[2 * i + 1] << 8);
  const container = bytesPerSample * 8;
  // Codecs give the value itself, in as many bytes as it needs; raw samples may sit higher.
  const shift = container === format.allocated ? format.highBit + 1 - format.stored : 0;
  let bits = format.stored;
  if (format.signed && shift === 0) {
    // Where a negative value fills the unused bits too, they belong to the value.
    for (let i = 0; i < count && bits < container; i++) {
      if (raw(i) >> (container - 1)) bits = container;
    }
  }
  const mask = 2 ** bits - 1;
  const sign = format.signed ? 2 ** (bits - 1) : 0;
  const values = new Int32Array(count);
  // (v ^ sign) - sign extends the sign bit.
  for (let i = 0; i < count; i++) values[i] = (((raw(i) >> shift) & mask) ^ sign) - sign;
  return values;
}

function colour(frame: Frame, format: PixelFormat): Raster {
  if (format.allocated !== 8 || frame.bytesPerSample !== 1) {
    const out = raster(format.width, format.height, 3, 16);
    const values = storedValues(frame, { ...format, signed: false });
    const scale = 65535 / (2 ** format.stored - 1);
    for (let i = 0; i < values.length; i++) out.data[i] = Math.round(values[i] * scale);
    return out;
  }
  const out = raster(format.width, format.height, 3, 8);
  out.data.set(frame.data.subarray(0, out.data.length));
  if (!frame.isRgb && /^YBR_FULL(_422)?$/.test(format.photometric)) fromYbr(out.data as Uint8Array);
  else if (!frame.isRgb && format.photometric !== "RGB") {
    throw refuse(
      `photometric interpretation "${format.photometric.slice(0, 20)}" is not supported`,
    );
  }
  return out;
}

/** YBR_FULL -> RGB in place (PS3.3, C.7.6.3.1.2). */
function fromYbr(data: Uint8Array): void {
  const clamp = (value: number) => Math.min(255, Math.max(0, Math.round(value)));
  for (let i = 0; i < data.length; i += 3) {
    const y = data[i], b = data[i + 1] - 128, r = data[i + 2] - 128;
    data[i] = clamp(y + 1.402 * r);
    data[i + 1] = clamp(y - 0.344136 * b - 0.714136 * r);
    data[i + 2] = clamp(y + 1.772 * b);
  }
}

function palette(frame: Frame, elements: Elements, little: boolean, format: PixelFormat): Raster {
  const out = raster(format.width, format.height, 3, 16);
  const values = storedValues(frame, format);
  for (let c = 0; c < 3; c++) {
    const descriptor = elements.get(0x00281101 + c)?.value;
    const table = elements.get(0x00281201 + c)?.value;
    if (!descriptor || descriptor.length < 6 || !table) throw refuse("its palette is missing");
    const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength);
    const entries = view.getUint16(0, little) || 65536;
    const first = format.signed ? view.getInt16(2, little) : view.getUint16(2, little);
    const bytes = table.length >= entries * 2 ? 2 : 1;
    if (table.length < entries * bytes) throw refuse("its palette is truncated");
    const data = new DataView(table.buffer, table.byteOffset, table.byteLength);
    for (let i = 0; i < values.length; i++) {
      const index = Math.min(entries - 1, Math.max(0, values[i] - first));
      out.data[3 * i + c] = bytes === 2 ? data.getUint16(2 * index, little) : table[index] * 257;
    }
  }
  return out;
}
