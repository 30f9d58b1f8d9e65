/**
 * Data elements of a DICOM file (PS3.5, section 7; PS3.10, section 7), read strictly: every length
 * is checked against what is there (CVE-2026-5437, -5440 to -5445), sequences nest 8 deep at most.
 * Only the elements in `wanted` are kept; the rest, patient data among it, is passed over.
 */
import { Buffer } from "node:buffer";
import { inflateRawSync } from "node:zlib";
import { InvalidInput } from "@/lib/errors.ts";
import { bareDicomStart, sniffImage } from "./sniff.ts";

/** Tag as group << 16 | element, to the value representation used when the file does not say. */
const wanted: Record<number, string> = {
  0x00020010: "UI", // transfer syntax
  0x00280002: "US", // samples per pixel
  0x00280004: "CS", // photometric interpretation
  0x00280006: "US", // planar configuration
  0x00280008: "IS", // number of frames
  0x00280010: "US", // rows
  0x00280011: "US", // columns
  0x00280100: "US", // bits allocated
  0x00280101: "US", // bits stored
  0x00280102: "US", // high bit
  0x00280103: "US", // pixel representation
  0x00280120: "US", // pixel padding value
  0x00280121: "US", // pixel padding range limit
  0x00280301: "CS", // burned in annotation
  0x00281050: "DS", // window centre
  0x00281051: "DS", // window width
  0x00281052: "DS", // rescale intercept
  0x00281053: "DS", // rescale slope
  0x00281056: "CS", // VOI LUT function
  0x00281101: "US", // palette descriptors: red, green, blue
  0x00281102: "US",
  0x00281103: "US",
  0x00281201: "OW", // palette data
  0x00281202: "OW",
  0x00281203: "OW",
  0x00281221: "OW", // segmented palette data
  0x00281222: "OW",
  0x00281223: "OW",
  0x00283000: "SQ", // modality LUT
  0x00283002: "US", // LUT descriptor
  0x00283006: "OW", // LUT data
  0x00283010: "SQ", // VOI LUT
  0x00289132: "SQ", // frame VOI LUT
  0x00289145: "SQ", // pixel value transformation
  0x52009229: "SQ", // shared functional groups
  0x52009230: "SQ", // per-frame functional groups
  0x7fe00001: "OV", // extended offset table
  0x7fe00010: "OW", // pixels
};

const pixelData = 0x7fe00010;
const maxDepth = 8;
const maxDeflatedBytes = 512 * 2 ** 20;
const undefinedLength = 0xffffffff;

export const refuse = (why: string) => new InvalidInput(`Cannot decode DICOM: ${why}`);

/** Value representations with two reserved bytes and a length of four. */
const long = new Set([
  "OB",
  "OD",
  "OF",
  "OL",
  "OV",
  "OW",
  "SQ",
  "SV",
  "UC",
  "UN",
  "UR",
  "UT",
  "UV",
]);

export interface Element {
  vr: string;
  value: Uint8Array;
  /** Of a sequence. */
  items?: Elements[];
  /** Of encapsulated pixels: the offset table first. */
  fragments?: Uint8Array[];
}

export type Elements = Map<number, Element>;

export interface DicomFile {
  elements: Elements;
  /** It has overlays (groups 6000 to 60FE). */
  overlays: boolean;
  transferSyntax: string;
  littleEndian: boolean;
}

interface Syntax {
  explicit: boolean;
  little: boolean;
}

/** Throws InvalidInput. */
export function readDicom(bytes: Uint8Array): DicomFile {
  return readElements(bytes, { kept: wanted, last: pixelData });
}

/** What tells one image from another; to be forgotten, as it leads to a patient (PS3.15, annex E). */
export interface DicomIdentity {
  sopClass: string;
  sopInstance: string;
  study: string;
}

const identity = { 0x00020010: "UI", 0x00080016: "UI", 0x00080018: "UI", 0x0020000d: "UI" };
const STUDY = 0x0020000d;
/** The identity stands near the start; whoever hides it behind more is not looked for. */
const identityBytes = 4 * 2 ** 20;

/** Unique identifiers of an image, "" where the file has none. Throws InvalidInput. */
export function readIdentity(bytes: Uint8Array): DicomIdentity {
  if (sniffImage(bytes) !== "dicom") throw refuse("it is no DICOM file");
  const start = bytes.subarray(0, identityBytes);
  const { elements } = readElements(start, { kept: identity, last: STUDY });
  const value = (tag: number) => {
    const found = text(elements.get(tag)?.value ?? new Uint8Array());
    if (found !== "" && !/^[0-9.]{1,64}$/.test(found)) throw refuse("an identifier is damaged");
    return found;
  };
  return { sopClass: value(0x00080016), sopInstance: value(0x00080018), study: value(STUDY) };
}

interface Reading {
  /** Elements that are kept, as in `wanted`. */
  kept: Record<number, string>;
  /** Tag of the last element that is looked at. */
  last: number;
}

function readElements(bytes: Uint8Array, { kept, last }: Reading): DicomFile {
  const hasPreamble = bytes.length > 132 && bytes[128] === 0x44 && bytes[129] === 0x49 &&
    bytes[130] === 0x43 && bytes[131] === 0x4d;
  let at = hasPreamble ? 132 : bareDicomStart(bytes) ?? 0;
  let transferSyntax: string | undefined;
  if (bytes[at] === 2 && bytes[at + 1] === 0) {
    const meta = new Reader(bytes, { explicit: true, little: true }, kept);
    at = meta.read(at, bytes.length, (tag) => tag >>> 16 !== 2);
    const value = meta.elements.get(0x00020010)?.value;
    transferSyntax = value && text(value);
  }
  transferSyntax ||= guessSyntax(bytes, at);
  let body = bytes.subarray(at);
  if (transferSyntax === "1.2.840.10008.1.2.1.99") body = inflate(body);
  // Some writers leave the representations out whatever their header says.
  const hasVr = [4, 5].every((i) => body[i] >= 0x41 && body[i] <= 0x5a);
  const syntax = {
    explicit: transferSyntax !== "1.2.840.10008.1.2" && hasVr,
    little: transferSyntax !== "1.2.840.10008.1.2.2",
  };
  const reader = new Reader(body, syntax, kept);
  reader.read(0, body.length, (tag) => tag > last);
  const { elements, overlays } = reader;
  return { elements, overlays, transferSyntax, littleEndian: syntax.little };
}

/** For files without a header: the byte order of the first group, and whether a VR follows. */
function guessSyntax(bytes: Uint8Array, at: number): string {
  const isVr = [4, 5].every((i) => bytes[at + i] >= 0x41 && bytes[at + i] <= 0x5a);
  if (bytes[at] === 0 && bytes[at + 1] !== 0) return "1.2.840.10008.1.2.2";
  return isVr ? "1.2.840.10008.1.2.1" : "1.2.840.10008.1.2";
}

function inflate(body: Uint8Array): Uint8Array {
  try {
    // A padding byte may follow the compressed stream.
    return inflateRawSync(body, { maxOutputLength: Math.min(maxDeflatedBytes, body.length * 200) });
  } catch {
    throw refuse("its deflated part is damaged or expands too far");
  }
}

export const text = (value: Uint8Array): string =>
  Buffer.from(value).toString("latin1").replace(/[\0 ]+$/, "").trim();

class Reader {
  readonly elements: Elements = new Map();
  overlays = false;
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    readonly syntax: Syntax,
    readonly kept: Reading["kept"],
    readonly depth = 0,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (depth > maxDepth) throw refuse(`sequences nest deeper than ${maxDepth}`);
  }

  #need(at: number, count: number, end: number): void {
    if (!(at + count <= end)) throw refuse("the file is truncated");
  }

  #tag(at: number): number {
    const { little } = this.syntax;
    return this.#view.getUint16(at, little) * 0x10000 + this.#view.getUint16(at + 2, little);
  }

  /** Reads elements from `at` until `end` or a tag that `stop` knows; where it stopped. */
  read(at: number, end: number, stop: (tag: number) => boolean): number {
    while (at < end) {
      // Zeros at the end are padding.
      if (end - at < 8 && this.bytes.subarray(at, end).every((byte) => byte === 0)) return end;
      this.#need(at, 8, end);
      const tag = this.#tag(at);
      if (stop(tag)) return at;
      at = this.#element(tag, at + 4, end);
    }
    return at;
  }

  #element(tag: number, at: number, end: number): number {
    const { little, explicit } = this.syntax;
    let vr = this.kept[tag] ?? "UN";
    let length: number;
    if (explicit) {
      vr = String.fromCharCode(this.bytes[at], this.bytes[at + 1]);
      if (!/^[A-Z]{2}$/.test(vr)) throw refuse(`no value representation at byte ${at}`);
      if (long.has(vr)) {
        this.#need(at, 8, end);
        length = this.#view.getUint32(at + 4, little);
        at += 8;
      } else {
        length = this.#view.getUint16(at + 2, little);
        at += 4;
      }
    } else {
      length = this.#view.getUint32(at, little);
      at += 4;
    }
    if (tag === pixelData && length === undefinedLength) return this.#fragments(tag, at, end);
    const isSequence = vr === "SQ" || (vr === "UN" && this.kept[tag] === "SQ");
    if (length === undefinedLength || (isSequence && tag in this.kept)) {
      return this.#sequence(tag, vr, length, at, end);
    }
    this.#need(at, length, end);
    // Overlay rows: 6000,0010 and those of the other fifteen.
    if (tag >>> 24 === 0x60 && (tag & 0x1ffff) === 0x10) this.overlays = true;
    if (tag in this.kept) {
      this.elements.set(tag, { vr, value: this.bytes.subarray(at, at + length) });
    }
    return at + length;
  }

  #sequence(tag: number, vr: string, length: number, at: number, outer: number): number {
    const open = length === undefinedLength;
    if (!open) this.#need(at, length, outer);
    const end = open ? outer : at + length;
    // Unknown values of undefined length are implicit little endian (PS3.5, 6.2.2).
    const syntax = vr === "UN" && this.syntax.explicit
      ? { explicit: false, little: true }
      : this.syntax;
    const items: Elements[] = [];
    while (at < end) {
      this.#need(at, 8, end);
      const item = this.#tag(at);
      const size = this.#view.getUint32(at + 4, this.syntax.little);
      at += 8;
      if (item === 0xfffee0dd) break;
      if (item !== 0xfffee000) throw refuse("a sequence holds something else than items");
      const inner = new Reader(this.bytes, syntax, this.kept, this.depth + 1);
      if (size === undefinedLength) {
        at = inner.read(at, end, (t) => t === 0xfffee00d);
        this.#need(at, 8, end);
        at += 8;
      } else {
        this.#need(at, size, end);
        at = inner.read(at, at + size, () => false);
      }
      items.push(inner.elements);
    }
    if (tag in this.kept) this.elements.set(tag, { vr, value: new Uint8Array(0), items });
    return at;
  }

  #fragments(tag: number, at: number, end: number): number {
    const fragments: Uint8Array[] = [];
    for (;;) {
      this.#need(at, 8, end);
      const item = this.#tag(at);
      const size = this.#view.getUint32(at + 4, this.syntax.little);
      at += 8;
      if (item === 0xfffee0dd) break;
      if (item !== 0xfffee000) throw refuse("its pixels hold something else than fragments");
      this.#need(at, size, end);
      fragments.push(this.bytes.subarray(at, at += size));
    }
    this.elements.set(tag, { vr: "OB", value: new Uint8Array(0), fragments });
    return at;
  }
}
