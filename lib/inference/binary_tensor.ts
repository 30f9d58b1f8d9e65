/**
 * Tensors as bytes behind the JSON of a request or an answer: the binary tensor data extension of the Open Inference
 * Protocol (little endian, row by row; an element of BYTES is its length as u32 and its bytes).
 */
import { InvalidInput } from "@/lib/errors.ts";

const refuse = (message: string, pointer: string): never => {
  throw new InvalidInput(message, [{ pointer, message }]);
};

/** Numbers of FP32. @throws {InvalidInput} when the bytes are no whole numbers */
export function readFloats(bytes: Uint8Array, pointer: string): Float32Array<ArrayBuffer> {
  if (bytes.length % 4 !== 0) {
    refuse(`Cannot take ${bytes.length} bytes of FP32: 4 a number are needed`, pointer);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(i * 4, true));
}

/** Elements of BYTES. @throws {InvalidInput} when a length leads beyond the end */
export function readElements(
  bytes: Uint8Array<ArrayBuffer>,
  pointer: string,
): Uint8Array<ArrayBuffer>[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const elements: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = at + 4 <= bytes.length ? view.getUint32(at, true) : Infinity;
    if (at + 4 + length > bytes.length) {
      refuse(`Cannot take element ${elements.length}: its bytes are cut off`, pointer);
    }
    elements.push(bytes.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return elements;
}

/** @param data numbers of FP32, or texts of BYTES */
export function tensorBytes(data: number[] | string[]): Uint8Array<ArrayBuffer> {
  if (data.every((value) => typeof value === "number")) {
    const view = new DataView(new ArrayBuffer(data.length * 4));
    data.forEach((value, i) => view.setFloat32(i * 4, value, true));
    return new Uint8Array(view.buffer);
  }
  const texts = (data as string[]).map((text) => new TextEncoder().encode(text));
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + 4 + length, 0));
  let at = 0;
  for (const text of texts) {
    new DataView(bytes.buffer).setUint32(at, text.length, true);
    bytes.set(text, at + 4);
    at += 4 + text.length;
  }
  return bytes;
}
