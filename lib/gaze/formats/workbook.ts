/** Sheets of an Excel workbook (.xlsx) as tables of text, within limits. */
import readWorkbook from "read-excel-file";
import { Buffer } from "node:buffer";
// @ts-types="@types/yauzl"
import yauzl from "yauzl";
import { InvalidInput } from "@/lib/errors.ts";

/** Bytes of a workbook's parts when unpacked, and their number: the reader holds all of it in memory. */
const UNPACKED = 32 << 20;
const PARTS = 1000;
/** Unpacked to packed bytes, once past the first MiB. */
const RATIO = 200;

export interface Sheet {
  name: string;
  /** UTF-8; cells with tabs between them. */
  bytes: Uint8Array;
}

/** Whether bytes are an Office archive with sheets. */
export function isWorkbook(bytes: Uint8Array): boolean {
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
  if (!zip) return false;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.includes("xl/workbook.xml");
}

/** @throws InvalidInput for a workbook that is damaged or too large */
export async function sheetsOf(bytes: Uint8Array, file: string): Promise<Sheet[]> {
  const refuse = (why: string) =>
    new InvalidInput(
      `Cannot read ${file}: ${why}; save the sheet with the gaze as CSV (UTF-8) and send that`,
    );
  const sizes = await partsOf(bytes).catch(() => {
    throw refuse("the workbook is damaged");
  });
  const unpacked = sizes.reduce((sum, size) => sum + size, 0);
  if (sizes.length > PARTS || unpacked > UNPACKED) {
    throw refuse(`a workbook of more than ${UNPACKED} bytes or ${PARTS} parts when unpacked`);
  }
  if (unpacked > 1 << 20 && unpacked > RATIO * bytes.length) {
    throw refuse(`a workbook that unpacks to over ${RATIO} times its size`);
  }
  let sheets: { sheet: string; data: unknown[][] }[];
  try {
    sheets = await readWorkbook(new Blob([bytes.slice()]));
  } catch {
    throw refuse("the workbook is damaged");
  }
  return sheets.map(({ sheet, data }) => {
    const width = data.reduce((most, cells) => Math.max(most, cells.length), 0);
    const text = data.map((cells) =>
      Array.from({ length: width }, (_, i) => cellOf(cells[i])).join("\t")
    ).join("\n");
    return { name: sheet, bytes: new TextEncoder().encode(text + "\n") };
  });
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = value instanceof Date ? value.toISOString() : String(value);
  return /[\t\r\n"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Unpacked sizes of all parts, each unpacked once to see that it is as long as the archive claims; given up as soon
 * as they are too many or too much.
 */
async function partsOf(bytes: Uint8Array): Promise<number[]> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) =>
    yauzl.fromBuffer(
      buffer,
      { lazyEntries: true },
      (error, zip) => error ? reject(error) : resolve(zip),
    )
  );
  const sizes: number[] = [];
  let unpacked = 0;
  return await new Promise<number[]>((resolve, reject) => {
    zip.on("entry", (entry: yauzl.Entry) => {
      sizes.push(entry.uncompressedSize);
      unpacked += entry.uncompressedSize;
      if (sizes.length > PARTS || unpacked > UNPACKED) return resolve(sizes);
      zip.openReadStream(entry, (error, stream) => {
        if (error) return reject(error);
        stream.on("error", reject);
        stream.on("end", () => zip.readEntry());
        stream.resume();
      });
    });
    zip.on("end", () => resolve(sizes));
    zip.on("error", reject);
    zip.readEntry();
  });
}
