/** DICOM files made by tests, in explicit little endian. */
import { deflateRawSync } from "node:zlib";

export const bytes = (text: string) => [...new TextEncoder().encode(text)];
export const u16 = (...values: number[]) => values.flatMap((v) => [v & 255, (v >> 8) & 255]);

export type Value = number[] | Uint8Array | { items: Record<string, Value>[] } | {
  /** Encapsulated pixels. */
  fragments: Uint8Array[];
};

const item = (tag: number, body: ArrayLike<number>) => [
  ...u16(0xfffe, tag, body.length, body.length >>> 16),
  ...Array.from(body),
];

/** Elements by "ggggeeee VR", in the order of their tags. */
export function encode(elements: Record<string, Value>): number[] {
  return Object.entries(elements).flatMap(([key, value]) => {
    const [tag, vr] = key.split(" ");
    const head = [...u16(parseInt(tag.slice(0, 4), 16), parseInt(tag.slice(4), 16)), ...bytes(vr)];
    if ("fragments" in value) {
      const parts = [new Uint8Array(0), ...value.fragments].flatMap((part) =>
        item(0xe000, part.length % 2 ? [...part, 0] : part)
      );
      return [...head, 0, 0, 255, 255, 255, 255, ...parts, ...item(0xe0dd, [])];
    }
    const body = "items" in value
      ? value.items.flatMap((inner) => item(0xe000, encode(inner)))
      : Array.from(value);
    if (body.length % 2) body.push(vr === "OB" || vr === "OW" ? 0 : 0x20);
    const length = u16(body.length, body.length >>> 16);
    return ["OB", "OW", "OV", "SQ", "UN"].includes(vr)
      ? [...head, 0, 0, ...length, ...body]
      : [...head, ...length.slice(0, 2), ...body];
  });
}

/** Identifiers without which other programs take no file. */
const identity = {
  "00080016 UI": bytes("1.2.840.10008.5.1.4.1.1.7\0"),
  "00080018 UI": bytes("1.2.3.4"),
  "0020000d UI": bytes("1.2.3"),
  "0020000e UI": bytes("1.2.3\0"),
};

/** A whole file of a transfer syntax, given by what follows 1.2.840.10008.1.2. */
export function dicomFile(elements: Record<string, Value>, syntax = ".1"): Uint8Array {
  const all: Record<string, Value> = { ...identity, ...elements };
  const sorted = Object.fromEntries(Object.entries(all).sort(([a], [b]) => a < b ? -1 : 1));
  const name = `1.2.840.10008.1.2${syntax}`;
  const meta = encode({
    "00020001 OB": [0, 1],
    "00020002 UI": identity["00080016 UI"],
    "00020003 UI": identity["00080018 UI"],
    "00020010 UI": bytes(name.length % 2 ? `${name}\0` : name),
    "00020012 UI": bytes("1.2.3.4"),
  });
  const body = encode(sorted);
  return new Uint8Array([
    ...new Array(128).fill(0),
    ...bytes("DICM"),
    ...encode({ "00020000 UL": u16(meta.length, 0) }),
    ...meta,
    ...(syntax === ".1.99" ? deflateRawSync(new Uint8Array(body)) : body),
  ]);
}

export interface PixelForm {
  width: number;
  height: number;
  samples?: number;
  allocated?: number;
  stored?: number;
  highBit?: number;
  signed?: boolean;
  photometric?: string;
}

/** The elements that tell the form of pixels; the pixels themselves are to be added. */
export function pixelElements(form: PixelForm): Record<string, Value> {
  const { width, height, samples = 1, allocated = 16, stored = allocated } = form;
  return {
    "00280002 US": u16(samples),
    "00280004 CS": bytes(form.photometric ?? (samples === 3 ? "RGB" : "MONOCHROME2")),
    ...(samples === 3 ? { "00280006 US": u16(0) } : {}),
    "00280010 US": u16(height),
    "00280011 US": u16(width),
    "00280100 US": u16(allocated),
    "00280101 US": u16(stored),
    "00280102 US": u16(form.highBit ?? stored - 1),
    "00280103 US": u16(form.signed ? 1 : 0),
  };
}
