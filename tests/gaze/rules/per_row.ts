/** A choice (coordinates, eye, unit, columns) is made per row or per trial, never by the first row of a file. */
import assert from "node:assert/strict";
import { assumed, parse, places, rows, type Rule, tabs, warned } from "./cells.ts";
import { BIDS_SIDECAR, TINY } from "./tiny_files.ts";

const tobii = (gaze: (i: number) => (string | number)[]) => ({
  file: "gaze/export.tsv",
  text: tabs(
    [
      ...["Recording timestamp [ms]", "Participant name", "Presented Media name"],
      ...["Gaze point X [DACS px]", "Gaze point Y [DACS px]"],
      ...["Gaze point X [MCS px]", "Gaze point Y [MCS px]"],
      ...["Gaze point X [MCS norm]", "Gaze point Y [MCS norm]"],
      ...["Presented Media position X [DACS px]", "Presented Media position Y [DACS px]"],
      ...["Presented Media width [px]", "Presented Media height [px]"],
    ],
    ...Array.from({ length: 6 }, (_, i) => [i * 10, "P1", "a.png", ...gaze(i)]),
  ).join("\n") + "\n",
});

const asc = (eyes: string[][], lines: string[][]) => ({
  file: "gaze/s.asc",
  options: { screen: { width_px: 800, height_px: 600, image: "top_left" as const }, image: "a" },
  text: [
    "** CONVERTED FROM s.edf",
    ...eyes.flatMap((sides, trial) => [
      `START\t${1000 * trial + 1}\t${sides.join("\t")}\tSAMPLES`,
      `SAMPLES\tGAZE\t${sides.join("\t")}\tRATE\t100.00`,
      ...lines[trial],
      `END\t${1000 * trial + 900}`,
    ]),
  ].join("\n") + "\n",
});

export const per_row: Rule = {
  async bids() {
    // Units stand for each column: x in px, y in shares is refused rather than mixed up.
    const { file, text, options } = TINY.bids.write("100", "200");
    const mixed = { ...BIDS_SIDECAR, y_coordinate: { Units: "normalized" } };
    const beside = { "gaze/a_sub-01_recording-eye1_physio.json": JSON.stringify(mixed) };
    await assert.rejects(() => parse({ file, text, options, beside }), /unit "normalized" of y/);
  },
  async eyelink_asc() {
    // Two eyes in the first trial, the right one in the second: tracked eyes belong to the trial.
    const parsed = await parse(asc([["LEFT", "RIGHT"], ["RIGHT"]], [
      ["10\t100.0\t200.0\t800\t104.0\t200.0\t800\t...", "EFIX L 10\t20\t10\t100.0\t200.0\t800"],
      ["1010\t300.0\t400.0\t800\t...", "EFIX R 1010\t1020\t10\t300.0\t400.0\t800"],
    ]));
    assert.deepEqual(places(parsed), [[102, 200], [300, 400]]);
    assert.deepEqual(parsed.gaze[0].fixations.map(({ x }) => x), [100, 300]);
  },
  async eyelink_dataviewer() {
    // The first trial looks like the corner in px, the second is in shares, each by itself.
    const { text, ...file } = TINY.eyelink_dataviewer.write("100", "200");
    const shares = "s1\t2\t0.5\t0.5\t0\t150\tb.png\n";
    const parsed = await parse({ ...file, text: text + shares });
    assert.deepEqual(places(parsed, 0)[0], [100, 200]);
    assert.deepEqual(places(parsed, 1), [[200, 150]]);
  },
  async eyetribe() {
    // The picture by the last message that names one, the eye that was found row by row.
    const { text, ...file } = TINY.eyetribe.write("0", "0");
    const more = `${text}MSG\t2015\t6000\tstart b.png\n2015\t6010\tFalse\t7\t10\t20\t0.0\t0.0\n`;
    const parsed = await parse({ ...file, text: more });
    assert.deepEqual(parsed.gaze.map(({ image }) => image), ["a", "b"]);
    assert.deepEqual(places(parsed, 1), [[10, 20]]);
  },
  async i2mc() {
    const { text, ...file } = TINY.i2mc.write("100", "200");
    const parsed = await parse({ ...file, text: `${text}0\t9\t90\t10\t20\tp2\tb.txt\n` });
    assert.deepEqual(parsed.gaze.map(({ image, reader }) => [image, reader]), [
      ["a", "p1"],
      ["b", "p2"],
    ]);
    assert.deepEqual(places(parsed, 1), [[10, 20]]);
  },
  async imotions() {
    const { text, ...file } = TINY.imotions.write("-1", "-1");
    const parsed = await parse({
      ...file,
      text: `${text}9,900,b,10,20,-1,-1,ET\n10,905,b,,,,,GSR\n`,
    });
    assert.deepEqual(places(parsed, 1), [[10, 20]]);
  },
  async gazepoint() {
    // On the radiograph where the row tells it, else by the pads.
    const text = rows(
      [
        ...["DICOM_ID", "Time (in secs)", "FPOGX", "FPOGY", "FPOGS", "FPOGD", "FPOGID", "FPOGV"],
        ...["X_ORIGINAL", "Y_ORIGINAL"],
      ],
      ["a.png", 0.2, 0.5, 0.5, 0, 0.2, 1, 1, "", ""],
      ["a.png", 0.5, 0.9, 0.9, 0.3, 0.2, 2, 1, 100, 200],
    ).join("\n");
    const beside = {
      "gaze/master_sheet.csv":
        "dicom_id,image_top_pad,image_bottom_pad,image_left_pad,image_right_pad\na.png,0,0,240,240\n",
    };
    const parsed = await parse({ file: "gaze/fixations.csv", text, beside });
    assert.deepEqual(places(parsed), [[400, 300], [100, 200]]);
  },
  async mcgip() {
    // Each row names its image; only one of them is a crop.
    const size = (name: string) =>
      name === "a_roi10-20-410-320.png"
        ? { width: 400, height: 300 }
        : name === "a.png"
        ? { width: 800, height: 600 }
        : undefined;
    const text = rows(
      ["system_time_in_pc", "img_gaze_X", "img_gaze_Y", "image"],
      [1.0, 110, 120, "a_roi10-20-410-320.png"],
      [1.01, 110, 120, "a.png"],
    ).join("\n");
    const parsed = await parse({ file: "gaze/all.csv", text }, { imageSize: size });
    assert.deepEqual(parsed.gaze.map((_, i) => places(parsed, i)), [[[100, 100]], [[110, 120]]]);
  },
  async miceye() {
    // A line of version 2 (with scales) after one of version 1 (without).
    const text = "D:\\a.png;1;[[50, 100]];[];(1, 1)\nD:\\b.png;1;[[[50, 100], 0.5]];[];(1, 1)\n";
    const parsed = await parse({ file: "gaze/log.csv", text, options: { shown_height_px: 300 } });
    assert.deepEqual(parsed.gaze.map((_, i) => places(parsed, i)), [[[100, 200]], [[100, 200]]]);
  },
  async plain() {
    // The trial's clock begins anew; the reader and the image are those of each row.
    const text = rows(
      ["image", "reader", "trial", "x", "y", "t_ms"],
      ["a.png", "r1", 1, 100, 200, 500],
      ["b.png", "r2", 1, 10, 20, 0],
      ["a.png", "r1", 2, 300, 400, 0],
    ).join("\n");
    const parsed = await parse({ file: "gaze/all.csv", text });
    assert.deepEqual(places(parsed, 0), [[100, 200], [300, 400]]);
    assert.deepEqual(parsed.gaze.map(({ reader }) => reader), ["r1", "r2"]);
    warned(parsed, /several trials or recordings .* joined/);
  },
  async pupil_core() {
    // Confidence and the surface count row by row.
    const { text, ...file } = TINY.pupil_core.write("0.125", "0.666667");
    const doubt = text.replace("True,0.9", "True,0.1");
    assert.deepEqual(places(await parse({ ...file, text: doubt })).slice(0, 2), [null, [100, 200]]);
  },
  async pupil_neon() {
    // Two recordings in a file are two readers, or one wearer's, one after the other.
    const file = TINY.pupil_neon.write("0.125", "0.333333");
    const second = file.text.replaceAll("\nr,17", "\nq,16").split("\n").slice(1).join("\n");
    const parsed = await parse({ ...file, text: file.text + second });
    assert.deepEqual(parsed.gaze.map(({ reader }) => reader), ["r", "q"]);
    assert.deepEqual(places(parsed, 1), places(parsed, 0));
  },
  async reflacx() {
    // The rectangle that was shown belongs to the row.
    const text = rows(
      [
        ...["timestamp_start_fixation", "timestamp_end_fixation", "x_position", "y_position"],
        ...["xmin", "ymin", "xmax", "ymax"].map((side) => `${side}_shown_from_image`),
      ],
      [0, 0.2, 100, 200, 0, 0, 800, 600],
      [0.3, 0.5, 100, 200, 300, 300, 500, 500],
      [0.6, 0.8, 400, 400, 300, 300, 500, 500],
    ).join("\n");
    const parsed = await parse({ file: "gaze/a/fixations.csv", text });
    assert.deepEqual(places(parsed), [[100, 200], [400, 400]]);
    assert.equal(parsed.gaze[0].off_image, 1);
  },
  async remodnav() {
    // What is a fixation is said by each row's label.
    const { text, ...file } = TINY.remodnav.write("300", "400");
    const parsed = await parse({ ...file, text: text.replace("FIXA\t300", "PURS\t300") });
    assert.ok(places(parsed).every((place) => place?.[0] === 100));
    assert.equal(places(parsed).length, 7);
  },
  async smi_begaze() {
    // The picture of each trial is in its own message; keys say nothing of pictures.
    const text = [
      "## [BeGaze]",
      "Time\tType\tTrial\tL POR X [px]\tL POR Y [px]",
      "1000\tMSG\t1\t# Message: a.png",
      "1100\tMSG\t1\t# Message: UE-keypress Space",
      "2000\tSMP\t1\t100\t200",
      "3000\tMSG\t2\t# Message: b.png",
      "4000\tSMP\t2\t10\t20",
    ].join("\n");
    const parsed = await parse({ file: "gaze/raw.txt", text });
    assert.deepEqual(parsed.gaze.map((_, i) => places(parsed, i)), [[[100, 200]], [[10, 20]]]);
  },
  async tobii_prolab() {
    // Three kinds of coordinates in one file, each in the rows that have it.
    const shown = [100, 0, 1600, 1200];
    const parsed = await parse(
      tobii((i) =>
        i < 2
          ? [300, 400, "", "", "", "", ...shown]
          : i < 4
          ? ["", "", 100, 200, "", "", "", "", "", ""]
          : ["", "", "", "", 0.125, 1 / 3, "", "", "", ""]
      ),
    );
    assert.deepEqual(places(parsed), Array.from({ length: 6 }, () => [100, 200]));
    assumed(parsed, /position and size of the presented media/);
  },
  async webgazer() {
    // Where the picture stood is told trial by trial, and so are the picture and the reader.
    const trial = (image: string, left: number, subject: number) => ({
      stimulus: image,
      subject,
      webgazer_data: [{ x: 210, y: 220, t: 0 }],
      webgazer_targets: [{ left, top: 20, right: left + 1600, bottom: 1220 }],
    });
    const text = JSON.stringify([
      trial("a.png", 10, 1),
      trial("a.png", 110, 2),
      trial("b.png", 10, 2),
    ]);
    const parsed = await parse({ file: "gaze/s.json", text });
    assert.deepEqual(parsed.gaze.map(({ image, reader }) => image + reader), ["a1", "a2", "b2"]);
    assert.deepEqual(parsed.gaze.map((_, i) => places(parsed, i)[0]), [[100, 100], [50, 100], [
      50,
      50,
    ]]);
  },
  async tobii_sdk() {
    // The eye that is valid, row by row.
    const text = rows(
      [
        ...["device_time_stamp", "image"],
        ...["left", "right"].flatMap((side) => [
          `${side}_gaze_point_on_display_area_x`,
          `${side}_gaze_point_on_display_area_y`,
          `${side}_gaze_point_valid`,
        ]),
      ],
      [0, "a.png", 0.1, 0.1, "True", 0.9, 0.9, "False"],
      [1_000_000, "a.png", 0.1, 0.1, "False", 0.9, 0.9, "True"],
    ).join("\n");
    const parsed = await parse({ file: "gaze/dump.csv", text });
    assert.deepEqual(places(parsed), [[80, 60], [720, 540]]);
  },
};
