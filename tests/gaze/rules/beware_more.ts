/** What further formats are known to trip readers with. */
import assert from "node:assert/strict";
import { type Cell, parse, places, refused, rows, tabs } from "./cells.ts";

const screen = { width_px: 800, height_px: 600, image: "top_left" as const };

export const eyetribe: Cell = async () => {
  // Messages stand among the samples and are shorter; (0, 0) is one eye that was not found.
  const text = tabs(
    ["timestamp", "time", "Lrawx", "Lrawy", "Rrawx", "Rrawy"],
    ["MSG", "2015", 5000, "trial 3 onset pictures/a.png"],
    ["2015", 5000, 100, 200, "0.0", "0.0"],
    ["MSG", "2015", 5010, "key space"],
    ["2015", 5016, 100, 200, 100, 200],
  ).join("\n");
  const parsed = await parse({ file: "gaze/log.tsv", text, options: { screen } });
  assert.deepEqual(places(parsed), [[100, 200], [100, 200]]);
  assert.ok(Math.abs(parsed.gaze[0].samples![4] - 0.016) < 1e-9);
};

export const i2mc: Cell = async () => {
  // Trials are called by the files that their samples were in; a negative duration is none.
  const head = ["FixStart", "FixEnd", "FixDur", "XPos", "YPos", "Participant", "Trial"];
  const file = (duration: number) => ({
    file: "gaze/allfixations.txt",
    text: tabs(head, [100, 300, duration, 100, 200, "p", "a.tsv"]).join("\n"),
    options: { screen },
  });
  assert.deepEqual(places(await parse(file(200))), [[100, 200]]);
  await refused(file(-200), /is negative/);
};

export const imotions: Cell = async () => {
  // Lines about the study stand before the table; rows of other sensors are no lost gaze.
  const text = rows(
    ["#INFO", ""],
    ["#Respondent Name", "P7"],
    ["#DATA", ""],
    ["Row", "Timestamp", "SourceStimuliName", "ET_GazeLeftx", "ET_GazeLefty", "GSR"],
    [1, 0, "a", 100, 200, ""],
    [2, 5, "a", "", "", 0.3],
    [3, 10, "a", -1, -1, ""],
  ).join("\n");
  const parsed = await parse({ file: "gaze/001.csv", text, options: { screen } });
  assert.deepEqual(places(parsed), [[100, 200], null]);
  assert.equal(parsed.gaze[0].reader, "P7");
};

export const webgazer: Cell = async () => {
  // The stimulus may be HTML; trials without gaze are passed over; two targets say no place.
  const trial = {
    stimulus: "<div><img src='img/a.png'></div>",
    webgazer_data: [{ x: 100, y: 200, t: 3 }, { x: 101, y: 200, t: 36 }],
    webgazer_targets: [
      { left: 0, top: 0, right: 9, bottom: 9 },
      { left: 1, top: 1, right: 9, bottom: 9 },
    ],
  };
  const text = JSON.stringify([{ trial_type: "fullscreen" }, trial]);
  const parsed = await parse({ file: "gaze/s.json", text, options: { screen } });
  assert.deepEqual(places(parsed), [[100, 200], [101, 200]]);
  const broken = JSON.stringify([{ ...trial, webgazer_data: [[1, 2]] }]);
  await refused({ file: "gaze/s.json", text: broken }, /is no list of \{x, y, t\}/);
};
