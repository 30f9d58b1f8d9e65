/** Small workbooks of Excel for tests. */
import { zipOf } from "./archives.ts";

export const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
export const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";

export type Value = string | number | null;

function sheetXml(rows: Value[][]): string {
  const cell = (value: Value, at: string) =>
    value === null
      ? ""
      : typeof value === "number"
      ? `<c r="${at}"><v>${value}</v></c>`
      : `<c r="${at}" t="inlineStr"><is><t>${value}</t></is></c>`;
  const row = (cells: Value[], i: number) =>
    `<row r="${i + 1}">${
      cells.map((value, k) => cell(value, `${"ABCDEFGH"[k]}${i + 1}`)).join("")
    }</row>`;
  return `${XML}<worksheet xmlns="${MAIN}"><sheetData>${
    rows.map(row).join("")
  }</sheetData></worksheet>`;
}

/** A workbook of the smallest form. */
export async function workbook(
  sheets: Record<string, Value[][]>,
  parts: Record<string, string> = {},
): Promise<Uint8Array> {
  const zip: Record<string, string> = {};
  const names = Object.keys(sheets);
  const part = (i: number) => `worksheets/sheet${i + 1}.xml`;
  zip["[Content_Types].xml"] =
    `${XML}<Types xmlns="${PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`;
  zip["_rels/.rels"] =
    `${XML}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="r1" Type="${OFFICE}/officeDocument" ` +
    `Target="xl/workbook.xml"/></Relationships>`;
  zip["xl/workbook.xml"] = `${XML}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets>${
    names.map((name, i) => `<sheet name="${name}" sheetId="${i + 1}" r:id="r${i + 1}"/>`).join("")
  }</sheets></workbook>`;
  zip["xl/_rels/workbook.xml.rels"] = `${XML}<Relationships xmlns="${PACKAGE}/relationships">${
    names.map((_, i) =>
      `<Relationship Id="r${i + 1}" Type="${OFFICE}/worksheet" Target="${part(i)}"/>`
    ).join("")
  }</Relationships>`;
  names.forEach((name, i) => zip[`xl/${part(i)}`] = sheetXml(sheets[name]));
  return await zipOf({ ...zip, ...parts });
}
