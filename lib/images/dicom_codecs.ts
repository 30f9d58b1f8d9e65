/** Compressed pixels of DICOM (PS3.5, annex A), by the libraries that are kept for them. */
import { Buffer } from "node:buffer";
// @ts-types="./codec.d.ts"
import openCharls from "@cornerstonejs/codec-charls";
import charlsWasm from "@cornerstonejs/codec-charls/wasm" with { type: "bytes" };
// @ts-types="./codec.d.ts"
import openOpenJpeg from "@cornerstonejs/codec-openjpeg";
import openJpegWasm from "@cornerstonejs/codec-openjpeg/wasm" with { type: "bytes" };
// @ts-types="./codec.d.ts"
import openOpenJph from "@cornerstonejs/codec-openjph";
import openJphWasm from "@cornerstonejs/codec-openjph/wasm" with { type: "bytes" };
import { interleave } from "./dicom_colour.ts";
import { refuse } from "./dicom_elements.ts";
import type { Frame, PixelFormat } from "./dicom_format.ts";
import { readJ2kHeader, withoutSign } from "./j2k_header.ts";
import { decodeJpegSamples } from "./jpeg.ts";
import { decodeExtendedJpeg } from "./jpeg_extended.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import { decodeLosslessJpeg } from "./jpeg_lossless.ts";
import { type Decoded, wasmCodec } from "./wasm_codec.ts";

type DecodeFrame = (data: Uint8Array, format: PixelFormat) => Promise<Frame> | Frame;

const damaged = () => refuse("its compressed pixels are damaged or truncated");

const charls = wasmCodec(
  openCharls,
  charlsWasm,
  (codec) => new codec.JpegLSDecoder(),
  damaged,
);
const openJpeg = wasmCodec(openOpenJpeg, openJpegWasm, (codec) => new codec.J2KDecoder(), damaged);
const openJph = wasmCodec(openOpenJph, openJphWasm, (codec) => new codec.HTJ2KDecoder(), damaged);

/** Before anything is allocated: what is compressed is what the file says. */
function checkFit(
  header: { width: number; height: number; components: number },
  { width, height, samples }: PixelFormat,
): void {
  if (header.width !== width || header.height !== height || header.components !== samples) {
    throw refuse(
      `its compressed pixels are ${header.width} x ${header.height} x ${header.components}, ` +
        `the file says ${width} x ${height} x ${samples}`,
    );
  }
}

function frameOf(decoded: Decoded): Frame {
  const { data, width, height, componentCount, bitsPerSample } = decoded;
  const bytesPerSample = bitsPerSample > 8 ? 2 : 1;
  if (data.length !== width * height * componentCount * bytesPerSample) throw damaged();
  return {
    data,
    bytesPerSample,
    samples: componentCount,
    width,
    height,
    precision: bitsPerSample,
  };
}

async function jpegLs(data: Uint8Array, format: PixelFormat): Promise<Frame> {
  checkFit(readJpegHeader(data), format);
  // Where the end marker is missing, the library may look for it for ever.
  let end = data.length;
  while (end > 2 && data[end - 1] === 0) end--;
  if (data[end - 2] !== 0xff || data[end - 1] !== 0xd9) throw damaged();
  const decoded = await charls(data, (decoder) => ({
    planes: decoder.getInterleaveMode() === 0,
    near: decoder.getNearLossless(),
  }));
  const frame = { ...frameOf(decoded), lossy: decoded.near > 0 };
  if (decoded.planes && frame.samples === 3) {
    frame.data = interleave(frame.data, frame.width * frame.height, frame.bytesPerSample);
  }
  return frame;
}

const jpeg2000 =
  (decode: typeof openJpeg | typeof openJph): DecodeFrame => async (data, format) => {
    const header = readJ2kHeader(data);
    checkFit(header, format);
    const { signed, reversible, precision } = header;
    // The libraries bring negative values of 8 bits to 0: they see none.
    const frame = frameOf(await decode(signed ? withoutSign(data) : data, () => ({})));
    if (signed) subtract(frame, 2 ** (precision - 1));
    // The library undoes the codestream's own transform of colours.
    const isRgb = /^YBR_(RCT|ICT)$/.test(format.photometric);
    return { ...frame, signed, lossy: !reversible, isRgb };
  };

/** Takes `offset` from every sample, which then fills its bytes with its sign. */
function subtract({ data, bytesPerSample }: Frame, offset: number): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < data.length; at += bytesPerSample) {
    if (bytesPerSample === 1) view.setInt8(at, data[at] - offset);
    else view.setInt16(at, view.getUint16(at, true) - offset, true);
  }
}

/** Baseline, extended and progressive of 8 bits, and 12 bits of grey. */
async function jpeg(data: Uint8Array, format: PixelFormat): Promise<Frame> {
  const header = readJpegHeader(data);
  checkFit(header, format);
  const { width, height, components, precision, process } = header;
  const frame = { width, height, samples: components, precision, lossy: true, isRgb: true };
  if (precision === 12 && components === 1) {
    return { ...frame, data: bytesOf(decodeExtendedJpeg(data)), bytesPerSample: 2 };
  }
  if (precision !== 8 || process > 2 || (components !== 1 && components !== 3)) {
    throw refuse(
      `JPEG process ${process} with ${precision} bits and ${components} components is not supported`,
    );
  }
  const marked = format.photometric === "RGB" && components === 3 ? markRgb(data) : data;
  const decoded = await decodeJpegSamples(marked, components);
  return { ...frame, data: bytesOf(decoded.data), bytesPerSample: 1 };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array | Uint16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

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

function losslessJpeg(data: Uint8Array, format: PixelFormat): Frame {
  checkFit(readJpegHeader(data), format);
  const decoded = decodeLosslessJpeg(data);
  return {
    data: bytesOf(decoded.data),
    bytesPerSample: decoded.precision > 8 ? 2 : 1,
    samples: decoded.components,
    width: decoded.width,
    height: decoded.height,
    precision: decoded.precision,
  };
}

const uid = "1.2.840.10008.1.2.4.";

/** By the end of the transfer syntax's identifier. */
const codecs: Record<string, DecodeFrame> = {
  50: jpeg,
  51: jpeg,
  53: jpeg,
  55: jpeg,
  57: losslessJpeg,
  70: losslessJpeg,
  80: jpegLs,
  81: jpegLs,
  90: jpeg2000(openJpeg),
  91: jpeg2000(openJpeg),
  201: jpeg2000(openJph),
  202: jpeg2000(openJph),
  203: jpeg2000(openJph),
};

/** Names of those that no kept library decodes whole, for the answer. */
const others: [ends: RegExp, name: string][] = [
  [/^(5[24689]|6\d)$/, "retired JPEG"],
  [/^9[23]$/, "JPEG 2000 part 2"],
  [/^9[45]$|^20[45]$/, "JPIP: the pixels are on another server"],
  [/^10\d$/, "video"],
  // The kept decoder for the web gives 8 bits only.
  [/^11[012]$/, "JPEG XL"],
];

/** One frame of a compressed syntax. Throws InvalidInput, naming a syntax that is not read. */
export async function decodeCompressed(
  syntax: string,
  data: Uint8Array,
  format: PixelFormat,
): Promise<Frame> {
  const end = syntax.startsWith(uid) ? syntax.slice(uid.length) : "";
  if (Object.hasOwn(codecs, end)) return await codecs[end](data, format);
  const name = others.find(([ends]) => ends.test(end))?.[1];
  throw refuse(
    `transfer syntax ${syntax.slice(0, 64)}${name ? ` (${name})` : ""} is not supported: convert ` +
      "it to Explicit VR Little Endian, for instance with gdcmconv --raw or dcm2dcm",
  );
}
