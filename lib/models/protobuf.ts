/**
 * Writes Protocol Buffers messages: varints, bytes and nested messages (encoding guide, proto3).
 *
 * Ours, because a reader is not needed and onnx-proto 8.0.1 is not lean: with protobufjs 6 it brings
 * 15 packages more into every start.
 */

/** Fields of one message, as encoded bytes. */
export class Message {
  private readonly parts: Uint8Array[] = [];

  /** A non-negative integer field. */
  int(field: number, value: number): this {
    this.parts.push(varint(field * 8), varint(value));
    return this;
  }

  /** A 32-bit float field. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.parts.push(varint(field * 8 + 5), bytes);
    return this;
  }

  /** A 64-bit float field. */
  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.parts.push(varint(field * 8 + 1), bytes);
    return this;
  }

  /** A packed list of non-negative integers. */
  ints(field: number, values: number[]): this {
    return this.bytes(field, concat(values.map(varint)));
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    this.parts.push(varint(field * 8 + 2), varint(value.length), value);
    return this;
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.finish());
  }

  finish(): Uint8Array<ArrayBuffer> {
    return concat(this.parts);
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  while (value >= 128) {
    bytes.push(value % 128 + 128);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
  return Uint8Array.from(bytes);
}

function concat(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
