/** Gaze in Excel workbooks, and files that are no gaze: read within limits, or named with what to do. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { MAIN, type Value, workbook, XML } from "../support/workbook.ts";
import { parse, places } from "./rules/cells.ts";

const read = (bytes: Uint8Array, options = {}) =>
  parse({ file: "gaze/all.xlsx", text: "" }, options, bytes);
const GAZE: Value[][] = [
  ["image", "reader", "x", "y", "duration_ms"],
  ["a.png", "r1", 100.25, 200, 300],
  ["a.png", "r1", null, 10, 200],
];

Deno.test("workbook: the sheet with gaze is read, the others are passed over with a word", async () => {
  const parsed = await read(await workbook({ Notes: [["made on a Monday"]], "Gaze 1": GAZE }));
  assert.equal(parsed.format, "plain");
  assert.deepEqual(places(parsed), [[100.25, 200]]);
  assert.equal(parsed.gaze[0].dropped, 1);
  assert.equal(parsed.assumptions[0], 'sheet "Gaze 1" of the workbook');
  assert.ok(parsed.warnings.some(({ message }) => message === 'sheet "Notes" passed over'));
});

Deno.test("workbook: shared strings, dates, booleans, entities and holes", async () => {
  const sheet = `${XML}<x:worksheet xmlns:x="${MAIN}"><x:sheetData>` +
    '<x:row r="1"><x:c r="A1" t="s"><x:v>0</x:v></x:c><x:c r="B1" t="str"><x:v>x</x:v></x:c>' +
    '<x:c r="D1" t="s"><x:v>1</x:v></x:c><x:c r="C1" t="s"><x:v>2</x:v></x:c></x:row>' +
    '<x:row r="3"><x:c r="A3" t="s"><x:v>3</x:v></x:c><x:c r="B3"><x:v>1.5E1</x:v></x:c>' +
    '<x:c r="D3" s="1"><x:v>45000.5</x:v></x:c><x:c r="C3"><x:v>20</x:v></x:c></x:row>' +
    "</x:sheetData></x:worksheet>";
  const strings =
    `${XML}<sst xmlns="${MAIN}"><si><t>image</t></si><si><r><t>duration</t></r><r><t>_ms</t></r>` +
    '<rPh sb="0"><t>spoken</t></rPh></si><si><t xml:space="preserve">y</t></si><si><t>a&amp;b.png</t></si></sst>';
  const styles =
    `${XML}<styleSheet xmlns="${MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>`;
  const bytes = await workbook({ Gaze: [] }, {
    "xl/worksheets/sheet1.xml": sheet,
    "xl/sharedStrings.xml": strings,
    "xl/styles.xml": styles,
  });
  // A date where a number belongs is told with its place in the sheet.
  await assert.rejects(
    () => read(bytes),
    /line 3, column 4: duration_ms: "2023-03-15T12:00:00.000Z" is not a number/,
  );
  const number = await workbook({ Gaze: [] }, {
    "xl/worksheets/sheet1.xml": sheet.replace(' s="1"', ""),
    "xl/sharedStrings.xml": strings.replace("a&amp;b", "a"),
  });
  assert.deepEqual(places(await read(number)), [[15, 20]]);
});

Deno.test("workbook: columns that are named choose the sheet", async () => {
  const rows: Value[][] = [["Pic", "FixX", "FixY", "Dur"], ["a", 10, 20, 300]];
  const bytes = await workbook({ First: [["x", "y"], [1, 2]], Second: rows });
  const columns = { image: "Pic", x: "FixX", y: "FixY", duration_ms: "Dur" };
  assert.deepEqual(places(await read(bytes, { columns })), [[10, 20]]);
});

Deno.test("workbook: without gaze, damaged, or too large it is refused with advice", async () => {
  await assert.rejects(
    async () => read(await workbook({ Notes: [["hello"]] })),
    /no sheet of the workbook \("Notes"\) is in a known gaze format/,
  );
  const good = await workbook({ Gaze: GAZE });
  await assert.rejects(() => read(good.slice(0, good.length - 40)), /damaged; save the sheet/);
  const many: Value[][] = Array.from({ length: 600_000 }, () => ["a", 1, 2, 3]);
  await assert.rejects(
    async () => read(await workbook({ Gaze: [["image", "x", "y", "t_ms"], ...many] })),
    /a workbook (of more than|that unpacks to over) .*; save the sheet with the gaze as CSV/,
  );
});

Deno.test("workbook: a part that is longer than the archive claims is not unpacked", async () => {
  const bytes = await workbook({ Gaze: [...GAZE, ...Array(1000).fill(["a.png", "r", 1, 2, 3])] });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  // In the directory, the unpacked size of the last part (the sheet) becomes 100 bytes.
  let last = -1;
  for (let at = 0; at + 4 <= bytes.length; at++) {
    if (view.getUint32(at, true) === 0x02014b50) last = at;
  }
  view.setUint32(last + 24, 100, true);
  await assert.rejects(() => read(bytes), /the workbook is damaged/);
});

/** What else people send, and the words that the answer must have. */
const OTHERS: Record<string, [Uint8Array | string, RegExp]> = {
  "an EyeLink EDF": ["SR_RESEARCH_COMB_FILE_PREAMBLE\0\0", /EyeLink EDF.*edf2asc/],
  "a European Data Format recording": ["0       X F X X\0", /European Data Format.*CSV/],
  "a MATLAB file": ["MATLAB 5.0 MAT-file, Platform: GLNXA64\0\0", /MATLAB.*writetable/],
  "a MATLAB 7.3 file": ["MATLAB 7.3 MAT-file, Platform\0\0", /MATLAB file \(HDF5\).*h5py/],
  "an HDF5 file": ["\x89HDF\r\n\x1a\n\0\0", /HDF5.*pandas/],
  "an old Excel file": [Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1), /\.xls.*CSV/],
  "a ZIP": ["PK\x03\x04\0\0", /ZIP archive.*images\/ and gaze\//],
  "a PNG": ["\x89PNG\r\n\x1a\n", /PNG picture.*heatmaps\//],
  "gzip of a MATLAB file": [
    new Uint8Array(gzipSync("MATLAB 5.0 MAT-file, Platform: GLNXA64")),
    /gzip of a MATLAB file/,
  ],
  "gzip of something unknown": [
    new Uint8Array(gzipSync(Uint8Array.of(1, 2, 0, 0, 0, 4, 5))),
    /not a text file.*save the gaze as CSV/,
  ],
};

for (const [what, [content, message]] of Object.entries(OTHERS)) {
  Deno.test(`no gaze: ${what} is named, with what to do`, async () => {
    const bytes = typeof content === "string"
      ? Uint8Array.from(content, (mark) => mark.charCodeAt(0))
      : content;
    await assert.rejects(() => parse({ file: "gaze/a.bin", text: "" }, {}, bytes), message);
  });
}

Deno.test("workbook: a second sheet with gaze is not left out in silence", async () => {
  const parsed = await read(await workbook({ "Day 1": GAZE, "Day 2": GAZE }));
  assert.equal(parsed.assumptions[0], 'sheet "Day 1" of the workbook');
  assert.ok(
    parsed.warnings.some(({ message }) =>
      message ===
        'sheet "Day 2" passed over, which seems to hold gaze too: send it as a file of its own'
    ),
  );
});
