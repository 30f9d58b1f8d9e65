/** Compressed pixels of DICOM (PS3.5, annex A), by the libraries that are kept for them. */
import { Buffer } from "node:buffer";
// @ts-types="./codec.d.ts"
import openCharls from "@cornerstonejs/codec-charls";
// @ts-types="./codec.d.ts"
import openOpenJpeg from "@cornerstonejs/codec-openjpeg";
import { Decoder as LosslessDecoder } from "jpeg-lossless-decoder-js";
import { InvalidInput } from "@/lib/errors.ts";
import type { Codec, Decoder } from "./codec.d.ts";
import { refuse } from "./dicom_elements.ts";
import { decodeExtendedJpeg } from "./jpeg_extended.ts";
import { decodeJpegSamples } from "./jpeg.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import { checkSize } from "./limits.ts";

export interface Frame {
  /** [pixels, samples], little endian, `bytesPerSample` bytes each. */
  data: Uint8Array;
  bytesPerSample: number;
  samples: number;
  width: number;
  height: number;
  /** Colours are red, green, blue already. */
  isRgb: boolean;
}

/** `rgb`: the file says that the compressed samples are red, green, blue. */
type DecodeFrame = (data: Uint8Array, rgb: boolean) => Promise<Frame>;

/** A codec that is opened again after a failure: its memory is not trusted then. */
function library(open: typeof openCharls, make: (codec: Codec) => Decoder): DecodeFrame {
  let codec: Promise<Codec> | undefined;
  return async (data) => {
    const decoder = make(await (codec ??= open({ print() {}, printErr() {} })));
    try {
      decoder.getEncodedBuffer(data.length).set(data);
      decoder.decode();
      const { width, height, componentCount, bitsPerSample } = decoder.getFrameInfo();
      const decoded = decoder.getDecodedBuffer();
      const frame = {
        data: new Uint8Array(decoded),
        bytesPerSample: bitsPerSample > 8 ? 2 : 1,
        samples: componentCount,
        width,
        height,
        isRgb: true,
      };
      decoder.delete();
      return frame;
    } catch {
      codec = undefined;
      throw refuse("its compressed pixels are damaged or truncated");
    }
  };
}

const charls = library(openCharls, (codec) => new codec.JpegLSDecoder());
const openJpeg = library(openOpenJpeg, (codec) => new codec.J2KDecoder());

/** Baseline and extended, 8 bits, and 12 bits of grey. */
async function jpeg(data: Uint8Array, rgb: boolean): Promise<Frame> {
  const { width, height, components, precision, process } = readJpegHeader(data);
  checkSize("DICOM", width, height);
  if (precision === 12 && components === 1) {
    const decoded = decodeExtendedJpeg(data);
    const bytes = new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength);
    return { data: bytes, bytesPerSample: 2, samples: 1, width, height, isRgb: false };
  }
  if (precision !== 8 || process > 2 || (components !== 1 && components !== 3)) {
    throw refuse(`JPEG process ${process} with ${precision} bits is not supported`);
  }
  const marked = rgb && components === 3 ? markRgb(data) : data;
  const decoded = await decodeJpegSamples(marked, components);
  return {
    data: decoded.data as Uint8Array,
    bytesPerSample: 1,
    samples: components,
    width,
    height,
    isRgb: true,
  };
}

/**
 * A JPEG that says nothing of its colours is taken for luminance and chrominance; this one gets an
 * Adobe marker (transform 0) that says red, green, blue.
 */
function markRgb(data: Uint8Array): Uint8Array {
  const head = Buffer.from(data.subarray(0, 64)).toString("latin1");
  if (head.includes("\xff\xee\0\x0eAdobe") || head.includes("JFIF")) return data;
  const marker = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0];
  return Buffer.concat([data.subarray(0, 2), new Uint8Array(marker), data.subarray(2)]);
}

/** Lossless JPEG, process 14. */
function lossless(data: Uint8Array): Promise<Frame> {
  const { width, height, components, precision } = readJpegHeader(data);
  checkSize("DICOM", width, height);
  let decoded: ArrayBufferLike;
  try {
    const decoder = new LosslessDecoder();
    decoded = decoder.decompress(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  } catch (error) {
    if (error instanceof InvalidInput) throw error;
    throw refuse("its compressed pixels are damaged or truncated");
  }
  return Promise.resolve({
    data: new Uint8Array(decoded),
    bytesPerSample: precision > 8 ? 2 : 1,
    samples: components,
    width,
    height,
    isRgb: false,
  });
}

const uid = "1.2.840.10008.1.2.4.";

/** By transfer syntax; what is not here is refused. */
export const codecs: Record<string, DecodeFrame> = {
  [`${uid}50`]: jpeg,
  [`${uid}51`]: jpeg,
  [`${uid}57`]: lossless,
  [`${uid}70`]: lossless,
  [`${uid}80`]: charls,
  [`${uid}81`]: charls,
  [`${uid}90`]: openJpeg,
  [`${uid}91`]: openJpeg,
};
