/** What an ONNX file says of itself, read by the Protocol Buffers encoding alone. */

/** Fields of a message that have a length, in their order: [number, bytes]. Varints are passed over. */
function* fields(bytes: Uint8Array): Generator<[number, Uint8Array]> {
  let at = 0;
  const varint = () => {
    let value = 0, factor = 1;
    for (;; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) varint();
    else if (type === 2) {
      const length = varint();
      yield [field, bytes.subarray(at, at += length)];
    } else throw new Error(`Cannot read a field of type ${type}`);
  }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** `doc_string` and `metadata_props` of a `ModelProto`. */
export function onnxTexts(file: Uint8Array): { doc: string; metadata: Record<string, string> } {
  let doc = "";
  const metadata: Record<string, string> = {};
  for (const [field, value] of fields(file)) {
    if (field === 6) doc = text(value);
    if (field !== 14) continue;
    const [[, key], [, entry]] = [...fields(value)];
    metadata[text(key)] = text(entry);
  }
  return { doc, metadata };
}
