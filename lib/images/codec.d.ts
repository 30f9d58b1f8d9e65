/** The part of the cornerstone codecs (libraries compiled to WebAssembly) that the decoders use. */

export interface FrameInfo {
  width: number;
  height: number;
  bitsPerSample: number;
  componentCount: number;
  isSigned: boolean;
}

export interface Decoder {
  /** Memory of the codec, `length` bytes, to be filled with the encoded picture. */
  getEncodedBuffer(length: number): Uint8Array;
  /** Throws numbers and strings of its own. */
  decode(): void;
  /** Memory of the codec; little endian where samples have more than 8 bits. */
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): FrameInfo;
  delete(): void;
}

export interface JpegLsDecoder extends Decoder {
  /** 0: one component after the other; 1 and 2: the components of a pixel beside each other. */
  getInterleaveMode(): number;
  /** 0: without loss. */
  getNearLossless(): number;
}

export interface Codec {
  JPEGDecoder: new () => Decoder;
  JpegLSDecoder: new () => JpegLsDecoder;
  J2KDecoder: new () => Decoder;
  HTJ2KDecoder: new () => Decoder;
}

export default function openCodec(options: {
  print(text: string): void;
  printErr(text: string): void;
  wasmBinary: Uint8Array;
}): Promise<Codec>;
