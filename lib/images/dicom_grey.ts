/** From stored grey values to what is shown: modality, VOI, inversion (PS3.3, C.11.1 and C.11.2). */
import type { PixelFormat } from "./dicom.ts";
import { type Elements, refuse, text } from "./dicom_elements.ts";

type Map1 = (value: number) => number;

/** The first of the numbers in a decimal string element. */
function decimal(elements: Elements, tag: number): number | undefined {
  const value = elements.get(tag)?.value;
  if (!value) return undefined;
  const first = text(value).split("\\")[0].trim();
  if (first === "") return undefined;
  const number = Number(first);
  if (!Number.isFinite(number)) throw refuse(`"${first.slice(0, 20)}" is no number`);
  return number;
}

interface Lut {
  first: number;
  entries: number[];
  /** Bits of an entry. */
  bits: number;
}

/** The table of a LUT sequence's first item. */
function readLut(
  elements: Elements,
  tag: number,
  little: boolean,
  signed: boolean,
): Lut | undefined {
  const item = elements.get(tag)?.items?.[0];
  if (!item) return undefined;
  const descriptor = item.get(0x00283002)?.value;
  const table = item.get(0x00283006)?.value;
  if (!descriptor || descriptor.length < 6 || !table) throw refuse("a lookup table is incomplete");
  const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength);
  const count = view.getUint16(0, little) || 65536;
  const first = signed ? view.getInt16(2, little) : view.getUint16(2, little);
  const bits = view.getUint16(4, little);
  if (bits < 8 || bits > 16) throw refuse(`a lookup table of ${bits} bits is not supported`);
  const bytes = table.length >= 2 * count ? 2 : 1;
  if (table.length < count * bytes) throw refuse("a lookup table is truncated");
  const data = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const entries = Array.from(
    { length: count },
    (_, i) => bytes === 2 ? data.getUint16(2 * i, little) : table[i],
  );
  return { first, entries, bits };
}

const through = ({ first, entries }: Lut): Map1 => (value) =>
  entries[Math.min(entries.length - 1, Math.max(0, Math.round(value) - first))];

/**
 * The map of stored values to 0..65535. Without a window or VOI table, or with `fullRange`, the
 * smallest and largest value of this picture become black and white.
 */
export function greyPipeline(
  elements: Elements,
  little: boolean,
  format: PixelFormat,
  stored: Int32Array,
  fullRange: boolean,
): Map1 {
  const modalityLut = readLut(elements, 0x00283000, little, format.signed);
  const slope = decimal(elements, 0x00281053) ?? 1;
  const intercept = decimal(elements, 0x00281052) ?? 0;
  const modality: Map1 = modalityLut ? through(modalityLut) : (v) => v * slope + intercept;
  const shown = fullRange ? undefined : voi(elements, little, modality(-1) < 0 || format.signed);
  const map = shown ?? rangeOf(stored, modality);
  const invert = format.photometric === "MONOCHROME1";
  const scaled: Map1 = (value) => {
    const level = Math.min(1, Math.max(0, map(modality(value))));
    const grey = Math.round(65535 * level);
    return invert ? 65535 - grey : grey;
  };
  return remembered(scaled, stored);
}

/** The VOI's map to 0..1, by table or first window. */
function voi(elements: Elements, little: boolean, signed: boolean): Map1 | undefined {
  const centre = decimal(elements, 0x00281050);
  const width = decimal(elements, 0x00281051);
  if (centre === undefined || width === undefined) {
    const lut = readLut(elements, 0x00283010, little, signed);
    if (!lut) return undefined;
    const map = through(lut);
    return (value) => map(value) / (2 ** lut.bits - 1);
  }
  const kind = text(elements.get(0x00281056)?.value ?? new Uint8Array(0)) || "LINEAR";
  if (kind === "SIGMOID") {
    if (!(width > 0)) throw refuse(`a window of width ${width} shows nothing`);
    return (value) => 1 / (1 + Math.exp(-4 * (value - centre) / width));
  }
  if (kind === "LINEAR_EXACT") {
    if (!(width > 0)) throw refuse(`a window of width ${width} shows nothing`);
    return (value) => (value - centre) / width + 0.5;
  }
  if (!(width >= 1)) throw refuse(`a window of width ${width} shows nothing`);
  if (width === 1) return (value) => value <= centre - 0.5 ? 0 : 1;
  return (value) => (value - (centre - 0.5)) / (width - 1) + 0.5;
}

function rangeOf(stored: Int32Array, modality: Map1): Map1 {
  let low = Infinity, high = -Infinity;
  for (const value of new Set(stored)) {
    const shown = modality(value);
    low = Math.min(low, shown);
    high = Math.max(high, shown);
  }
  return high > low ? (value) => (value - low) / (high - low) : () => 0;
}

/** Each stored value (65,536 at most) is computed once. */
function remembered(map: Map1, stored: Int32Array): Map1 {
  const known = new Int32Array(1 << 17).fill(-1);
  const offset = 1 << 16;
  for (const value of stored) if (known[value + offset] < 0) known[value + offset] = map(value);
  return (value) => known[value + offset];
}
