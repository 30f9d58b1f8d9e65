/** Writers of the exports of trackers that tell of both eyes: Tobii's SDK, EyeLink, SMI, BIDS. */
import { eyeOf } from "./eye_choice.ts";
import { fitted } from "./plain_writers.ts";
import { centred, letterbox, onScreen, type Point, type Scene, type SceneTrial } from "./scene.ts";
import { type Expected, meanSamples, numbers, row, type Writer, type Written } from "./written.ts";

/** Trials of the first reader alone, for files that name none. */
export const ofOneReader = (scene: Scene): SceneTrial[] =>
  scene.trials.filter(({ reader }) => reader === scene.trials[0].reader);

export const tobii_sdk: Writer = (scene, dice) => {
  const { eye, samples } = eyeOf(dice);
  const titta = dice.chance(0.5);
  const delimiter = titta ? "\t" : ",";
  const lostAsNumbers = dice.chance(0.3);
  const at = numbers({ decimals: 6, missing: "nan" });
  const columns = (side: string) =>
    titta
      ? [
        `${side}_gaze_point_on_display_area_x`,
        `${side}_gaze_point_on_display_area_y`,
        `${side}_gaze_point_valid`,
      ]
      : [`${side}_gaze_point_on_display_area`, `${side}_gaze_point_validity`];
  const lines = [
    row(
      ["device_time_stamp", "image", "reader", ...columns("left"), ...columns("right")],
      delimiter,
    ),
  ];
  let clock = 77_000_000;
  for (const trial of scene.trials) {
    const on = letterbox(trial.image, scene.screen);
    const point = (of?: Point) => {
      const px = of && onScreen(of, trial.image, on);
      const [x, y] = px
        ? [at(px.x / scene.screen.width), at(px.y / scene.screen.height)]
        : lostAsNumbers
        ? ["0.000000", "0.000000"]
        : [at(NaN), at(NaN)];
      const valid = titta ? (of ? "True" : "False") : of ? 1 : 0;
      return titta ? [x, y, valid] : [`(${x}, ${y})`, valid];
    };
    for (const { t, left, right } of trial.samples) {
      const time = Math.round(clock + t * 1e6);
      lines.push(
        row([time, trial.image.name, trial.reader, ...point(left), ...point(right)], delimiter),
      );
    }
    clock += 60_000_000;
  }
  return {
    file: "gaze/dump.csv",
    lines,
    options: { screen: fitted(scene), eye },
    expected: scene.trials.map((trial) => ({
      image: trial.image,
      reader: trial.reader,
      samples: samples(trial),
      px: 1e-6 * Math.max(scene.screen.width, scene.screen.height) *
          trial.image.width / letterbox(trial.image, scene.screen).width + 1e-6,
      s: 2e-6,
    })),
    table: delimiter,
  };
};

export const smi_begaze: Writer = (scene, dice) => {
  const { eye, samples } = eyeOf(dice);
  const old = dice.chance(0.6);
  const at = numbers({ decimals: 2 });
  const { width, height } = scene.screen;
  const trials = old ? ofOneReader(scene) : scene.trials;
  const lines = old
    ? [
      "## [BeGaze]",
      "## Converted from:\tx.idf",
      `## Subject:\t${trials[0].reader}`,
      `## Calibration Area:\t${width}\t${height}`,
      "##",
      "Time\tType\tTrial\tL POR X [px]\tL POR Y [px]\tR POR X [px]\tR POR Y [px]",
    ]
    : [
      "RecordingTime [ms],Trial,Stimulus,Participant,Point of Regard Left X [px],Point of Regard Left Y [px]," +
      "Point of Regard Right X [px],Point of Regard Right Y [px]",
    ];
  let clock = 70_590_724_308;
  trials.forEach((trial, i) => {
    const { image, reader } = trial;
    const on = old ? centred(image, scene.screen) : letterbox(image, scene.screen);
    const point = (of?: Point) => {
      const px = of && onScreen(of, image, on);
      return [at(px?.x ?? 0), at(px?.y ?? 0)];
    };
    if (old) {
      lines.push([clock, "MSG", i + 1, `# Message: ${image.name}`].join("\t"));
      lines.push([clock, "MSG", i + 1, "# Message: UE-keypress Space"].join("\t"));
    }
    for (const { t, left, right } of trial.samples) {
      const places = [...point(left), ...point(right)];
      const us = Math.round(clock + t * 1e6);
      lines.push(
        old
          ? [us, "SMP", i + 1, ...places].join("\t")
          : [(us / 1e3).toFixed(3), `Trial${i}`, image.name, reader, ...places].join(","),
      );
    }
    clock += 30_000_000;
  });
  return {
    file: "gaze/raw.txt",
    lines,
    options: { eye, ...old ? {} : { screen: fitted(scene) } },
    expected: trials.map((trial) => ({
      image: trial.image,
      reader: trial.reader,
      samples: samples(trial),
      px: 0.01 * Math.max(1, trial.image.width / letterbox(trial.image, scene.screen).width),
      s: 2e-6,
    })),
  };
};

const TOLD = [
  "DISPLAY_COORDS 0 0 {right} {bottom}",
  "DISPLAY_COORDS = 0 0 {right} {bottom}",
  "GAZE_COORDS 0.00 0.00 {right}.00 {bottom}.00",
  "!CMD 0 screen_pixel_coords = 0, 0, {right}, {bottom}",
];

export const eyelink_asc: Writer = (scene, dice) => {
  const { eye } = eyeOf(dice);
  const trials = ofOneReader(scene);
  const { reader } = trials[0];
  const at = numbers({ decimals: 2, missing: "." });
  const last = dice.chance(0.7) ? 1 : 0;
  const lines = [
    "** CONVERTED FROM demo.edf using edfapi 4.2",
    "**",
    `MSG\t900 ${
      dice.pick(TOLD).replace("{right}", `${scene.screen.width - last}`).replace(
        "{bottom}",
        `${scene.screen.height - last}`,
      )
    }`,
  ];
  const expected: Expected[] = [];
  let clock = 1000;
  const byId = dice.chance(0.5);
  trials.forEach((trial, i) => {
    const { image } = trial;
    const how = dice.pick(["load", "variable"]);
    const on = how === "load" ? letterbox(image, scene.screen) : centred(image, scene.screen);
    const href = dice.chance(0.2);
    // Which eyes are tracked differs from trial to trial.
    const tracked = dice.pick([["L"], ["R"], ["L", "R"]]);
    const words = tracked.map((side) => side === "L" ? "LEFT" : "RIGHT").join("\t");
    if (byId) lines.push(`MSG\t${clock} TRIALID ${i}`);
    const place = `${(on.x + on.width / 2).toFixed(4)} ${(on.y + on.height / 2).toFixed(4)} ${
      on.width.toFixed(4)
    } ${on.height.toFixed(4)}`;
    const load = `MSG\t${clock} !V IMGLOAD CENTER images/${image.name} ${place}`;
    const before = dice.chance(0.5);
    if (how === "load" && before) lines.push(load);
    lines.push(
      `START\t${clock} \t${words}\tSAMPLES\tEVENTS`,
      `EVENTS\t${href ? "HREF" : "GAZE"}\t${words}\tRATE\t${scene.rate}.00\tTRACKING\tCR`,
      `SAMPLES\tGAZE\t${words}\tRATE\t${scene.rate}.00\tTRACKING\tCR`,
    );
    if (how === "load" && !before) lines.push(load);
    const point = (of?: Point) => {
      const px = of && onScreen(of, image, on);
      return `${at(px?.x)}\t${at(px?.y)}\t${of ? "800.0" : "0.0"}`;
    };
    const ms = (t: number) => (clock + t * 1e3).toFixed(1);
    for (const sample of trial.samples) {
      const eyes = tracked.map((side) => point(side === "L" ? sample.left : sample.right));
      lines.push(`${ms(sample.t)}\t${eyes.join("\t")}\t...`);
    }
    for (const side of tracked) {
      for (const { start, duration, lost, ...place } of trial.fixations) {
        const px = onScreen(place, image, on);
        // The other eye's fixations stand elsewhere.
        const away = tracked.length === 2 && side === (eye === "right" ? "L" : "R") ? 7 : 0;
        const xy = lost ? ".\t." : `${at(px.x + away)}\t${at(px.y + away)}`;
        const head = href ? "-1500.0\t220.0\t700\t" : "";
        lines.push(
          `EFIX ${side}   ${ms(start)}\t${ms(start + duration)}\t${
            (duration * 1e3).toFixed(1)
          }\t${head}${xy}\t800`,
        );
      }
    }
    const length = trial.samples.at(-1)!.t * 1e3;
    lines.push(`END\t${(clock + length + 1).toFixed(0)} \tSAMPLES\tEVENTS`);
    if (how === "variable") {
      lines.push(`MSG\t${(clock + length + 2).toFixed(0)} !V TRIAL_VAR image ${image.name}`);
    }
    clock += Math.ceil(length) + 3000;
    const wanted = eye === "right" ? "R" : eye === "left" ? "L" : undefined;
    if (wanted && !tracked.includes(wanted)) return;
    const samples = trial.samples.map((sample) => {
      const { t, mean, left, right, slack } = sample;
      if (wanted) return { t, point: wanted === "L" ? left : right };
      if (tracked.length === 2) return { t, point: mean, slack };
      return { t, point: tracked[0] === "L" ? left : right };
    });
    expected.push({
      image,
      reader,
      samples,
      fixations: trial.fixations,
      px: 0.01 * image.width / on.width + 2e-3,
      s: 3e-4,
    });
  });
  return {
    file: "gaze/s.asc",
    lines,
    options: {
      eye,
      reader,
      screen: dice.chance(0.5)
        ? { width_px: scene.screen.width, height_px: scene.screen.height }
        : undefined,
    },
    expected,
  };
};

export const bids: Writer = (scene, dice) => {
  const trials = ofOneReader(scene);
  const { eye } = eyeOf(dice);
  const { width, height } = scene.screen;
  const share = dice.chance(0.3);
  const origin = dice.pick([["top", "left"], ["bottom", "left"], ["top", "right"]]);
  const unit = dice.pick(["s", "ms"]);
  const clocked = dice.chance(0.7);
  const twoFiles = dice.chance(0.5);
  const began = clocked ? dice.whole(0, 5000) : 0;
  const at = numbers({ decimals: share ? 7 : 3, missing: "n/a" });
  const stem = "gaze/sub-01/func/sub-01_task-view";
  const lines: { left: string[]; right: string[] } = { left: [], right: [] };
  const events = ["onset\tduration\tstim_file"];
  let clock = 0;
  const given = dice.chance(0.5);
  for (const trial of trials) {
    const { image } = trial;
    const on = given ? letterbox(image, scene.screen) : centred(image, scene.screen);
    const place = (of?: Point) => {
      if (!of) return ["n/a", "n/a"];
      const px = onScreen(of, image, on);
      const x = origin[1] === "left" ? px.x : width - px.x;
      const y = origin[0] === "top" ? px.y : height - px.y;
      return [at(share ? x / width : x), at(share ? y / height : y)];
    };
    const last = trial.samples.at(-1)!.t;
    events.push(
      `${(clock - 0.25 / scene.rate).toFixed(5)}\t${
        (last + 0.5 / scene.rate).toFixed(5)
      }\timages/${image.name}`,
    );
    for (const { t, left, right } of trial.samples) {
      const time = began + clock + t;
      const cell = (time * (unit === "ms" ? 1e3 : 1)).toFixed(unit === "ms" ? 2 : 5);
      lines.left.push([...clocked ? [cell] : [], ...place(left), "800"].join("\t"));
      lines.right.push([...clocked ? [cell] : [], ...place(right), "800"].join("\t"));
    }
    // Without timestamps the recording goes on without a pause.
    clock += last + 1 / scene.rate;
    if (clocked) clock += 1;
  }
  const shared = {
    Columns: [...clocked ? ["timestamp"] : [], "x_coordinate", "y_coordinate", "pupil_size"],
    PhysioType: "eyetrack",
    SamplingFrequency: scene.rate,
    timestamp: { Units: unit },
    x_coordinate: { Units: share ? "normalized" : "pixel" },
    y_coordinate: { Units: share ? "normalized" : "pixel" },
  };
  const presentation = {
    StimulusPresentation: {
      ScreenResolution: dice.pick([[width, height], [width - 1, height - 1]]),
      ScreenOrigin: origin,
    },
  };
  const which = twoFiles ? undefined : dice.pick(["left", "right"] as const);
  const [first, second] = which ? [which] : ["left", "right"] as const;
  const name = (number: number) => `${stem}_recording-eye${number}_physio`;
  const beside: Written["beside"] = {
    "gaze/task-view_physio.json": [JSON.stringify(shared)],
    "gaze/task-view_events.json": [JSON.stringify(presentation)],
    [`${stem}_events.tsv`]: events,
    [`${name(1)}.json`]: [JSON.stringify({ RecordedEye: first })],
  };
  if (second) {
    beside[`${name(2)}.json`] = [JSON.stringify({ RecordedEye: second })];
    beside[`${name(2)}.tsv`] = lines[second];
  }
  const wanted = eye === "left" || eye === "right" ? eye : undefined;
  const refused = wanted !== undefined && wanted !== first;
  const px = share ? 1e-7 * Math.max(width, height) : 1e-3;
  return {
    file: `${name(1)}.tsv`,
    lines: lines[first],
    beside,
    options: { screen: given ? fitted(scene) : undefined, eye },
    expected: refused ? [] : trials.map((trial) => ({
      image: trial.image,
      reader: "sub-01",
      samples: wanted || !second
        ? trial.samples.map((sample) => ({ t: sample.t, point: sample[first] }))
        : meanSamples(trial),
      px: px * Math.max(1, trial.image.width / letterbox(trial.image, scene.screen).width) + 1e-5,
      s: 2e-5,
    })),
    gzip: true,
  };
};
