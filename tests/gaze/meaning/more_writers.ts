/** Writers of what further trackers and programs leave: EyeTribe, I2MC, iMotions, WebGazer; SMI's events. */
import { eyeOf } from "./eye_choice.ts";
import { fitted } from "./plain_writers.ts";
import { letterbox, onScreen, type Point, type SceneTrial } from "./scene.ts";
import { type Expected, meanSamples, numbers, row, type Writer } from "./written.ts";

const scaleOf = ({ image }: SceneTrial, screen: Parameters<typeof letterbox>[1]) =>
  image.width / letterbox(image, screen).width;

export const eyetribe: Writer = (scene, dice) => {
  const { eye, samples } = eyeOf(dice);
  const reader = "P01";
  const trials = scene.trials.filter((trial) => trial.reader === scene.trials[0].reader);
  const at = numbers({ decimals: 4 });
  const of = (side: string) =>
    ["rawx", "rawy", "avgx", "avgy", "psize", "pupilx", "pupily"].map((name) => side + name);
  const lines = [
    ["timestamp", "time", "fix", "state", ...of("").slice(0, 5), ...of("L"), ...of("R")].join("\t"),
  ];
  let clock = dice.whole(1000, 90_000);
  for (const trial of trials) {
    const on = letterbox(trial.image, scene.screen);
    const point = (one?: Point) => {
      const px = one && onScreen(one, trial.image, on);
      // The averaged position lags behind: it must not be taken.
      return [at(px?.x ?? 0), at(px?.y ?? 0), at((px?.x ?? 0) + 9), "9.0", "20.1", "0.5", "0.5"];
    };
    lines.push(["MSG", "2015-05-01 10:00:00.000", clock, `start ${trial.image.name}`].join("\t"));
    lines.push(["MSG", "2015-05-01 10:00:00.000", clock, "key space"].join("\t"));
    for (const { t, left, right } of trial.samples) {
      lines.push([
        ...["2015-05-01 10:00:00.001", (clock + t * 1e3).toFixed(2), "False", 7],
        ...["1.0", "1.0", "1.0", "1.0", "20.1"],
        ...point(left),
        ...point(right),
      ].join("\t"));
    }
    clock += 30_000;
  }
  return {
    file: "gaze/log.tsv",
    lines,
    options: { screen: fitted(scene), eye, reader },
    expected: trials.map((trial) => ({
      image: trial.image,
      reader,
      samples: samples(trial),
      px: 1e-4 * Math.max(1, scaleOf(trial, scene.screen)) + 1e-6,
      s: 2e-5,
    })),
  };
};

export const imotions: Writer = (scene, dice) => {
  const { eye, samples } = eyeOf(dice);
  const trials = scene.trials.filter((trial) => trial.reader === scene.trials[0].reader);
  const { reader } = trials[0];
  const old = dice.chance(0.3);
  const at = numbers({ decimals: 3, missing: "-1" });
  const gaze = ["Leftx", "Lefty", "Rightx", "Righty"].map((name) =>
    `${old ? "" : "ET_"}Gaze${name}`
  );
  const delimiter = old ? "\t" : ",";
  const line = (cells: (string | number)[]) => row(cells, delimiter);
  const lines = [
    line(["#INFO", ""]),
    line(["#Respondent Name", reader]),
    line(["#DATA", ""]),
    line(["Row", "Timestamp", old ? "StimulusName" : "SourceStimuliName", ...gaze, "GSR RAW"]),
  ];
  let clock = dice.between(0, 5000);
  for (const trial of trials) {
    const on = letterbox(trial.image, scene.screen);
    const point = (one?: Point) => {
      const px = one && onScreen(one, trial.image, on);
      return [at(px?.x), at(px?.y)];
    };
    const name = trial.image.name.replace(".png", dice.pick(["", ".png"]));
    for (const { t, left, right } of trial.samples) {
      const time = (clock + t * 1e3).toFixed(3);
      lines.push(line([lines.length, time, name, ...point(left), ...point(right), ""]));
      if (dice.chance(0.3)) lines.push(line([lines.length, time, name, "", "", "", "", 0.4]));
    }
    clock += 20_000;
  }
  return {
    file: "gaze/001_export.csv",
    lines,
    options: { screen: fitted(scene), eye },
    expected: trials.map((trial) => ({
      image: trial.image,
      reader,
      samples: samples(trial),
      px: 1e-3 * Math.max(1, scaleOf(trial, scene.screen)),
      s: 2e-6,
    })),
  };
};

export const i2mc: Writer = (scene, dice) => {
  const delimiter = dice.pick(["\t", ","]);
  const at = numbers({ decimals: 2, missing: "nan" });
  const lines = [
    row(
      [
        ...["FixStart", "FixEnd", "FixDur", "XPos", "YPos", "FlankedByDataLoss"],
        ...["Participant", "Trial"],
      ],
      delimiter,
    ),
  ];
  const expected = scene.trials.map((trial): Expected => {
    const on = letterbox(trial.image, scene.screen);
    const began = dice.between(0, 300);
    for (const one of trial.fixations) {
      const px = onScreen(one, trial.image, on);
      const [start, duration] = [began + one.start * 1e3, one.duration * 1e3];
      const times = [start, start + duration, duration].map((value) => value.toFixed(3));
      const place = one.lost ? [at(NaN), at(NaN)] : [at(px.x), at(px.y)];
      const name = trial.image.name.replace(".png", dice.pick([".tsv", ".txt", ".csv"]));
      lines.push(row([...times, ...place, 0, trial.reader, name], delimiter));
    }
    return {
      image: trial.image,
      reader: trial.reader,
      fixations: trial.fixations,
      px: 0.01 * Math.max(1, scaleOf(trial, scene.screen)),
      s: 2e-6,
    };
  });
  return {
    file: "gaze/allfixations.txt",
    lines,
    options: { screen: fitted(scene) },
    expected,
    table: delimiter,
  };
};

export const webgazer: Writer = (scene, dice) => {
  const placed = dice.chance(0.6);
  const trials = scene.trials.map((trial) => {
    const { image } = trial;
    const on = letterbox(image, scene.screen);
    const { x, y, width, height } = on;
    const box = { left: x, top: y, right: x + width, bottom: y + height };
    const [selector] = ["#picture"];
    return {
      trial_type: "image-keyboard-response",
      subject: trial.reader,
      stimulus: dice.pick([`img/${image.name}`, `<p><img src="img/${image.name}" width="9"></p>`]),
      webgazer_data: trial.samples.map(({ t, mean }) => ({
        ...(mean ? onScreen(mean, image, on) : { x: null, y: null }),
        t: Math.round(t * 1e3) + 40,
      })),
      webgazer_targets: placed
        ? dice.pick<unknown>([[{ selector, ...box }], {
          [selector]: { x, y, width, height, ...box },
        }])
        : [],
    };
  });
  const all = [{ trial_type: "webgazer-calibrate", rt: 3 }, ...trials];
  return {
    file: "gaze/session.json",
    lines: JSON.stringify(all, null, dice.pick([0, 1])).split("\n"),
    options: placed ? {} : { screen: fitted(scene) },
    expected: scene.trials.map((trial) => ({
      image: trial.image,
      reader: trial.reader,
      samples: meanSamples(trial),
      px: 1e-4,
      s: 1.1e-3,
    })),
  };
};

/** Fixations of both eyes, or of one, in SMI's event export. */
export const smiEvents: Writer = (scene, dice) => {
  const { eye } = eyeOf(dice);
  const trials = scene.trials.filter((trial) => trial.reader === scene.trials[0].reader);
  const { reader } = trials[0];
  const at = numbers({ decimals: 2 });
  const lines = [
    "IDF Event Detector 9",
    `Subject:\t${reader}`,
    "Table Header for Fixations:",
    "Event Type\tTrial\tNumber\tStart\tEnd\tDuration\tLocation X\tLocation Y\tDispersion X",
    "Table Header for Saccades:",
    "Event Type\tTrial\tNumber\tStart\tEnd\tDuration\tStart Loc.X\tStart Loc.Y",
    "Table Header for User Events:",
    "Event Type\tTrial\tNumber\tStart\tDescription",
  ];
  let clock = 3_382_450_806_427;
  const expected: Expected[] = [];
  trials.forEach((trial, i) => {
    const on = letterbox(trial.image, scene.screen);
    const eyes = dice.pick([["L"], ["R"], ["L", "R"]]);
    lines.push(["UserEvent", i + 1, 1, clock, `# Message: ${trial.image.name}`].join("\t"));
    lines.push(["UserEvent", i + 1, 2, clock, "# Message: UE-mouseclick left"].join("\t"));
    trial.fixations.forEach((one, k) => {
      for (const side of eyes) {
        const px = onScreen(one, trial.image, on);
        // The other eye's fixations stand elsewhere.
        const away = eyes.length === 2 && side === (eye === "right" ? "L" : "R") ? 9 : 0;
        const place = one.lost ? ["0.00", "0.00"] : [at(px.x + away), at(px.y)];
        const times = [one.start, one.start + one.duration].map((t) => Math.round(clock + t * 1e6));
        lines.push(
          [`Fixation ${side}`, i + 1, k + 1, ...times, times[1] - times[0], ...place, 5].join("\t"),
        );
        lines.push(
          [`Saccade ${side}`, i + 1, k + 1, times[1], times[1] + 9, 9, 1.5, 1.5].join("\t"),
        );
      }
    });
    clock += 30_000_000;
    const wanted = eye === "left" ? "L" : eye === "right" ? "R" : undefined;
    if (wanted && !eyes.includes(wanted)) return;
    const px = 0.01 * Math.max(1, scaleOf(trial, scene.screen));
    expected.push({ image: trial.image, reader, fixations: trial.fixations, px, s: 3e-6 });
  });
  return { file: "gaze/x_Events.txt", lines, options: { screen: fitted(scene), eye }, expected };
};
