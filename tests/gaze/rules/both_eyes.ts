/** Both eyes are averaged only after the gaps of each are filled: the mean never jumps to the eye that is left. */
import assert from "node:assert/strict";
import { type Cell, type File, parse, places, rows, type Rule, tabs } from "./cells.ts";
import { BIDS_SIDECAR } from "./tiny_files.ts";

const COUNT = 30;
/** The right eye is lost for 30 ms, a gap that is filled, and then for 100 ms, one that is not. */
const short = (i: number) => i >= 5 && i < 8;
const long = (i: number) => i >= 15 && i < 25;

/**
 * The file holds the left eye at (100, 200), the right one at (110, 200).
 * @param ofRight the right eye's own file, where each eye has one
 * @param write the file, of cells of the right eye by row: a place, or the word for none
 */
const averaged = (
  write: (lost: (row: number) => boolean) => File,
  ofRight = (file: File) => file,
): Cell =>
async () => {
  const file = write((row) => short(row) || long(row));
  const mean = Array.from({ length: COUNT }, (_, i) => [long(i) ? 100 : 105, 200]);
  assert.deepEqual(places(await parse(file)), mean);
  const left = await parse(file, { eye: "left" });
  assert.ok(places(left).every((place) => place?.[0] === 100));
  assert.equal(left.gaze[0].facts.eye, "left");
  const right = places(await parse(ofRight(file), { eye: "right" }));
  assert.deepEqual(right.map((place) => place === null), mean.map((_, i) => short(i) || long(i)));
  // The filters see the same eyes.
  for (const filter of [{ kind: "idt" }, { kind: "fixed_distance" }] as const) {
    const { gaze } = await parse(write(short), { filter });
    assert.deepEqual(gaze[0].fixations.map(({ x }) => Math.round(x)), [105]);
  }
};

const lines = (line: (i: number) => (string | number)[]) =>
  Array.from({ length: COUNT }, (_, i) => line(i));
const screen = { width_px: 800, height_px: 600, image: "top_left" as const };
const ONE = "the file tells one position, of both eyes or one";

export const both_eyes: Rule = {
  bids: averaged((lost) => {
    const name = (eye: number) => `gaze/a_sub-01_recording-eye${eye}_physio`;
    const text = (cells: (i: number) => (string | number)[]) => tabs(...lines(cells)).join("\n");
    // Either file may be asked for: the eye that is wanted decides.
    const sidecar = (side: string) => JSON.stringify({ ...BIDS_SIDECAR, RecordedEye: side });
    const right = text((i) => [i / 100, ...lost(i) ? ["n/a", "n/a"] : [110, 200]]);
    const left = text((i) => [i / 100, 100, 200]);
    return {
      file: `${name(1)}.tsv`,
      text: left,
      beside: {
        [`${name(1)}.json`]: sidecar("left"),
        [`${name(2)}.json`]: sidecar("right"),
        [`${name(2)}.tsv`]: right,
      },
      options: { screen, image: "a" },
    };
  }, (file) => {
    const name = file.file.replace("eye1", "eye2");
    return { ...file, file: name, text: file.beside![name] };
  }),
  eyelink_asc: averaged((lost) => ({
    file: "gaze/s.asc",
    options: { screen, image: "a" },
    text: [
      "** CONVERTED FROM s.edf",
      "START\t1\tLEFT\tRIGHT\tSAMPLES",
      "SAMPLES\tGAZE\tLEFT\tRIGHT\tRATE\t100.00",
      ...tabs(...lines((i) => [
        ...[10 + i * 10, "100.0", "200.0", "800.0"],
        ...lost(i) ? [".", ".", "0.0"] : ["110.0", "200.0", "800.0"],
        "...",
      ])),
    ].join("\n"),
  })),
  eyelink_dataviewer: { cannot: "a report holds fixations, of each eye in rows of their own" },
  eyetribe: averaged((lost) => ({
    file: "gaze/a.tsv",
    options: { screen },
    text: tabs(
      ["timestamp", "time", "Lrawx", "Lrawy", "Rrawx", "Rrawy"],
      ...lines((i) => [0, 5000 + i * 10, 100, 200, ...lost(i) ? ["0.0", "0.0"] : [110, 200]]),
    ).join("\n"),
  })),
  i2mc: { cannot: "I2MC averages the eyes before it finds fixations" },
  imotions: averaged((lost) => ({
    file: "gaze/a.csv",
    options: { screen },
    text: rows(
      ["Timestamp", "ET_GazeLeftx", "ET_GazeLefty", "ET_GazeRightx", "ET_GazeRighty"],
      ...lines((i) => [i * 10, 100, 200, ...lost(i) ? [-1, -1] : [110, 200]]),
    ).join("\n"),
  })),
  gazepoint: averaged((lost) => ({
    file: "gaze/User 1_all_gaze.csv",
    text: rows(
      ["MEDIA_NAME", "TIME(x)", "LPOGX", "LPOGY", "LPOGV", "RPOGX", "RPOGY", "RPOGV"],
      ...lines((i) => [
        ...["a.png", i / 100, 0.125, 200 / 600, 1],
        ...lost(i) ? [0.9, 0.9, 0] : [0.1375, 200 / 600, 1],
      ]),
    ).join("\n"),
  })),
  mcgip: { cannot: ONE },
  miceye: { cannot: ONE },
  plain: { cannot: "a plain table has one position a row" },
  pupil_core: { cannot: "Pupil Player combines the eyes before it exports" },
  pupil_neon: { cannot: "Pupil Cloud combines the eyes before it exports" },
  reflacx: { cannot: ONE },
  remodnav: { cannot: "events of one trace" },
  smi_begaze: averaged((lost) => ({
    file: "gaze/raw.txt",
    text: tabs(
      [
        ...["Time", "Type", "Trial", "L POR X [px]", "L POR Y [px]"],
        ...["R POR X [px]", "R POR Y [px]", "Stimulus"],
      ],
      ...lines((i) => [
        ...[7e9 + i * 10_000, "SMP", 1, 100, 200],
        ...lost(i) ? ["0.00", "0.00"] : [110, 200],
        "a.png",
      ]),
    ).join("\n"),
  })),
  tobii_prolab: averaged((lost) => ({
    file: "gaze/export.tsv",
    text: tabs(
      [
        ...["Recording timestamp [ms]", "Participant name", "Presented Media name"],
        ...["Gaze point X [MCS px]", "Gaze point Y [MCS px]"],
        ...["Gaze point left X [MCS px]", "Gaze point left Y [MCS px]"],
        ...["Gaze point right X [MCS px]", "Gaze point right Y [MCS px]"],
        ...["Validity left", "Validity right"],
      ],
      ...lines((i) => [
        ...[i * 10, "P1", "a.png", lost(i) ? 100 : 105, 200, 100, 200],
        ...lost(i) ? ["", "", "Valid", "Invalid"] : [110, 200, "Valid", "Valid"],
      ]),
    ).join("\n"),
  })),
  webgazer: { cannot: ONE },
  tobii_sdk: averaged((lost) => ({
    file: "gaze/a.csv",
    text: rows(
      [
        ...["device_time_stamp", "left_gaze_point_on_display_area"],
        ...["left_gaze_point_validity", "right_gaze_point_on_display_area"],
        "right_gaze_point_validity",
      ],
      ...lines((i) => [
        ...[i * 10_000, '"(0.125, 0.33333333)"', 1],
        ...lost(i) ? ['"(nan, nan)"', 0] : ['"(0.1375, 0.33333333)"', 1],
      ]),
    ).join("\n"),
  })),
};
