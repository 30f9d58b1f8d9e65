/**
 * Libraries of C and C++ compiled to WebAssembly. Their code comes in as an import, so that the
 * process needs no permission for it. A codec that failed is opened again, as its memory is not
 * trusted then; so is one that held a large picture, as such memory grows and never shrinks.
 */
import type { Codec, Decoder, FrameInfo } from "./codec.d.ts";

type Open = (typeof import("./codec.d.ts"))["default"];

export interface Decoded extends FrameInfo {
  /** A copy of its own. */
  data: Uint8Array<ArrayBuffer>;
}

/** Bytes of a decoded picture up to which the codec's memory is kept for the next one. */
const keptBytes = 8 * 2 ** 20;

/**
 * A function that decodes; `more` reads what else the decoder knows. What it throws is `failed()`,
 * whatever the library threw.
 */
export function wasmCodec<D extends Decoder>(
  open: Open,
  wasmBinary: Uint8Array,
  make: (codec: Codec) => D,
  failed: () => Error,
) {
  let codec: Promise<Codec> | undefined;
  return async <More>(bytes: Uint8Array, more: (decoder: D) => More): Promise<Decoded & More> => {
    const opened = codec ??= open({ print() {}, printErr() {}, wasmBinary });
    try {
      const decoder = make(await opened);
      decoder.getEncodedBuffer(bytes.length).set(bytes);
      decoder.decode();
      const data = new Uint8Array(decoder.getDecodedBuffer());
      const decoded = { ...decoder.getFrameInfo(), data, ...more(decoder) };
      decoder.delete();
      if (data.length > keptBytes) codec = undefined;
      return decoded;
    } catch {
      codec = undefined;
      throw failed();
    }
  };
}
