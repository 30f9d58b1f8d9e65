/** Writers of tables without a tracker's clock: plain, Data Viewer, REMoDNaV, MicEye, McGIP. */
import { RATE } from "@/lib/gaze/formats/untimed_points.ts";
import type { Dice } from "./dice.ts";
import { letterbox, onScreen, type Point, type Scene, type SceneTrial } from "./scene.ts";
import { type Expected, meanSamples, numbers, row, type Writer } from "./written.ts";

const SCALES = { s: 1, ms: 1e3, us: 1e6 } as const;

/** Options that put the image in the middle of the screen, as large as it can be. */
export const fitted = ({ screen }: Scene) => ({
  width_px: screen.width,
  height_px: screen.height,
  image: "fit" as const,
});

/** In what a table has its positions, and how px of the image become those. */
function coordinatesOf(scene: Scene, dice: Dice) {
  const screen = dice.chance(0.5);
  const shares = dice.chance(0.4);
  const to = (point: Point, { image }: SceneTrial): Point => {
    const { width, height } = image;
    const at = screen ? onScreen(point, image, letterbox(image, scene.screen)) : point;
    const of = screen ? scene.screen : { width, height };
    return shares ? { x: at.x / of.width, y: at.y / of.height } : at;
  };
  const decimals = shares ? 7 : 3;
  const largest = Math.max(...scene.trials.map(({ image }) => {
    const on = letterbox(image, scene.screen);
    const px = screen ? image.width / on.width : 1;
    return shares ? px * Math.max(scene.screen.width, image.width, image.height) : px;
  }));
  return { screen, shares, to, decimals, px: 10 ** -decimals * largest + 1e-6 };
}

export const plain: Writer = (scene, dice) => {
  const delimiter = dice.pick([",", ";", "\t"]);
  const comma = delimiter !== "," && dice.chance(0.5);
  const quoted = dice.chance(0.3);
  const { screen, shares, to, decimals, px } = coordinatesOf(scene, dice);
  const missing = dice.pick(["", "NaN", "n/a", ".", "-1"]);
  const at = numbers({ decimals, comma, missing });
  const unit = dice.pick(["s", "ms", "us"] as const);
  const time = numbers({ decimals: unit === "s" ? 6 : 3, comma });
  const [x, y] = shares ? ["x_norm", "y_norm"] : dice.pick([["x", "y"], ["x_px", "y_px"]]);
  const who = dice.pick(["reader", "subject", "participant", "observer"]);
  const fixed = dice.chance(0.5);
  const line = (cells: (string | number)[]) => row(cells, delimiter, quoted);
  const lines = [
    line(["image", who, x, y, ...fixed ? [`start_${unit}`, `duration_${unit}`] : [`t_${unit}`]]),
  ];
  const expected: Expected[] = scene.trials.map((trial) => {
    const { image, reader } = trial;
    const cells = (point?: Point) => {
      const place = point && to(point, trial);
      return [image.name, reader, at(place?.x), at(place?.y)];
    };
    if (fixed) {
      for (const fixation of trial.fixations) {
        const { start, duration, lost } = fixation;
        const times = [start, duration].map((value) => time(value * SCALES[unit]));
        lines.push(line([...cells(lost ? undefined : fixation), ...times]));
      }
      return { image, reader, fixations: trial.fixations, px, s: 1e-5 };
    }
    for (const { t, mean } of trial.samples) {
      lines.push(line([...cells(mean), time(t * SCALES[unit])]));
    }
    return { image, reader, samples: meanSamples(trial), px, s: 1e-5 };
  });
  const options = screen ? { screen: fitted(scene) } : {};
  return { file: "gaze/all.csv", lines, options, expected, table: delimiter };
};

export const eyelink_dataviewer: Writer = (scene, dice) => {
  const shares = dice.chance(0.5);
  const delimiter = dice.pick(["\t", ","]);
  const starts = dice.chance(0.7);
  const eyes = dice.chance(0.4);
  const side = dice.pick([undefined, "left", "right"] as const);
  const at = numbers({ decimals: shares ? 6 : 2, missing: "." });
  const lines = [
    row(
      [
        ...["RECORDING_SESSION_LABEL", "TRIAL_INDEX", "CURRENT_FIX_X", "CURRENT_FIX_Y"],
        ...["CURRENT_FIX_DURATION", ...starts ? ["CURRENT_FIX_START"] : [], "image"],
        ...eyes ? ["EYE_REPORTED"] : [],
      ],
      delimiter,
    ),
  ];
  const expected = scene.trials.map((trial, i): Expected => {
    const { image, reader } = trial;
    const on = letterbox(image, scene.screen);
    const first = trial.fixations.map((one) => ({ ...one }));
    // Without starts, each fixation follows the one before without a pause.
    if (!starts) {
      let end = 0;
      for (const one of first) {
        one.start = end;
        end += one.duration;
      }
    }
    const given = eyes ? ["LEFT", "RIGHT"] : [""];
    for (const eye of given) {
      for (const one of first) {
        const { x, y } = shares
          ? { x: one.x / image.width, y: one.y / image.height }
          : onScreen(one, image, on);
        // The other eye looks elsewhere: it must not be taken in.
        const away = eye === (side === "right" ? "LEFT" : "RIGHT") ? (shares ? 0.01 : 9) : 0;
        const place = one.lost ? [at(NaN), at(NaN)] : [at(x + away), at(y)];
        const ms = numbers({ decimals: 1 });
        lines.push(row(
          [
            ...[reader, i + 1, ...place, ms(one.duration * 1e3)],
            ...starts ? [ms(one.start * 1e3)] : [],
            image.name,
            ...eyes ? [eye] : [],
          ],
          delimiter,
        ));
      }
    }
    const px = shares ? Math.max(image.width, image.height) * 1e-6 : 0.01 * image.width / on.width;
    return { image, reader, fixations: first, px, s: 2e-4 * first.length };
  });
  const options = {
    ...shares ? {} : { screen: fitted(scene) },
    ...eyes ? { eye: side } : {},
  };
  return { file: "gaze/report.txt", lines, options, expected, table: delimiter };
};

export const remodnav: Writer = (scene, dice) => {
  const [trial] = scene.trials;
  const { image, reader } = trial;
  const on = letterbox(image, scene.screen);
  const events = dice.chance(0.5);
  const at = numbers({ decimals: 2, missing: "nan" });
  const lines = [
    events
      ? "onset\tduration\tlabel\tstart_x\tstart_y\tend_x\tend_y\tamp"
      : "start_x\tstart_y\tduration",
  ];
  let end = 0;
  const fixations = trial.fixations.map((one) => {
    const place = onScreen(one, image, on);
    const [x, y] = one.lost ? [at(NaN), at(NaN)] : [at(place.x), at(place.y)];
    const start = events ? one.start : end;
    if (!events) lines.push([x, y, one.duration.toFixed(4)].join("\t"));
    else {
      const before = Math.max(0, one.start - 0.01);
      lines.push([before.toFixed(4), "0.01", "SACC", "1.5", "1.5", "2.5", "2.5", "1"].join("\t"));
      lines.push(
        [one.start.toFixed(4), one.duration.toFixed(4), "FIXA", x, y, "3.3", "3.3", "0.1"].join(
          "\t",
        ),
      );
    }
    end += one.duration;
    return { ...one, start };
  });
  return {
    file: `gaze/${image.name.replace(".png", "")}_${reader}.tsv`,
    lines,
    options: { screen: fitted(scene) },
    expected: [{ image, reader, fixations, px: 0.01 * image.width / on.width, s: 1e-3 }],
  };
};

/** Points of a trial that the program logs: all that lie on the picture. */
function listed({ samples, image }: SceneTrial): Point[] {
  return samples.flatMap(({ mean }) => mean ? [mean] : []).filter(({ x, y }) =>
    x > 2 && y > 2 && x < image.width - 2 && y < image.height - 2
  );
}

const ordered = (points: (Point | undefined)[]) =>
  points.map((point, i) => ({ t: i / RATE, point }));

export const miceye: Writer = (scene, dice) => {
  const reader = "P01";
  const height = dice.pick([800, 900]);
  const expected: Expected[] = [];
  const seen = new Set<string>();
  const trials = scene.trials.filter(({ image }) => !seen.has(image.name) && seen.add(image.name));
  const lines = trials.map((trial) => {
    const { image } = trial;
    const points = listed(trial);
    // Version 2 zooms meanwhile; version 1 rounds down to whole px of the picture as shown.
    const zooming = dice.chance(0.5);
    const scale = height / image.height;
    const told = points.map(({ x, y }) => {
      if (!zooming) return [Math.floor(x * scale), Math.floor(y * scale)];
      const zoom = dice.pick([0.45, 0.9, 1.21]);
      return [[Math.round(x * zoom), Math.round(y * zoom)], zoom];
    });
    const lost = dice.chance(0.5);
    const list = JSON.stringify(lost ? [zooming ? [[0, 0], 0.9] : [0, 0], ...told] : told);
    const all = lost ? [undefined, ...points] : points;
    if (all.length > 0) {
      const px = zooming ? 1.2 : 1.01 / scale;
      expected.push({ image, reader, samples: ordered(all), px, s: 1e-6 });
    }
    const path = dice.pick([`D:\\knee\\2\\${image.name}`, `/data/2/${image.name}`]);
    return `${path};2;${list};[];(-1, -1)`;
  });
  return {
    file: "gaze/log.csv",
    lines,
    options: { reader, shown_height_px: height },
    expected,
  };
};

export const mcgip: Writer = (scene, dice) => {
  const reader = "P01";
  const [trial] = scene.trials;
  const { image } = trial;
  if (dice.chance(0.5)) {
    const points = listed(trial).map(({ x, y }) => [x, y].map((value) => Number(value.toFixed(2))));
    const all = [[0, 0], ...points];
    const record = { gaze: all, img: `crops/${image.name}`, case: "1", gt: 1 };
    const shape = dice.pick(["list", "one", "lines"]);
    const samples = ordered([undefined, ...points.map(([x, y]) => ({ x, y }))]);
    return {
      file: "gaze/all.json",
      lines: shape === "lines"
        ? [JSON.stringify(record), JSON.stringify({ ...record, img: "none.png" })]
        : [JSON.stringify(shape === "one" ? record : [record])],
      options: { reader },
      expected: [{ image, reader, samples, px: 0.006, s: 1e-6 }],
    };
  }
  // The image is a part of a mammogram; the tracker's clock may pass midnight.
  const left = dice.whole(0, 900);
  const top = dice.whole(0, 900);
  const part = `roi${left}-${top}-${left + image.width}-${top + image.height}`;
  const cropped = dice.chance(0.7);
  const shift = cropped ? { x: left, y: top } : { x: 0, y: 0 };
  const clock = dice.pick(["date", "time", "s", "ms"]);
  const began = clock === "time" ? 24 * 3600 - 0.2 : dice.whole(1_600_000_000, 1_700_000_000);
  const at = numbers({ decimals: 2, missing: "-1" });
  const lines = ["system_time_in_pc,img_gaze_X,img_gaze_Y"];
  for (const { t, mean } of trial.samples) {
    const time = began + t;
    lines.push([
      clockOf(time, clock),
      at(mean && mean.x + shift.x),
      at(mean && mean.y + shift.y),
    ].join(","));
  }
  const stem = image.name.replace(".png", "");
  return {
    file: `gaze/${stem}${cropped ? `_${part}` : ""}.csv`,
    lines,
    options: { reader },
    expected: [{ image, reader, samples: meanSamples(trial), px: 0.006, s: 2e-4 }],
  };
};

function clockOf(time: number, kind: string): string {
  if (kind === "s") return time.toFixed(4);
  if (kind === "ms") return (time * 1e3).toFixed(1);
  const date = new Date(Math.floor(time) * 1000).toISOString();
  const fraction = (time % 1).toFixed(4).slice(1);
  // The fraction may round up to the next second.
  const whole = (time % 1).toFixed(4).startsWith("1")
    ? new Date((Math.floor(time) + 1) * 1000).toISOString()
    : date;
  const day = whole.slice(0, 10);
  const clock = whole.slice(11, 19) + fraction;
  return kind === "date" ? `${day} ${clock}` : clock;
}
