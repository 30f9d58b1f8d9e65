/**
 * DICOM images (PS3.3, C.7.6.3, C.11): stored values, then modality LUT or rescale, then VOI (first
 * window, or LUT), then inversion of MONOCHROME1. Grey becomes 16 bits, colour keeps 8. Of the file
 * nothing but the pixels comes out.
 */
import { Buffer } from "node:buffer";
import { decodeCompressed } from "./dicom_codecs.ts";
import { colourRaster, interleave, paletteRaster, spreadChroma } from "./dicom_colour.ts";
import { type DicomFile, readDicom, refuse, text } from "./dicom_elements.ts";
import {
  type Frame,
  frameFragments,
  type PixelFormat,
  readFormat,
  storedValues,
  unsupportedPhotometric,
} from "./dicom_format.ts";
import { frameElements } from "./dicom_frame_groups.ts";
import { greyPipeline } from "./dicom_grey.ts";
import { decodeRle } from "./dicom_rle.ts";
import { type Raster, raster } from "./raster.ts";
import type { ViewOptions } from "./view.ts";

/** A window is in the units after the rescale. Throws InvalidInput. */
export async function decodeDicom(bytes: Uint8Array, options: ViewOptions = {}): Promise<Raster> {
  const file = readDicom(bytes);
  const burned = file.elements.get(0x00280301)?.value;
  if (burned && text(burned) === "YES" && !options.force) {
    throw refuse(
      "Burned In Annotation is YES, the picture itself may show patient data. Send it again " +
        'with "force" if it does not',
    );
  }
  const format = readFormat(file.elements, file.littleEndian);
  const { frame = 0 } = options;
  if (frame >= format.frames) {
    throw refuse(`it has ${format.frames} frames, and the first is 0: there is no frame ${frame}`);
  }
  const decoded = await decodeFrame(file, format, frame);
  const { width, height } = format;
  if (
    decoded.width !== width || decoded.height !== height || decoded.samples !== format.samples ||
    decoded.data.length < width * height * decoded.samples * decoded.bytesPerSample
  ) throw refuse("its pixels do not fit its size");
  const picture = show(decoded, file, format, frame, options);
  const notes = notesOf(file, format, options);
  return notes.length > 0 ? { ...picture, notes } : picture;
}

function show(
  decoded: Frame,
  { elements, littleEndian }: DicomFile,
  format: PixelFormat,
  frame: number,
  options: ViewOptions,
): Raster {
  const isGrey = /^MONOCHROME[12]$/.test(format.photometric) && format.samples === 1;
  if (!isGrey && (options.window || options.fullRange)) {
    throw refuse("a window or the full range is for grey pictures, this one has colours");
  }
  if (format.samples === 3) return colourRaster(decoded, format);
  if (format.photometric === "PALETTE COLOR") {
    return paletteRaster(decoded, elements, littleEndian, format);
  }
  if (!isGrey) throw unsupportedPhotometric(format);
  const out = raster(format.width, format.height, 1, 16);
  const values = storedValues(decoded, format);
  const own = frameElements(elements, frame);
  const map = greyPipeline(own, littleEndian, format, values, options);
  for (let i = 0; i < out.data.length; i++) out.data[i] = map(values[i]);
  return out;
}

/** What of the file the picture does not show. */
function notesOf({ overlays }: DicomFile, { frames }: PixelFormat, options: ViewOptions) {
  const notes: string[] = [];
  if (frames > 1 && options.frame === undefined) {
    notes.push(`The first of ${frames} frames is taken; another one with "frame", from 0`);
  }
  if (overlays) notes.push("Its overlays are not drawn");
  return notes;
}

async function decodeFrame(file: DicomFile, format: PixelFormat, frame: number): Promise<Frame> {
  const { elements, transferSyntax: syntax } = file;
  const { width, height, samples, allocated } = format;
  const bytesPerSample = allocated / 8;
  const raw = { bytesPerSample, samples, width, height, precision: allocated };
  if (/^1\.2\.840\.10008\.1\.2(\.1|\.2|\.1\.99)?$/.test(syntax)) {
    return { ...raw, data: uncompressed(file, format, frame) };
  }
  if (!elements.get(0x7fe00010)!.fragments) {
    throw refuse("its compressed pixels are not in fragments");
  }
  const data = frameFragments(elements, format.frames, frame);
  if (syntax === "1.2.840.10008.1.2.5") {
    return { ...raw, data: decodeRle(data, width * height, samples, bytesPerSample) };
  }
  return await decodeCompressed(syntax, data, format);
}

/** -> [pixels, samples], little endian. */
function uncompressed(
  { elements, littleEndian }: DicomFile,
  format: PixelFormat,
  frame: number,
): Uint8Array {
  const { width, height, samples, allocated, photometric } = format;
  const { value, vr } = elements.get(0x7fe00010)!;
  const bytes = allocated / 8;
  const subsampled = photometric === "YBR_FULL_422" && samples === 3;
  if (subsampled && (allocated !== 8 || width % 2 !== 0)) {
    throw refuse("YBR_FULL_422 of this size is not supported");
  }
  const length = width * height * (subsampled ? 2 : samples) * bytes;
  if (value.length < length * (frame + 1)) {
    throw refuse(
      `its pixels are truncated: ${value.length} bytes, ${length * format.frames} expected`,
    );
  }
  let data = value.subarray(length * frame, length * (frame + 1));
  if (!littleEndian && (allocated === 16 || vr === "OW")) {
    if (allocated === 8) {
      // Bytes lie in words: frames of odd length start inside one.
      const swapped = Buffer.from(value.subarray(0, value.length & ~1)).swap16();
      if (swapped.length < length * (frame + 1)) throw refuse("its pixels are truncated");
      data = swapped.subarray(length * frame, length * (frame + 1));
    } else data = Buffer.from(data).swap16();
  }
  if (subsampled) return spreadChroma(data);
  return format.planar && samples === 3 ? interleave(data, width * height, bytes) : data;
}
