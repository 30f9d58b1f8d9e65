/** DICOM files for tests, element by element. */
import { deflateRawSync } from "node:zlib";

export const bytes = (text: string) => [...new TextEncoder().encode(text)];
export const u16 = (...values: number[]) => values.flatMap((v) => [v & 255, (v >> 8) & 255]);

export type Value = number[] | { items: Record<string, Value>[] };

/** Elements in explicit little endian. */
function encode(elements: Record<string, Value>): number[] {
  return Object.entries(elements).flatMap(([key, value]) => {
    const [tag, vr] = key.split(" ");
    const head = [...u16(parseInt(tag.slice(0, 4), 16), parseInt(tag.slice(4), 16)), ...bytes(vr)];
    const body = Array.isArray(value) ? [...value] : value.items.flatMap((item) => {
      const inner = encode(item);
      return [0xfe, 0xff, 0x00, 0xe0, ...u16(inner.length, inner.length >> 16), ...inner];
    });
    if (body.length % 2) body.push(vr === "OB" || vr === "OW" ? 0 : 0x20);
    const length = u16(body.length, body.length >> 16);
    return ["OB", "OW", "SQ", "UN"].includes(vr)
      ? [...head, 0, 0, ...length, ...body]
      : [...head, ...length.slice(0, 2), ...body];
  });
}

/** A grey picture of 16-bit values with more elements; they must come in the order of tags. */
export function dicom(pixels: number[], more: Record<string, Value> = {}, deflated = false) {
  const elements: Record<string, Value> = {
    "00280002 US": u16(1),
    "00280004 CS": bytes("MONOCHROME2"),
    "00280010 US": u16(1),
    "00280011 US": u16(pixels.length),
    "00280100 US": u16(16),
    "00280101 US": u16(12),
    "00280102 US": u16(11),
    "00280103 US": u16(0),
    "7fe00010 OW": u16(...pixels),
    ...more,
  };
  const sorted = Object.fromEntries(Object.entries(elements).sort(([a], [b]) => a < b ? -1 : 1));
  const syntax = deflated ? "1.2.840.10008.1.2.1.99" : "1.2.840.10008.1.2.1\0";
  const body = encode(sorted);
  return new Uint8Array([
    ...new Array(128).fill(0),
    ...bytes("DICM"),
    ...encode({ "00020010 UI": bytes(syntax) }),
    ...(deflated ? deflateRawSync(new Uint8Array(body)) : body),
  ]);
}
