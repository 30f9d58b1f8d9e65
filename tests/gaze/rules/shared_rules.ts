/** Rules that are tried on the tiny file of every format alike. */
import assert from "node:assert/strict";
import { bytesOf, ENCODINGS, LINE_ENDS } from "../meaning/written.ts";
import {
  type Cell,
  type FormatName,
  FORMATS,
  messages,
  parse,
  places,
  refused,
  type Rule,
} from "./cells.ts";
import { GIVEN, ROWS, TINY } from "./tiny_files.ts";

const every = (cell: (format: FormatName) => Cell): Rule =>
  Object.fromEntries(FORMATS.map((format) => [format, cell(format)])) as Rule;

/** Pairs that mean that no eye was found; JSON and lists of whole numbers hold no words. */
const NUMBERS = [
  ["0", "0"],
  ["0.0", "0.0"],
  ["-1", "-1"],
  ["2147483647", "2147483647"],
  ["-32768", "-32768"],
  ["-32768.0", "-32768.0"],
  ["100000000.0", "100000000.0"],
];
const WORDS = [["NaN", "NaN"], [".", "."], ["", ""], ["n/a", "n/a"]];
const LISTS: FormatName[] = ["mcgip", "miceye", "webgazer"];

function pairsOf(format: FormatName): string[][] {
  if (LISTS.includes(format)) return [...NUMBERS, ["NaN", "NaN"]];
  // Words of an ASC file stand between blanks, so there is no empty one;
  // and iMotions' rows with nothing are those of other sensors.
  const full = ["eyelink_asc", "imotions"].includes(format);
  return [...NUMBERS, ...WORDS.filter(([x]) => !full || x !== "")];
}

export const none = every((format) => async () => {
  const { write, samples, usual } = TINY[format];
  const whole = places(await parse(write(...usual)));
  assert.equal(whole.length, ROWS);
  for (const [x, y] of pairsOf(format)) {
    for (const off_image of ["drop", "clamp"] as const) {
      const parsed = await parse(write(x, y), { off_image });
      const found = places(parsed);
      const rest = whole.toSpliced(GIVEN, 1, ...samples ? [null] : []);
      assert.deepEqual(found, rest, `${x}, ${y}`);
      if (!samples) assert.equal(parsed.gaze[0].dropped, 1);
    }
  }
});

export const line_ends = every((format) => async () => {
  const { write, usual } = TINY[format];
  const file = write(...usual);
  const whole = places(await parse(file));
  assert.deepEqual(whole[0], [100, 200]);
  for (const end of LINE_ENDS) {
    assert.deepEqual(
      places(await parse({ ...file, text: file.text.replaceAll("\n", end) })),
      whole,
    );
  }
});

const HEADLESS: Partial<Record<FormatName, string>> = {
  bids: "BIDS tables have no header, and no program writes a line before them",
  imotions: "iMotions writes lines about the study before the table",
  webgazer: "JSON has no such line",
  eyelink_asc: "no table: lines begin with words or times",
  mcgip: "JSON has no such line; the CSV is read as all tables are (gazepoint)",
  smi_begaze: "BeGaze writes comment lines of its own before the table",
};

export const separator = every((format) =>
  HEADLESS[format] ? { cannot: HEADLESS[format] } : async () => {
    const { write, usual } = TINY[format];
    const file = write(...usual);
    const whole = places(await parse(file));
    const delimiter = file.text.includes("\t") ? "\t" : format === "miceye" ? ";" : ",";
    const said = `sep=${delimiter}\n${file.text}`;
    assert.deepEqual(places(await parse({ ...file, text: said })), whole);
    if (format === "miceye") return;
    const semicolons = `sep=;\n${file.text.replaceAll(delimiter, ";")}`;
    assert.deepEqual(places(await parse({ ...file, text: semicolons })), whole);
  }
);

export const encodings = every((format) => async () => {
  const { write, usual } = TINY[format];
  const file = write(...usual);
  const whole = places(await parse(file));
  for (const encoding of ENCODINGS) {
    assert.deepEqual(places(await parse(file, {}, bytesOf(file.text, encoding))), whole, encoding);
  }
});

/** More than a quarter of the rows without gaze is flagged, a quarter is not. */
export const trackloss = every((format) => async () => {
  const { write } = TINY[format];
  const flagged = async (lost: number) => {
    const [x, y] = LISTS.includes(format) ? ["0", "0"] : ["NaN", "NaN"];
    const parsed = await parse(write(x, y, (row) => row > 0 && row <= lost));
    return messages(parsed).some((message) => /% of the recording is without gaze/.test(message));
  };
  assert.equal(await flagged(2), false);
  assert.equal(await flagged(3), true);
});

/** What is longer than a limit is refused with a word on how to send it. */
export const limits = every((format) => async () => {
  const { write, usual } = TINY[format];
  const file = write(...usual);
  if (format === "mcgip" || format === "webgazer") {
    const long = { ...file, text: file.text.padEnd(17 << 20) };
    return await refused(long, /longer than \d+ characters; send it in several files/);
  }
  const most = format === "miceye" ? 5 << 20 : 300_000;
  const lines = file.text.split("\n");
  lines[lines.length - 2] += ` ${"1".repeat(most)}`;
  await refused({ ...file, text: lines.join("\n") }, /longer than \d+ characters/);
});

/** What was assumed is told for every recording. */
export const facts = every((format) => async () => {
  const { write, usual, samples } = TINY[format];
  const parsed = await parse(write(...usual));
  for (const { facts } of parsed.gaze) {
    assert.equal(facts.format, format);
    assert.match(facts.positions, /^(px|share) of /);
    assert.notEqual(facts.time, "");
    assert.equal(facts.filter === null, !samples);
    assert.equal(facts.share_in_fixations === null, !samples);
    assert.equal(facts.share_off_image, 0);
  }
});
