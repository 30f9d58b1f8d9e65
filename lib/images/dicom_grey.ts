/** From stored grey values to what is shown: modality, VOI, inversion (PS3.3, C.11.1 and C.11.2). */
import type { PixelFormat } from "./dicom_format.ts";
import { type Elements, refuse, text } from "./dicom_elements.ts";
import { linearWindow, type ViewOptions } from "./view.ts";
import { readTable, type Table, tableEntry } from "./dicom_table.ts";

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

/** The table of a LUT sequence's first item. */
function sequenceTable(elements: Elements, tag: number, little: boolean, signed: boolean) {
  const item = elements.get(tag)?.items?.[0];
  if (!item) return undefined;
  const table = readTable(item, 0x00283002, 0x00283006, little, signed);
  if (!table) throw refuse("a lookup table is incomplete");
  return table;
}

/**
 * The map of stored values to 0..65535. Without a window or VOI table, or with `fullRange`, the
 * smallest and largest value of this picture become black and white; padding takes no part in that.
 */
export function greyPipeline(
  elements: Elements,
  little: boolean,
  format: PixelFormat,
  stored: Int32Array,
  options: ViewOptions,
): Map1 {
  const modality = modalityOf(elements, little, format);
  const { fullRange, window } = options;
  const shown = fullRange
    ? undefined
    : window
    ? windowMap("LINEAR", ...window)
    : voi(elements, little, isSigned(modality, format));
  const different = differentOf(stored);
  const map = shown ?? rangeOf(different, modality, paddingOf(elements, little, format));
  const invert = format.photometric === "MONOCHROME1";
  const scaled: Map1 = (value) => {
    const level = Math.min(1, Math.max(0, map(modality(value))));
    const grey = Math.round(65535 * level);
    return invert ? 65535 - grey : grey;
  };
  return remembered(scaled, different);
}

function modalityOf(elements: Elements, little: boolean, format: PixelFormat): Map1 {
  const table = sequenceTable(elements, 0x00283000, little, format.signed);
  if (table) return (value) => tableEntry(table, value);
  const slope = decimal(elements, 0x00281053) ?? 1;
  const intercept = decimal(elements, 0x00281052) ?? 0;
  if (slope === 0) throw refuse("its rescale slope is 0: all values would be one");
  return (value) => value * slope + intercept;
}

/** Whether values after the modality's step can be negative. */
function isSigned(modality: Map1, { stored, signed }: PixelFormat): boolean {
  const least = signed ? -(2 ** (stored - 1)) : 0;
  return Math.min(modality(least), modality(least + 2 ** stored - 1)) < 0;
}

/** The VOI's map to 0..1, by first window or table. */
function voi(elements: Elements, little: boolean, signed: boolean): Map1 | undefined {
  const centre = decimal(elements, 0x00281050);
  const width = decimal(elements, 0x00281051);
  if (centre === undefined || width === undefined) {
    const table = sequenceTable(elements, 0x00283010, little, signed);
    return table && tableMap(table);
  }
  return windowMap(text(elements.get(0x00281056)?.value ?? new Uint8Array(0)), centre, width);
}

function tableMap(table: Table): Map1 {
  const most = 2 ** table.bits - 1;
  return (value) => tableEntry(table, value) / most;
}

/** A window by its VOI LUT function (C.11.2.1.2, C.11.2.1.3). */
export function windowMap(kind: string, centre: number, width: number): Map1 {
  if (!(width >= (kind === "SIGMOID" || kind === "LINEAR_EXACT" ? Number.MIN_VALUE : 1))) {
    throw refuse(`a window of width ${width} shows nothing`);
  }
  switch (kind || "LINEAR") {
    case "SIGMOID":
      return (value) => 1 / (1 + Math.exp(-4 * (value - centre) / width));
    case "LINEAR_EXACT":
      return (value) => (value - centre) / width + 0.5;
    case "LINEAR":
      return linearWindow([centre, width]);
    default:
      throw refuse(
        `VOI LUT function "${kind.slice(0, 20)}" is not supported: take another window, ` +
          "or the full range",
      );
  }
}

/** Stored values that mean "no value here", from and to. */
function paddingOf(
  elements: Elements,
  little: boolean,
  { signed, stored }: PixelFormat,
): [number, number] | undefined {
  const read = (tag: number) => {
    const value = elements.get(tag)?.value;
    if (!value || value.length < 2) return undefined;
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const unused = 32 - stored;
    const raw = view.getUint16(0, little) << unused;
    return signed ? raw >> unused : raw >>> unused;
  };
  const value = read(0x00280120);
  if (value === undefined) return undefined;
  const limit = read(0x00280121) ?? value;
  return [Math.min(value, limit), Math.max(value, limit)];
}

function rangeOf(different: number[], modality: Map1, padding?: [number, number]): Map1 {
  const [from, to] = padding ?? [Infinity, -Infinity];
  let low = Infinity, high = -Infinity;
  for (const value of different) {
    if (value >= from && value <= to) continue;
    const shown = modality(value);
    low = Math.min(low, shown);
    high = Math.max(high, shown);
  }
  return high > low ? (value) => (value - low) / (high - low) : () => 0;
}

/** Stored values lie between -32,768 and 65,535: their places in a table. */
const offset = 1 << 15;
const places = offset + (1 << 16);

/** Every value that occurs, once. */
function differentOf(stored: Int32Array): number[] {
  const seen = new Uint8Array(places);
  for (let i = 0; i < stored.length; i++) seen[stored[i] + offset] = 1;
  const different: number[] = [];
  seen.forEach((is, place) => is && different.push(place - offset));
  return different;
}

/** Each value is computed once. */
function remembered(map: Map1, different: number[]): Map1 {
  const known = new Uint16Array(places);
  for (const value of different) known[value + offset] = map(value);
  return (value) => known[value + offset];
}
