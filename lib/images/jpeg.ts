/** JPEG, baseline and progressive, 8 bit, by libjpeg-turbo compiled to script; grey stays grey. */
// @ts-types="./codec.d.ts"
import openCodec from "@cornerstonejs/codec-libjpeg-turbo-8bit";
import { InvalidInput } from "@/lib/errors.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import type { Codec } from "./codec.d.ts";
import { checkSize } from "./limits.ts";
import { orient } from "./orientation.ts";
import { type Raster, raster } from "./raster.ts";

let codec: Promise<Codec> | undefined;

const refuse = (why: string) => new InvalidInput(`Cannot decode JPEG: ${why}`);

/** Decodes a whole JPEG and turns it upright; throws InvalidInput, also for a truncated one. */
export async function decodeJpeg(bytes: Uint8Array): Promise<Raster> {
  const header = readJpegHeader(bytes);
  checkSize("JPEG", header.width, header.height);
  if (header.process > 2 || header.precision !== 8) {
    throw refuse(`process ${header.process} with ${header.precision} bits is not supported`);
  }
  if (header.components !== 1 && header.components !== 3) {
    throw refuse(`${header.components} colour components are not supported`);
  }
  return orient(await decodeJpegSamples(bytes, header.components), header.orientation);
}

/** The samples as stored, not turned upright. */
export async function decodeJpegSamples(bytes: Uint8Array, channels: 1 | 3): Promise<Raster> {
  const { JPEGDecoder } = await (codec ??= openCodec({ print() {}, printErr() {} }));
  const decoder = new JPEGDecoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const { width, height, componentCount } = decoder.getFrameInfo();
    const decoded = decoder.getDecodedBuffer();
    const out = raster(width, height, channels, 8);
    if (componentCount !== channels || decoded.length !== out.data.length) {
      throw refuse("its frame header does not fit its pixels");
    }
    out.data.set(decoded);
    decoder.delete();
    return out;
  } catch (error) {
    // The codec's memory is not trusted after a failure.
    codec = undefined;
    throw error instanceof InvalidInput ? error : refuse("its pixels are damaged or truncated");
  }
}
