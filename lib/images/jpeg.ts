/** JPEG, baseline and progressive, 8 bit, by libjpeg-turbo in WebAssembly; grey stays grey. */
// @ts-types="./codec.d.ts"
import openCodec from "@cornerstonejs/codec-libjpeg-turbo-8bit";
import wasm from "@cornerstonejs/codec-libjpeg-turbo-8bit/wasm" with { type: "bytes" };
import { InvalidInput } from "@/lib/errors.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import { checkSize } from "./limits.ts";
import { orient } from "./orientation.ts";
import type { Raster } from "./raster.ts";
import { wasmCodec } from "./wasm_codec.ts";

const refuse = (why: string) => new InvalidInput(`Cannot decode JPEG: ${why}`);

const decode = wasmCodec(
  openCodec,
  wasm,
  (codec) => new codec.JPEGDecoder(),
  () => refuse("its pixels are damaged or truncated"),
);

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
  const { data, width, height, componentCount } = await decode(bytes, () => ({}));
  if (componentCount !== channels || data.length !== width * height * channels) {
    throw refuse("its frame header does not fit its pixels");
  }
  return { width, height, channels, bits: 8, data };
}
