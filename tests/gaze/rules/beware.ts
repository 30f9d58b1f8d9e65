/** What each format is known to trip readers with (the last column of the table of gaze formats). */
import assert from "node:assert/strict";
import {
  assumed,
  messages,
  parse,
  places,
  refused,
  rows,
  type Rule,
  tabs,
  warned,
} from "./cells.ts";
import { eyetribe, i2mc, imotions, webgazer } from "./beware_more.ts";
import { TINY } from "./tiny_files.ts";

const screen = { width_px: 800, height_px: 600, image: "top_left" as const };
const times = (parsed: Awaited<ReturnType<typeof parse>>, which = 0) =>
  parsed.gaze[which].fixations.map(({ start, duration }) =>
    [start, duration].map((value) => Math.round(value * 1e4) / 1e4)
  );

const TOBII = [
  ...["Recording timestamp [ms]", "Sensor", "Participant name", "Recording name"],
  ...[
    "Presented Media name",
    "Gaze point X [MCS px]",
    "Gaze point Y [MCS px]",
    "Eye movement type",
  ],
  ...["Eye movement event duration [ms]", "Eye movement type index"],
  ...["Fixation point X [MCS px]", "Fixation point Y [MCS px]"],
];
const tobiiRow = (
  t: number,
  image: string,
  index: number,
  { duration = 100, recording = "R1", sensor = "Eye Tracker", x = "100", y = "200" } = {},
) => [
  ...[t, sensor, "P1", recording, image, x, y, "Fixation", duration, index, x, y],
];

export const beware: Rule = {
  eyetribe,
  i2mc,
  imotions,
  webgazer,
  async bids() {
    // Inherited sidecars, a byte-order mark, and events that show two pictures.
    const stem = "gaze/sub-01/func/sub-01_task-x";
    const beside = {
      "gaze/task-x_physio.json": JSON.stringify({
        Columns: ["timestamp", "x_coordinate", "y_coordinate"],
        timestamp: { Units: "s" },
        x_coordinate: { Units: "deg", Description: "inherited" },
        y_coordinate: { Units: "pixel" },
      }),
      [`${stem}_physio.json`]: JSON.stringify({ StartTime: 2, x_coordinate: { Units: "pixel" } }),
      [`${stem}_events.tsv`]:
        "onset\tduration\tstim_file\n2\t1\timages/a.png\n3\tn/a\timages/b.png\n",
    };
    const text = "\ufeff7.0\t100\t200\n7.5\t101\t200\n8.0\t10\t20\n8.5\t11\t20\n";
    const parsed = await parse({ file: `${stem}_physio.tsv`, text, beside, options: { screen } });
    assert.deepEqual(parsed.gaze.map(({ image }) => image), ["a", "b"]);
    assert.equal(places(parsed, 0).length, 2);
    assert.equal(parsed.gaze[1].samples![4], 0.5);
    assert.equal(parsed.gaze[1].reader, "sub-01");
  },
  async eyelink_asc() {
    // Blink saccades are no gaze; the picture's place is in its message; events in HREF have the gaze later.
    const text = [
      "** CONVERTED FROM s.edf",
      "MSG\t1 DISPLAY_COORDS = 0 0 999 799",
      "MSG\t2 !V IMGLOAD TOP_LEFT images/a.png 50 60 400 300",
      "START\t5\tLEFT\tSAMPLES\tEVENTS",
      "EVENTS\tHREF\tLEFT\tRATE\t1000.00",
      "SAMPLES\tGAZE\tLEFT\tRATE\t1000.00",
      "10\t100.0\t160.0\t800\t...",
      "SSACC L  11",
      "11\t400.0\t400.0\t300\t...",
      "SBLINK L 12",
      "12\t.\t.\t0.0\t...",
      "EBLINK L 12\t12\t1",
      "13\t500.0\t500.0\t300\t...",
      "ESACC L  11\t13\t3\t1\t1\t1\t1\t.\t.\t.\t.\t0.1\t9",
      "14\t100.0\t160.0\t800\t...",
      "EFIX L   10\t30\t20\t-1500.0\t220.0\t700\t100.0\t160.0\t800",
      "END\t40",
    ].join("\n");
    const parsed = await parse({ file: "gaze/s.asc", text });
    assert.deepEqual(places(parsed), [[100, 200], null, null, null, [100, 200]]);
    assert.deepEqual(parsed.gaze[0].fixations.map(({ x, y }) => [x, y]), [[100, 200]]);
    assumed(parsed, /saccades around blinks/);
    assumed(parsed, /screen of 1000 x 800 px/);
    // Two pictures in a trial: each from its message on, and the fixation between is split.
    const two = await parse({
      file: "gaze/s.asc",
      options: { screen },
      text: [
        "** CONVERTED FROM s.edf",
        "MSG\t1 TRIALID 1",
        "START\t5\tLEFT\tSAMPLES\tEVENTS",
        "SAMPLES\tGAZE\tLEFT\tRATE\t100.00",
        "MSG\t100 !V IMGLOAD TOP_LEFT a.png 0 0",
        "100\t100.0\t200.0\t800\t...",
        "MSG\t300 !V IMGLOAD TOP_LEFT b.png 0 0",
        "300\t10.0\t20.0\t800\t...",
        "EFIX L 250\t350\t100\t100.0\t200.0\t800",
        "END\t900",
      ].join("\n"),
    });
    assert.deepEqual(two.gaze.map(({ image }) => image), ["a", "b"]);
    assert.deepEqual(two.gaze.map((_, i) => times(two, i)), [[[0.15, 0.05]], [[0, 0.05]]]);
    // A picture that is named in a message of no known form, while eyes are recorded.
    const words = [
      "** CONVERTED FROM s.edf",
      "MSG\t1 PRELOAD b.png",
      "START\t5\tLEFT",
      "SAMPLES\tGAZE\tLEFT\tRATE\t100.00",
      "MSG\t6 onset of stimuli/a.png",
      "10\t100.0\t200.0\t800\t...",
    ].join("\n");
    const worded = await parse({ file: "gaze/s.asc", text: words, options: { screen } });
    assert.deepEqual(worded.gaze.map(({ image }) => image), ["a"]);
    warned(worded, /by their names in messages; `image_pattern` says/);
    await refused(
      { file: "gaze/s.asc", text: "** CONVERTED FROM x\nSAMPLES\tHREF\tLEFT\n1\t2\t3\t4\n" },
      /not screen px/,
    );
  },
  async eyelink_dataviewer() {
    // GazeMedSeg's shares, also where the first fixations lie beside the image.
    const text = rows(
      ["CURRENT_FIX_X", "CURRENT_FIX_Y", "CURRENT_FIX_DURATION", "image"],
      [1.7, 0.5, 100, "a.png"],
      [0.125, 0.333333, 200, "a.png"],
    ).join("\n");
    const parsed = await parse({ file: "gaze/x.csv", text });
    assert.deepEqual(places(parsed), [[100, 200]]);
    assert.equal(parsed.gaze[0].off_image, 1);
  },
  async gazepoint() {
    // A fixation's last row counts; one row a fixation is a table of fixations; beside the radiograph is no place.
    const head = [
      ...["MEDIA_NAME", "TIME(2018/11/29 15:33:29.161)", "FPOGX", "FPOGY", "FPOGS", "FPOGD"],
      ...["FPOGID", "FPOGV", "BPOGX", "BPOGY", "BPOGV", ""],
    ];
    const row = (id: number, t: number, x: number, duration: number, valid = 1) => [
      ...["a.png", t, x, 0.333333, 0.1 * id, duration, id, valid, x, 0.333333, valid, ""],
    ];
    const growing = [row(1, 0, 0.2, 0.01, 0), row(1, 0.01, 0.15, 0.02), row(1, 0.02, 0.125, 0.03)];
    const all = await parse({ file: "gaze/f.csv", text: rows(head, ...growing).join("\n") });
    assert.deepEqual(all.gaze[0].fixations.map(({ x, duration }) => [x, duration]), [[100, 0.03]]);
    assert.equal(all.gaze[0].samples!.length, 12);
    const single = rows(
      head,
      row(1, 0.1, 0.125, 0.1),
      row(2, 0.3, 0.5, 0.1),
      row(3, 0.5, 0.5, 0.1, 0),
    );
    const table = await parse({ file: "gaze/User 1_all_gaze.csv", text: single.join("\n") });
    assert.equal(table.gaze[0].samples, undefined);
    assert.equal(table.gaze[0].fixations.length, 2);
    assert.equal(table.gaze[0].dropped, 1);
    // Logs of the Open Gaze API name pictures in what the experiment sent.
    const user = tabs(
      ["CNT", "TIME", "BPOGX", "BPOGY", "BPOGV", "USER"],
      [1, 0.01, 0.5, 0.5, 1, "0"],
      [2, 0.02, 0.125, 0.333333, 1, "START img/a.png"],
      [3, 0.03, 0.125, 0.333333, 1, "0"],
    ).join("\n");
    const sent = await parse({ file: "gaze/log.tsv", text: user });
    assert.deepEqual(sent.gaze.map(({ image }) => image), ["a"]);
    assert.deepEqual(places(sent), [[100, 200], [100, 200]]);
    for (const off_image of ["drop", "clamp"] as const) {
      const egd = rows(
        ["DICOM_ID", "FPOGX", "FPOGY", "FPOGS", "FPOGD", "FPOGID", "X_ORIGINAL", "Y_ORIGINAL"],
        ["a.png", 0.5, 0.5, 0, 0.2, 1, 100, 200],
        ["a.png", 0.01, 0.5, 0.3, 0.2, 2, -3, -3],
      ).join("\n");
      const parsed = await parse({ file: "gaze/fixations.csv", text: egd }, { off_image });
      assert.deepEqual(places(parsed), [[100, 200]]);
      assert.equal(parsed.gaze[0].off_image, 1);
    }
  },
  async mcgip() {
    // A crop names its part; the same name of the whole mammogram changes nothing; midnight passes.
    const head = ["system_time_in_pc", "img_gaze_X", "img_gaze_Y"];
    const text = rows(head, ["23:59:59.990", 110, 220], ["00:00:00.010", 110, 220]).join("\n");
    const crop = await parse({ file: "gaze/a_roi10-20-810-620.csv", text });
    assert.deepEqual(places(crop), [[100, 200], [100, 200]]);
    assert.ok(Math.abs(crop.gaze[0].samples![4] - 0.02) < 1e-6);
    const whole = await parse({ file: "gaze/a_roi10-20-410-320.csv", text });
    assert.deepEqual(places(whole)[0], [110, 220]);
    const empty = await parse({ file: "gaze/a.json", text: '{"gaze": [], "img": "a.png"}' });
    warned(empty, /has no gaze/);
  },
  async miceye() {
    // Gaze beside the picture was moved to its edge by the program; a picture may have none.
    const text = "C:\\x\\a.png;1;[[0, 120], [50, 100], [400, 100], [0, 0]];[];(1, 1)\n" +
      "C:\\x\\b.png;1;[];[];(1, 1)\n";
    const parsed = await parse({ file: "gaze/log.csv", text, options: { shown_height_px: 300 } });
    assert.deepEqual(places(parsed), [null, [100, 200], null, null]);
    warned(parsed, /very edge.*\(2 rows/);
    warned(parsed, /image "b" has no gaze/);
  },
  async plain() {
    await refused(
      { file: "gaze/a.csv", text: "x,y,time\n1,2,3\n" },
      /column "time" has no unit: name it t_s or t_ms/,
    );
    // NumPy's header is a comment.
    const parsed = await parse({ file: "gaze/a.csv", text: "# x,y,t_ms\n100,200,0\n101,200,10\n" });
    assert.deepEqual(places(parsed), [[100, 200], [101, 200]]);
  },
  async pupil_core() {
    const { text } = TINY.pupil_core.write("0.125", "0.666667");
    const world = text.replace("on_surf,", "").replaceAll("True,", "");
    await refused({ file: "gaze/gaze_positions.csv", text: world }, /export the surface/);
    // Bottom left: a small y is low in the picture.
    const low = await parse(TINY.pupil_core.write("0.125", "0.1"));
    assert.equal(places(low)[3]![1], 540);
  },
  async pupil_neon() {
    // Nanoseconds beyond what a double tells apart.
    const text = rows(
      [
        ...["recording id", "fixation id", "start timestamp [ns]", "duration [ms]"],
        ...["fixation detected on surface", "fixation x [normalized]", "fixation y [normalized]"],
      ],
      ["r", 1, "1700000000000000001", 100, "True", 0.125, 0.333333],
      ["r", 2, "1700000000200000002", 100, "True", 0.125, 0.333333],
    ).join("\n");
    const parsed = await parse({ file: "gaze/a.csv", text });
    assert.ok(Math.abs(parsed.gaze[0].fixations[1].start - 0.200000001) < 1e-12);
    await refused(
      { file: "gaze/a.csv", text: text.replace("1700000000200000002", "1.7e18") },
      /not a whole number of ns/,
    );
  },
  async reflacx() {
    // No column of durations, negative times, both spellings of the positions.
    for (const name of ["", "average_"]) {
      const text = rows(
        [
          ...["timestamp_start_fixation", "timestamp_end_fixation"],
          ...[`${name}x_position`, `${name}y_position`],
        ],
        [-0.3, -0.1, 100, 200],
      ).join("\n");
      const parsed = await parse({ file: "gaze/a/fixations.csv", text });
      assert.deepEqual(times(parsed), [[-0.3, 0.2]]);
    }
  },
  async remodnav() {
    // A scanpath of multimatch_gaze has neither labels nor onsets.
    const text = tabs(["start_x", "start_y", "duration"], [100, 200, 0.3], [300, 400, 0.2]).join(
      "\n",
    );
    const parsed = await parse({ file: "gaze/a.tsv", text, options: { screen } });
    assert.deepEqual(times(parsed), [[0, 0.3], [0.3, 0.2]]);
    assumed(parsed, /no start times/);
  },
  async smi_begaze() {
    // BeGaze 3 writes ms and names its pictures row by row.
    const text = rows(
      [
        ...["RecordingTime [ms]", "Trial", "Stimulus", "Participant"],
        ...["Point of Regard Right X [px]", "Point of Regard Right Y [px]"],
      ],
      [1000.5, "Trial1", "a.png", "P1", 100, 200],
      [1004.5, "Trial1", "a.png", "P1", "-", "-"],
    ).join("\n");
    const parsed = await parse({ file: "gaze/x.txt", text });
    assert.deepEqual(places(parsed), [[100, 200], null]);
    assert.ok(Math.abs(parsed.gaze[0].samples![4] - 0.004) < 1e-9);
    assert.equal(parsed.gaze[0].reader, "P1");
    // Event exports: a header for each kind of row, messages as user events.
    const events = [
      "Table Header for Fixations:",
      "Event Type\tTrial\tNumber\tStart\tEnd\tDuration\tLocation X\tLocation Y",
      "UserEvent\t1\t1\t1000\t# Message: a.png",
      "Fixation L\t1\t1\t2000\t202000\t200000\t100\t200",
      "Fixation R\t1\t1\t2000\t202000\t200000\t109\t200",
      "Saccade L\t1\t1\t202000\t203000\t1000\t1\t2",
    ].join("\n");
    const fixed = await parse({ file: "gaze/x_Events.txt", text: events });
    assert.deepEqual(places(fixed), [[100, 200]]);
    assert.deepEqual(times(fixed), [[0, 0.2]]);
  },
  async tobii_prolab() {
    // An event on all its rows is one fixation; where the picture changes, each gets its part.
    const steps = Array.from({ length: 10 }, (_, i) => i * 10);
    const crossing = steps.map((t) => tobiiRow(t, t < 60 ? "a.png" : "b.png", 1));
    const text = tabs(TOBII, ...crossing, tobiiRow(100, "b.png", 2, { duration: 10 })).join("\n");
    const parsed = await parse({ file: "gaze/x.tsv", text });
    assert.deepEqual(times(parsed, 0), [[0, 0.06]]);
    assert.deepEqual(times(parsed, 1), [[0, 0.04], [0.04, 0.01]]);
    // Only some rows of a long event are in the file.
    const cut = tabs(TOBII, ...steps.map((t) => tobiiRow(t, "a.png", 1, { duration: 900 })));
    assert.deepEqual(times(await parse({ file: "gaze/x.tsv", text: cut.join("\n") })), [[0, 0.1]]);
    // Mouse rows are none of the tracker's; a second recording has the same numbers and a clock of its own.
    const again = tabs(
      TOBII,
      ...steps.map((t) => tobiiRow(t, "a.png", 1)),
      tobiiRow(95, "a.png", 1, { sensor: "Mouse", x: "", y: "" }),
      ...steps.map((t) => tobiiRow(t, "a.png", 1, { recording: "R2" })),
    ).join("\n");
    const joined = await parse({ file: "gaze/x.tsv", text: again });
    assert.equal(joined.gaze.length, 1);
    assert.equal(joined.gaze[0].fixations.length, 2);
    assert.equal(joined.gaze[0].samples!.length, 80);
    assert.equal(joined.gaze[0].data_loss, 0);
    warned(joined, /several trials or recordings .* joined/);
    // Fixation points alone are enough; microseconds without saying so.
    const alone = tabs(
      [
        ...["RecordingTimestamp", "ParticipantName", "MediaName", "GazeEventType"],
        ...[
          "GazeEventDuration",
          "FixationIndex",
          "FixationPointX (MCSpx)",
          "FixationPointY (MCSpx)",
        ],
      ],
      [0, "P1", "a.png", "Fixation", 250, 1, 100, 200],
      [300_000, "P1", "a.png", "Fixation", 200, 2, 300, 400],
    ).join("\n");
    const fixed = await parse({ file: "gaze/x.tsv", text: alone });
    assert.deepEqual(times(fixed), [[0, 0.25], [0.3, 0.2]]);
    assert.equal(fixed.gaze[0].samples, undefined);
    assumed(fixed, /taken as microseconds/);
    assert.deepEqual(messages(fixed), []);
  },
  async tobii_sdk() {
    // Tuples in cells, as Python and NumPy print them; rows without a time.
    const text = [
      "system_time_stamp,left_gaze_point_on_display_area,image",
      '0,"(np.float64(0.125), np.float64(0.33333333))",a.png',
      '10000,"[0.125 0.33333333]",a.png',
      ',"(0.9, 0.9)",a.png',
    ].join("\n");
    const parsed = await parse({ file: "gaze/x.csv", text });
    assert.deepEqual(places(parsed), [[100, 200], [100, 200]]);
    warned(parsed, /rows without a time/);
  },
};
