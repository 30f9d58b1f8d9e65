/**
 * Sheets of an Excel workbook (.xlsx) as tables of text, within limits.
 *
 * Read by ourselves over yauzl, which is here already: of such a file gaze needs the values of cells and nothing
 * else, and the readers that are kept (read-excel-file) would bring six packages into every start.
 */
import { Buffer } from "node:buffer";
import { buffer as bytesOf } from "node:stream/consumers";
// @ts-types="@/lib/yauzl.d.ts"
import yauzl from "yauzl";
import { InvalidInput } from "@/lib/errors.ts";
import { elements, textOf } from "./sheet_xml.ts";

/** Bytes of a workbook's parts when unpacked, and their number: all of it is held in memory. */
const UNPACKED = 32 << 20;
const PARTS = 1000;
/** Unpacked to packed bytes, once past the first MiB. */
const RATIO = 200;
/** Cells of one row, as Excel has them. */
const COLUMNS = 16384;

export interface Sheet {
  name: string;
  /** UTF-8; cells with tabs between them. */
  bytes: Uint8Array;
}

/** Whether bytes are an Office archive with sheets. */
export function isWorkbook(bytes: Uint8Array): boolean {
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
  if (!zip) return false;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes("xl/workbook.xml");
}

/** @throws InvalidInput for a workbook that is damaged or too large */
export async function sheetsOf(bytes: Uint8Array, file: string): Promise<Sheet[]> {
  const refuse = (why: string) =>
    new InvalidInput(
      `Cannot read ${file}: ${why}; save the sheet with the gaze as CSV (UTF-8) and send that`,
    );
  let parts: Map<string, string>;
  try {
    parts = await partsOf(bytes);
  } catch (error) {
    throw refuse(error instanceof TooLarge ? error.message : "the workbook is damaged");
  }
  const strings = elements(parts.get("xl/sharedStrings.xml") ?? "", "si").map(({ inner }) =>
    textOf(inner)
  );
  const dates = dateStyles(parts.get("xl/styles.xml") ?? "");
  const targets = new Map(
    elements(parts.get("xl/_rels/workbook.xml.rels") ?? "", "Relationship")
      .map(({ attributes }) => [attributes.Id, attributes.Target]),
  );
  return elements(parts.get("xl/workbook.xml") ?? "", "sheet").flatMap(({ attributes }) => {
    const target = targets.get(attributes["r:id"] ?? attributes.id) ?? "";
    const path = target.startsWith("/") ? target.slice(1) : `xl/${target}`;
    const part = parts.get(path);
    if (part === undefined) return [];
    const text = tableOf(part, strings, dates);
    return [{ name: attributes.name ?? "", bytes: new TextEncoder().encode(text) }];
  });
}

/** Rows of a sheet; a cell stands where its reference (`B7`) says. */
function tableOf(xml: string, strings: string[], dates: Set<string>): string {
  const rows: string[][] = [];
  for (const { attributes: { r: at }, inner } of elements(xml, "row")) {
    const cells: string[] = [];
    for (const { attributes, inner: content } of elements(inner, "c")) {
      const column = attributes.r === undefined ? cells.length : columnOf(attributes.r);
      if (column >= COLUMNS) continue;
      while (cells.length < column) cells.push("");
      cells[column] = valueOf(attributes, content, strings, dates);
    }
    // Rows without cells are not written: line numbers are to be those of the sheet.
    const number = Number(at);
    while (number > rows.length + 1 && rows.length < 1 << 20) rows.push([]);
    rows.push(cells);
  }
  const width = rows.reduce((most, cells) => Math.max(most, cells.length), 0);
  return rows.map((cells) => {
    const whole = cells.length === 0 ? cells : [...cells, ...Array(width - cells.length).fill("")];
    return whole.map((cell) => /[\t\r\n"]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)
      .join("\t") + "\n";
  }).join("");
}

/** Column of a reference, from 0: A is 0, AA is 26. */
function columnOf(reference: string): number {
  const letters = /^[A-Z]{1,3}/.exec(reference)?.[0] ?? "A";
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

function valueOf(
  { t: type = "n", s: style = "" }: Record<string, string>,
  inner: string,
  strings: string[],
  dates: Set<string>,
): string {
  if (type === "inlineStr") return textOf(inner);
  const value = textOf(elements(inner, "v")[0]?.inner ?? "", false);
  if (type === "s") return strings[Number(value)] ?? "";
  if (type === "b") return value === "1" ? "TRUE" : "FALSE";
  if (type !== "n" || value === "" || !dates.has(style)) return value;
  // Days since 1899-12-30: told as a date, so that nobody takes it for a number.
  const time = new Date(Math.round((Number(value) - 25569) * 86_400_000));
  return Number.isNaN(time.getTime()) ? value : time.toISOString();
}

/** Numbers of the cell styles that show dates or times. */
function dateStyles(xml: string): Set<string> {
  const own = new Set(
    elements(xml, "numFmt")
      .filter(({ attributes: { formatCode = "" } }) =>
        /[ymdhs]/i.test(formatCode.replace(/"[^"]*"|\[[^\]]*\]|\\./g, ""))
      )
      .map(({ attributes }) => attributes.numFmtId),
  );
  const isDate = (id: string) =>
    own.has(id) || (Number(id) >= 14 && Number(id) <= 22) || (Number(id) >= 45 && Number(id) <= 47);
  const formats = elements(elements(xml, "cellXfs")[0]?.inner ?? "", "xf");
  return new Set(
    formats.flatMap(({ attributes: { numFmtId = "0" } }, i) => isDate(numFmtId) ? [`${i}`] : []),
  );
}

class TooLarge extends Error {}

/**
 * The XML parts by name; given up as soon as they are too many or too much. yauzl sees to it that a part is as long
 * as the archive claims.
 */
async function partsOf(bytes: Uint8Array): Promise<Map<string, string>> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) =>
    yauzl.fromBuffer(
      whole,
      { lazyEntries: true },
      (error, zip) => error ? reject(error) : resolve(zip),
    )
  );
  const parts = new Map<string, string>();
  let [count, unpacked] = [0, 0];
  return await new Promise((resolve, reject) => {
    zip.on("entry", (entry: yauzl.Entry) => {
      count++;
      unpacked += entry.uncompressedSize;
      if (count > PARTS || unpacked > UNPACKED) {
        return reject(
          new TooLarge(`a workbook of more than ${UNPACKED} bytes or ${PARTS} parts when unpacked`),
        );
      }
      if (unpacked > 1 << 20 && unpacked > RATIO * bytes.length) {
        return reject(new TooLarge(`a workbook that unpacks to over ${RATIO} times its size`));
      }
      zip.openReadStream(entry, (error, stream) => {
        if (error) return reject(error);
        bytesOf(stream).then((part) => {
          if (/\.(xml|rels)$/.test(entry.fileName)) {
            parts.set(entry.fileName, new TextDecoder().decode(part));
          }
          zip.readEntry();
        }, reject);
      });
    });
    zip.on("end", () => resolve(parts));
    zip.on("error", reject);
    zip.readEntry();
  });
}
