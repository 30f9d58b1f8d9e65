/** Where the tracker's fixations, or those of a filter, hold little of the gaze, the report says so. */
import assert from "node:assert/strict";
import {
  type Cell,
  type FormatName,
  FORMATS,
  messages,
  parse,
  rows,
  type Rule,
  tabs,
} from "./cells.ts";
import { BIDS_SIDECAR } from "./tiny_files.ts";

const FIXED: Partial<Record<FormatName, string>> = {
  eyelink_dataviewer: "a report holds fixations alone",
  i2mc: "a table of fixations holds no samples",
  remodnav: "a table of events holds no samples",
};

/** Rows of an eye that never rests: 40 px and more from one row to the next. */
const wandering = (i: number) => [10 + (i * 97) % 700, 10 + (i * 61) % 500];
const COUNT = 80;
const each = (line: (x: number, y: number, i: number) => (string | number)[]) =>
  Array.from({ length: COUNT }, (_, i) => {
    const [x, y] = wandering(i);
    return line(x, y, i);
  });
const screen = { width_px: 800, height_px: 600, image: "top_left" as const };
const points = JSON.stringify(each((x, y) => [x, y]));
/** A filter that finds nothing here, for points without times, whose own filter takes every point. */
const strict = { filter: { kind: "ivt" as const } };

const FILES: Partial<Record<FormatName, Parameters<typeof parse>[0]>> = {
  bids: {
    file: "gaze/a_sub-01_recording-eye1_physio.tsv",
    text: tabs(...each((x, y, i) => [i / 100, x, y])).join("\n"),
    beside: { "gaze/a_sub-01_recording-eye1_physio.json": JSON.stringify(BIDS_SIDECAR) },
    options: { screen, image: "a" },
  },
  eyelink_asc: {
    file: "gaze/s.asc",
    text: [
      "** CONVERTED FROM s.edf",
      "START\t1\tLEFT",
      "SAMPLES\tGAZE\tLEFT\tRATE\t100.00",
      ...tabs(...each((x, y, i) => [10 + i * 10, `${x}.0`, `${y}.0`, "800.0", "..."])),
      "EFIX L 10\t110\t100\t10.0\t10.0\t800",
    ].join("\n"),
    options: { screen, image: "a" },
  },
  eyetribe: {
    file: "gaze/a.tsv",
    text: tabs(
      ["timestamp", "time", "Lrawx", "Lrawy", "Rrawx", "Rrawy"],
      ...each((x, y, i) => [0, i * 10, x, y, x, y]),
    ).join("\n"),
    options: { screen },
  },
  imotions: {
    file: "gaze/a.csv",
    text: rows(
      ["Timestamp", "ET_GazeLeftx", "ET_GazeLefty", "ET_GazeRightx", "ET_GazeRighty"],
      ...each((x, y, i) => [i * 10, x, y, x, y]),
    ).join("\n"),
    options: { screen },
  },
  webgazer: {
    file: "gaze/a.json",
    text: JSON.stringify([{
      stimulus: "a.png",
      webgazer_data: Array.from({ length: COUNT }, (_, i) => {
        const [x, y] = wandering(i);
        return { x, y, t: i * 10 };
      }),
    }]),
    options: { screen },
  },
  gazepoint: {
    file: "gaze/x_all_gaze.csv",
    text: rows(
      ["MEDIA_NAME", "TIME(x)", "BPOGX", "BPOGY", "BPOGV"],
      ...each((x, y, i) => ["a.png", i / 100, x / 800, y / 600, 1]),
    ).join("\n"),
  },
  mcgip: { file: "gaze/a.json", text: `{"gaze": ${points}, "img": "a.png"}`, options: strict },
  miceye: {
    file: "gaze/a.csv",
    text: `D:\\a.png;1;${points};[];(1, 1)`,
    options: { ...strict, shown_height_px: 600 },
  },
  plain: {
    file: "gaze/a.csv",
    text: rows(["x", "y", "t_ms"], ...each((x, y, i) => [x, y, i * 10])).join("\n"),
  },
  pupil_core: {
    file: "gaze/gaze_positions_on_surface_a.csv",
    text: rows(
      ["gaze_timestamp", "x_norm", "y_norm", "on_surf", "confidence"],
      ...each((x, y, i) => [100 + i / 100, x / 800, 1 - y / 600, "True", 1]),
    ).join("\n"),
  },
  pupil_neon: {
    file: "gaze/a.csv",
    text: rows(
      [
        ...["timestamp [ns]", "gaze detected on surface"],
        ...["x", "y"].map((axis) => `gaze position on surface ${axis} [normalized]`),
      ],
      ...each((x, y, i) => [i * 10_000_000, "True", x / 800, y / 600]),
    ).join("\n"),
  },
  reflacx: {
    file: "gaze/a/gaze.csv",
    text: rows(
      ["timestamp_sample", "x_position", "y_position"],
      ...each((x, y, i) => [i / 100, x, y]),
    ).join("\n"),
  },
  smi_begaze: {
    file: "gaze/raw.txt",
    text: tabs(
      ["Time", "Type", "Trial", "L POR X [px]", "L POR Y [px]", "Stimulus"],
      ...each((x, y, i) => [i * 10_000, "SMP", 1, x, y, "a.png"]),
    ).join("\n"),
  },
  tobii_prolab: {
    file: "gaze/x.tsv",
    text: tabs(
      [
        ...["Recording timestamp [ms]", "Presented Media name", "Gaze point X [MCS px]"],
        "Gaze point Y [MCS px]",
      ],
      ...each((x, y, i) => [i * 10, "a.png", x, y]),
    ).join("\n"),
  },
  tobii_sdk: {
    file: "gaze/a.csv",
    text: rows(
      [
        "device_time_stamp",
        ...["x", "y"].map((axis) => `left_gaze_point_on_display_area_${axis}`),
      ],
      ...each((x, y, i) => [i * 10_000, x / 800, y / 600]),
    ).join("\n"),
  },
};

function cell(format: FormatName): Cell {
  const file = FILES[format];
  if (!file) return { cannot: FIXED[format]! };
  return async () => {
    const parsed = await parse(file);
    const said = messages(parsed).filter((message) => /hold only \d+ % of the gaze/.test(message));
    assert.equal(said.length, 1, messages(parsed).join("; "));
    assert.ok(parsed.gaze[0].facts.share_in_fixations! < 0.5);
  };
}

export const little_gaze = Object.fromEntries(
  FORMATS.map((format) => [format, cell(format)]),
) as Rule;
