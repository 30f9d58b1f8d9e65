/** Lookup tables of DICOM: modality, VOI and palettes (PS3.3, C.7.9, C.11.1, C.11.2). */
import { type Elements, refuse } from "./dicom_elements.ts";

export interface Table {
  /** The value that the first entry is for. */
  first: number;
  entries: Uint16Array;
  /** Bits of an entry. */
  bits: number;
}

/**
 * The table of two elements; undefined without them. `signed`: the values that are looked up can be
 * negative, which decides for descriptors whose own representation does not. Throws InvalidInput.
 */
export function readTable(
  elements: Elements,
  descriptorTag: number,
  dataTag: number,
  little: boolean,
  signed: boolean,
): Table | undefined {
  const descriptor = elements.get(descriptorTag), data = elements.get(dataTag);
  if (!descriptor && !data) return undefined;
  if (!descriptor || descriptor.value.length < 6 || !data) {
    throw refuse("a lookup table is incomplete");
  }
  const view = viewOf(descriptor.value);
  const count = view.getUint16(0, little) || 65536;
  const first = descriptor.vr === "SS" || signed
    ? view.getInt16(2, little)
    : view.getUint16(2, little);
  const bits = view.getUint16(4, little);
  if (bits < 8 || bits > 16) throw refuse(`a lookup table of ${bits} bits is not supported`);
  const entries = tableEntries(data.value, count, bits, little, data.vr);
  // Where entries are larger than their own descriptor allows, they are right.
  const needed = 32 - Math.clz32(entries.reduce((most, entry) => Math.max(most, entry), 0));
  return { first, entries, bits: Math.max(bits, needed) };
}

const viewOf = (value: Uint8Array) =>
  new DataView(value.buffer, value.byteOffset, value.byteLength);

/** Entries in words, or of 8 bits packed two to a word. */
function tableEntries(
  value: Uint8Array,
  count: number,
  bits: number,
  little: boolean,
  vr: string,
): Uint16Array {
  if (value.length >= 2 * count) {
    const view = viewOf(value);
    return Uint16Array.from({ length: count }, (_, i) => view.getUint16(2 * i, little));
  }
  if (bits > 8 || value.length < count) throw refuse("a lookup table is truncated");
  // In words of big endian the first of two entries comes second.
  const swapped = !little && vr !== "OB" && vr !== "UN" ? 1 : 0;
  return Uint16Array.from({ length: count }, (_, i) => value[i ^ swapped]);
}

/** The entry of a value; beside the table its first or last. */
export function tableEntry({ first, entries }: Table, value: number): number {
  return entries[Math.min(entries.length - 1, Math.max(0, Math.round(value) - first))];
}
