/** The smallest file of every format: rows at (100, 200) of the image, with one place of one's own among them. */
import { type File, type FormatName, rows, tabs } from "./cells.ts";

/** Rows of a tiny file, and which of them is the given one. */
export const ROWS = 8;
export const GIVEN = 3;

/** Screen on which the image stands in own size at the top left, so that its px are those of the screen. */
const screen = { width_px: 800, height_px: 600, image: "top_left" as const };

/** What a tiny file holds, and a place in its own units as text. */
export interface Tiny {
  samples: boolean;
  /** The file with (x, y), as the format writes numbers, in the given rows (default: one). */
  write(x: string, y: string, given?: (row: number) => boolean): File;
  /** (100, 200) in the format's unit. */
  usual: [string, string];
}

const only = (row: number) => row === GIVEN;

function table(
  tiny: Omit<File, "text"> & {
    samples: boolean;
    usual: [string, string];
    head: string[];
    line(x: string, y: string, i: number): string;
    tail?: string[];
  },
): Tiny {
  const { samples, usual, head, line, tail = [], ...file } = tiny;
  return {
    samples,
    usual,
    write: (x, y, given = only) => {
      const lines = Array.from(
        { length: ROWS },
        (_, i) => given(i) ? line(x, y, i) : line(...usual, i),
      );
      return { ...file, text: [...head, ...lines, ...tail, ""].join("\n") };
    },
  };
}

const list = (write: (points: string) => string, file: string, options: File["options"]): Tiny => ({
  samples: true,
  usual: ["100", "200"],
  write: (x, y, given = only) => ({
    file,
    text: write(
      `[${
        Array.from({ length: ROWS }, (_, i) => given(i) ? `[${x}, ${y}]` : "[100, 200]").join(", ")
      }]`,
    ) + "\n",
    options,
  }),
});

export const BIDS_SIDECAR = {
  Columns: ["timestamp", "x_coordinate", "y_coordinate"],
  PhysioType: "eyetrack",
  RecordedEye: "left",
  SamplingFrequency: 100,
  timestamp: { Units: "s" },
  x_coordinate: { Units: "pixel" },
  y_coordinate: { Units: "pixel" },
};

export const TINY: Record<FormatName, Tiny> = {
  bids: table({
    samples: true,
    file: "gaze/a_sub-01_recording-eye1_physio.tsv",
    beside: { "gaze/a_sub-01_recording-eye1_physio.json": JSON.stringify(BIDS_SIDECAR) },
    options: { screen, image: "a" },
    usual: ["100", "200"],
    head: [],
    line: (x, y, i) => `${i / 100}\t${x}\t${y}`,
  }),
  eyelink_asc: table({
    samples: true,
    file: "gaze/s.asc",
    options: { screen },
    usual: ["100.0", "200.0"],
    head: [
      "** CONVERTED FROM s.edf",
      "MSG\t1 DISPLAY_COORDS 0 0 799 599",
      "MSG\t2 TRIALID 1",
      "START\t3 \tLEFT\tSAMPLES\tEVENTS",
      "SAMPLES\tGAZE\tLEFT\tRATE\t100.00",
      "MSG\t4 !V TRIAL_VAR image a.png",
    ],
    line: (x, y, i) => `${10 + i * 10}\t${x}\t${y}\t800.0\t...`,
    tail: ["END\t200 \tSAMPLES\tEVENTS"],
  }),
  eyelink_dataviewer: table({
    samples: false,
    file: "gaze/report.txt",
    options: { screen },
    usual: ["100", "200"],
    head: tabs([
      ...["RECORDING_SESSION_LABEL", "TRIAL_INDEX", "CURRENT_FIX_X", "CURRENT_FIX_Y"],
      ...["CURRENT_FIX_START", "CURRENT_FIX_DURATION", "image"],
    ]),
    line: (x, y, i) => ["s1", 1, x, y, i * 200, 150, "a.png"].join("\t"),
  }),
  eyetribe: table({
    samples: true,
    file: "gaze/log.tsv",
    options: { screen },
    usual: ["100", "200"],
    head: tabs(
      ["timestamp", "time", "fix", "state", "Lrawx", "Lrawy", "Rrawx", "Rrawy"],
    ).concat("MSG\t2015\t5000\tstart a.png"),
    line: (x, y, i) => ["2015", 5000 + i * 10, "False", 7, x, y, x, y].join("\t"),
  }),
  gazepoint: table({
    samples: true,
    file: "gaze/User 1_all_gaze.csv",
    usual: ["0.125", "0.333333"],
    head: rows(["MEDIA_NAME", "TIME(2023/05/01 10:00:00.000)", "BPOGX", "BPOGY", "BPOGV"]),
    line: (x, y, i) => ["a.png", i / 100, x, y, 1].join(","),
  }),
  i2mc: table({
    samples: false,
    file: "gaze/allfixations.txt",
    options: { screen },
    usual: ["100", "200"],
    head: tabs(["FixStart", "FixEnd", "FixDur", "XPos", "YPos", "Participant", "Trial"]),
    line: (x, y, i) => [i * 200, i * 200 + 150, 150, x, y, "p1", "a.tsv"].join("\t"),
  }),
  imotions: table({
    samples: true,
    file: "gaze/001.csv",
    options: { screen },
    usual: ["100", "200"],
    head: [
      "#INFO,",
      "#DATA,",
      "Row,Timestamp,SourceStimuliName,ET_GazeLeftx,ET_GazeLefty,ET_GazeRightx,ET_GazeRighty,Sensor",
    ],
    line: (x, y, i) => [i, i * 10, "a", x, y, x, y, "ET"].join(","),
  }),
  mcgip: list(
    (points) => `{"gaze": ${points}, "img": "a.png", "case": "1", "gt": 1}`,
    "gaze/all.json",
    {},
  ),
  miceye: list(
    (points) => `D:\\knee\\2\\a.png;2;${points};[];(-1, -1)`,
    "gaze/log.csv",
    { shown_height_px: 600 },
  ),
  plain: table({
    samples: true,
    file: "gaze/all.csv",
    usual: ["100", "200"],
    head: rows(["image", "reader", "x", "y", "t_ms"]),
    line: (x, y, i) => ["a.png", "r1", x, y, i * 10].join(","),
  }),
  pupil_core: table({
    samples: true,
    file: "gaze/gaze_positions_on_surface_a.csv",
    usual: ["0.125", "0.666667"],
    head: rows(["gaze_timestamp", "x_norm", "y_norm", "on_surf", "confidence"]),
    line: (x, y, i) => [100 + i / 100, x, y, "True", 0.9].join(","),
  }),
  pupil_neon: table({
    samples: true,
    file: "gaze/a_gaze.csv",
    usual: ["0.125", "0.333333"],
    head: rows([
      ...["recording id", "timestamp [ns]", "gaze detected on surface"],
      ...["gaze position on surface x [normalized]", "gaze position on surface y [normalized]"],
    ]),
    line: (x, y, i) => ["r", 1700000000000000000n + BigInt(i * 10_000_000), "True", x, y].join(","),
  }),
  reflacx: table({
    samples: true,
    file: "gaze/a/gaze.csv",
    usual: ["100", "200"],
    head: rows(["timestamp_sample", "x_position", "y_position"]),
    line: (x, y, i) => [-0.02 + i / 100, x, y].join(","),
  }),
  remodnav: table({
    samples: false,
    file: "gaze/a.tsv",
    options: { screen },
    usual: ["100", "200"],
    head: tabs(["onset", "duration", "label", "start_x", "start_y"]),
    line: (x, y, i) => [i * 0.2, 0.15, "FIXA", x, y].join("\t"),
  }),
  smi_begaze: table({
    samples: true,
    file: "gaze/raw.txt",
    options: { screen },
    usual: ["100", "200"],
    head: ["## [BeGaze]", "Time\tType\tTrial\tL POR X [px]\tL POR Y [px]\tStimulus"],
    line: (x, y, i) => [7e9 + i * 10_000, "SMP", 1, x, y, "a.png"].join("\t"),
  }),
  tobii_prolab: table({
    samples: true,
    file: "gaze/export.tsv",
    usual: ["100", "200"],
    head: tabs([
      ...["Recording timestamp [ms]", "Participant name", "Presented Media name"],
      ...["Gaze point X [MCS px]", "Gaze point Y [MCS px]"],
    ]),
    line: (x, y, i) => [i * 10, "P1", "a.png", x, y].join("\t"),
  }),
  webgazer: {
    samples: true,
    usual: ["100", "200"],
    write: (x, y, given = only) => ({
      file: "gaze/session.json",
      options: { screen },
      text: `[{"stimulus": "a.png", "webgazer_data": [${
        Array.from({ length: ROWS }, (_, i) => {
          const [px, py] = given(i) ? [x, y] : ["100", "200"];
          return `{"x": ${px}, "y": ${py}, "t": ${i * 10}}`;
        }).join(", ")
      }], "webgazer_targets": []}]\n`,
    }),
  },
  tobii_sdk: table({
    samples: true,
    file: "gaze/dump.csv",
    usual: ["0.125", "0.333333"],
    head: rows([
      "device_time_stamp",
      "left_gaze_point_on_display_area_x",
      "left_gaze_point_on_display_area_y",
      "image",
    ]),
    line: (x, y, i) => [7e6 + i * 10_000, x, y, "a.png"].join(","),
  }),
};
