/** Writers of exports with one position a row: Pupil Core and Cloud, Gazepoint, EGD-CXR, REFLACX. */
import type { Dice } from "./dice.ts";
import { fitted } from "./plain_writers.ts";
import { isInside, letterbox, onScreen, type Point, type Scene, type SceneTrial } from "./scene.ts";
import { type Expected, meanSamples, numbers, row, type Writer, type Written } from "./written.ts";

const on01 = ({ x, y }: Point) => x >= 0 && y >= 0 && x <= 1 && y <= 1;

/** Shares of the image. */
const shareOf = ({ x, y }: Point, { image }: SceneTrial): Point => ({
  x: x / image.width,
  y: y / image.height,
});

export const pupil_core: Writer = (scene, dice) => {
  const [trial] = scene.trials;
  const { image } = trial;
  const reader = "P01";
  const began = dice.between(1000, 900_000);
  const at = numbers({ decimals: 7 });
  const px = 1e-7 * Math.max(image.width, image.height) + 1e-6;
  const surface = image.name.replace(".png", "");
  const share = (point: Point) => {
    const { x, y } = shareOf(point, trial);
    return { x, y: 1 - y };
  };
  if (dice.chance(0.5)) {
    const lines = [
      "world_timestamp,world_index,gaze_timestamp,x_norm,y_norm,x_scaled,y_scaled,on_surf,confidence",
    ];
    for (const { t, mean } of trial.samples) {
      // What is not seen is guessed, with little confidence.
      const { x, y } = share(mean ?? { x: dice.between(0, 500), y: 9 });
      const time = (began + t).toFixed(6);
      const sure = (mean ? dice.between(0.61, 1) : dice.between(0, 0.59)).toFixed(3);
      const here = on01({ x, y }) ? "True" : "False";
      lines.push([time, 0, time, at(x), at(y), x * 20, y * 30, here, sure].join(","));
    }
    return {
      file: `gaze/exports/gaze_positions_on_surface_${surface}.csv`,
      lines,
      options: { reader },
      expected: [{ image, reader, samples: meanSamples(trial), px, s: 2e-6 }],
    };
  }
  const lines = [
    "world_timestamp,world_index,fixation_id,start_timestamp,duration,dispersion,norm_pos_x,norm_pos_y,x_scaled," +
    "y_scaled,on_surf",
  ];
  const found = trial.fixations.filter(({ lost }) => !lost);
  found.forEach((fixation, i) => {
    const { x, y } = share(fixation);
    const begin = (began + fixation.start).toFixed(6);
    for (let frame = dice.whole(1, 4), k = 0; k < frame; k++) {
      // A row for every frame of the world video, in which the surface lies a little elsewhere.
      const cells = [at(x + k * 1e-3), at(y), x, y, on01({ x, y }) ? "True" : "False"];
      lines.push(
        [began, k, i + 1, begin, (fixation.duration * 1e3).toFixed(3), 0.5, ...cells].join(","),
      );
    }
  });
  return {
    file: `gaze/exports/fixations_on_surface_${surface}.csv`,
    lines,
    options: { reader },
    expected: [{ image, reader, fixations: fromFirst(found), px, s: 3e-6 }],
  };
};

/** Fixations with times from the first of them. */
function fromFirst<T extends { start: number }>(fixations: T[]): T[] {
  return fixations.map((one) => ({ ...one, start: one.start - fixations[0].start }));
}

export const pupil_neon: Writer = (scene, dice) => {
  const { image } = scene.trials[0];
  const trials = scene.trials.filter((trial) => trial.image === image);
  const at = numbers({ decimals: 7 });
  const px = 1e-7 * Math.max(image.width, image.height) + 1e-6;
  const gaze = dice.chance(0.5);
  const referenced = dice.chance(0.3);
  const where = referenced ? "in reference image" : "on surface";
  const axes = ["x", "y"].map((axis) =>
    gaze
      ? referenced
        ? `gaze position in reference image ${axis} [px]`
        : `gaze position on surface ${axis} [normalized]`
      : referenced
      ? `fixation ${axis} [px]`
      : `fixation ${axis} [normalized]`
  );
  const lines = [
    [
      ...["section id", "recording id", "wearer name"],
      ...gaze
        ? ["timestamp [ns]", `gaze detected ${where}`]
        : ["fixation id", "start timestamp [ns]", "duration [ms]", `fixation detected ${where}`],
      ...axes,
    ].join(","),
  ];
  // Beyond what a double holds exactly.
  let clock = 1_700_000_000_123_456_789n;
  const expected = trials.map((trial, i): Expected => {
    const place = (point?: Point) => {
      const { x, y } = point && !referenced ? shareOf(point, trial) : point ?? { x: NaN, y: NaN };
      const here = point !== undefined && isInside(point, image);
      return [here ? "True" : "False", at(x), at(y)];
    };
    const ns = (t: number) => clock + BigInt(Math.round(t * 1e9));
    const head = ["s", `rec-${i}`, trial.reader];
    const found = trial.fixations.filter(({ lost }) => !lost);
    // Of the reference image, the enrichment tells no place that is not on it.
    const seen = (point?: Point) =>
      point && (!referenced || isInside(point, image)) ? point : undefined;
    const kept = found.filter((one) => seen(one));
    if (gaze) {
      for (const { t, mean } of trial.samples) {
        lines.push([...head, ns(t), ...place(seen(mean))].join(","));
      }
    } else {
      kept.forEach((one, k) => {
        lines.push(
          [...head, k + 1, ns(one.start), (one.duration * 1e3).toFixed(6), ...place(one)].join(","),
        );
      });
    }
    clock += 86_400_000_000_000n;
    return {
      image,
      reader: trial.reader,
      ...gaze
        ? { samples: trial.samples.map(({ t, mean, slack }) => ({ t, point: seen(mean), slack })) }
        : { fixations: fromFirst(kept) },
      px,
      s: 1e-6,
    };
  });
  return {
    file: `gaze/${image.name.replace(".png", "")}_${gaze ? "gaze" : "fixations"}.csv`,
    lines,
    expected: expected.filter(({ fixations }) => fixations === undefined || fixations.length > 0),
  };
};

export const gazepoint: Writer = (scene, dice) =>
  dice.chance(0.5) ? ownExport(scene, dice) : egd(scene, dice);

/** Rows of one trial in Gazepoint's columns; a fixation grows from row to row and is valid from its second on. */
function ownExport(scene: Scene, dice: Dice): Written {
  const reader = "User 7";
  const [{ reader: first }] = scene.trials;
  const trials = scene.trials.filter((trial) => trial.reader === first);
  const single = dice.chance(0.4);
  const eyes = !single && dice.chance(0.5);
  const at = numbers({ decimals: 6 });
  const lines = [
    row([
      ...[
        "MEDIA_ID",
        "MEDIA_NAME",
        "CNT",
        "TIME(2023/05/01 10:00:00.000)",
        "FPOGX",
        "FPOGY",
        "FPOGS",
      ],
      ...["FPOGD", "FPOGID", "FPOGV", "BPOGX", "BPOGY", "BPOGV"],
      ...eyes ? ["LPOGX", "LPOGY", "LPOGV", "RPOGX", "RPOGY", "RPOGV"] : [],
    ], ",") + ",",
  ];
  let id = 0;
  trials.forEach((trial, media) => {
    const on = letterbox(trial.image, scene.screen);
    const share = (point?: Point) => {
      if (!point) return [at(-0.01), at(-0.02), 0];
      const px = onScreen(point, trial.image, on);
      return [at(px.x / scene.screen.width), at(px.y / scene.screen.height), 1];
    };
    const ids = trial.fixations.map(() => ++id);
    trial.samples.forEach(({ t, mean, left, right }, k) => {
      const f = trial.fixations.findIndex(({ start, duration }) =>
        t >= start - 1e-9 && t < start + duration - 1e-9
      );
      const fixation = trial.fixations[f];
      const next = trial.samples[k + 1]?.t ?? Infinity;
      const last = fixation && next >= fixation.start + fixation.duration - 1e-9;
      if (single && !last) return;
      const grown = fixation ? t - fixation.start + 1 / scene.rate : 0;
      const begun = !fixation || grown < 1.5 / scene.rate;
      // While the point grows it moves: only its last row is right.
      const [x, y] = share(fixation && (last ? fixation : { ...fixation, x: fixation.x + 1 }));
      const valid = fixation && !fixation.lost && (!begun || single) ? 1 : 0;
      lines.push(
        row([
          ...[media, trial.image.name, k, t.toFixed(6), x, y, at(fixation?.start ?? t)],
          ...[at(last ? fixation.duration : grown), fixation ? ids[f] : id, valid],
          ...share(mean),
          ...eyes ? [...share(left), ...share(right)] : [],
        ], ",") + ",",
      );
    });
  });
  return {
    file: `gaze/${reader}_${single ? dice.pick(["fixations", "all_gaze"]) : "all_gaze"}.csv`,
    lines,
    options: { screen: fitted(scene) },
    expected: trials.map((trial) => ({
      image: trial.image,
      reader,
      // In all gaze a lost fixation never becomes valid, and is none.
      fixations: single ? trial.fixations : trial.fixations.filter(({ lost }) => !lost),
      ...single ? {} : {
        samples: eyes
          ? meanSamples(trial)
          : trial.samples.map(({ t, mean, slack }) => ({ t, point: mean, slack })),
      },
      px: 1e-6 * Math.max(scene.screen.width, scene.screen.height) *
          trial.image.width / letterbox(trial.image, scene.screen).width + 1e-6,
      s: 3e-6,
    })),
    table: ",",
  };
}

/** EGD-CXR's fixations: on the radiograph where they are told, else by the pads of the 1920 x 1080 screen. */
function egd(scene: Scene, dice: Dice): Written {
  const reader = "P01";
  const [{ reader: first }] = scene.trials;
  const trials = scene.trials.filter((trial) => trial.reader === first);
  const screen = { width: 1920, height: 1080 };
  const at = numbers({ decimals: 6 });
  const original = dice.pick(["all", "some", "none"]);
  const lines = [
    "DICOM_ID,CNT,Time (in secs),FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV,BPOGX,BPOGY,BPOGV" +
    (original === "none" ? "" : ",X_ORIGINAL,Y_ORIGINAL"),
  ];
  const pads = [
    "patient_id,dicom_id,image_top_pad,image_bottom_pad,image_left_pad,image_right_pad",
  ];
  const expected = trials.map((trial): Expected => {
    const { image } = trial;
    const on = letterbox(image, screen);
    pads.push(
      [1, image.name, on.y, screen.height - on.y - on.height, on.x, screen.width - on.x - on.width]
        .join(","),
    );
    trial.fixations.forEach((fixation, i) => {
      const { start, duration, lost } = fixation;
      const px = onScreen(fixation, image, on);
      const inside = isInside(fixation, image);
      const told = original === "all" || (original === "some" && dice.chance(0.5));
      const xy = inside ? [fixation.x.toFixed(3), fixation.y.toFixed(3)] : [-3, -2];
      lines.push([
        ...[image.name, i, (start + duration).toFixed(6), at(px.x / 1920), at(px.y / 1080)],
        ...[at(start), at(duration), i + 1, lost ? 0 : 1, "0.5", "0.5", 1],
        ...original === "none" ? [] : told ? xy : ["", ""],
      ].join(","));
    });
    const px = 0.002 + 2e-3 * image.width / on.width;
    return { image, reader, fixations: trial.fixations, px, s: 2e-6 };
  });
  return {
    file: "gaze/egd/fixations.csv",
    lines,
    beside: { "gaze/egd/master_sheet.csv": pads },
    options: { reader },
    expected,
  };
}

export const reflacx: Writer = (scene, dice) => {
  const [trial] = scene.trials;
  const { image } = trial;
  const reading = "P102R675451";
  // The radiograph had another size than the data set's copy of it.
  const scale = dice.pick([1, 1.5, 2]);
  const size = { width: Math.round(image.width * scale), height: Math.round(image.height * scale) };
  const at = numbers({ decimals: 3 });
  const samples = dice.chance(0.5);
  const shown = (point?: Point) => {
    const zoomed = dice.chance(0.4) && point !== undefined && isInside(point, image);
    const [x, y] = [point?.x ?? 0, point?.y ?? 0].map((value) => value * scale);
    return zoomed
      ? [x - 50, y - 50, x + 60, y + 70].map((value) => value.toFixed(0))
      : [0, 0, size.width, size.height];
  };
  const rect = ["xmin", "ymin", "xmax", "ymax"].map((side) => `${side}_shown_from_image`);
  const place = (point?: Point) => [
    at(point && point.x * size.width / image.width),
    at(point && point.y * size.height / image.height),
  ];
  // Recording begins before the picture is shown.
  const before = -0.4;
  const lines = [
    [
      ...samples ? ["timestamp_sample"] : ["timestamp_start_fixation", "timestamp_end_fixation"],
      ...["x_position", "y_position", "pupil_area_normalized", ...rect],
    ].join(","),
  ];
  if (samples) {
    for (const { t, mean } of trial.samples) {
      lines.push([(before + t).toFixed(6), ...place(mean), 1, ...shown(mean)].join(","));
    }
  } else {
    for (const one of trial.fixations) {
      const [begin, end] = [before + one.start, before + one.start + one.duration];
      const point = one.lost ? undefined : one;
      lines.push([begin.toFixed(6), end.toFixed(6), ...place(point), 1, ...shown(point)].join(","));
    }
  }
  const folder = samples ? "gaze_data" : "main_data";
  return {
    file: `gaze/${folder}/${reading}/${samples ? "gaze" : "fixations"}.csv`,
    lines,
    beside: {
      "gaze/main_data/metadata_phase_1.csv": [
        "id,split,eye_tracking_data_discarded,image,dicom_id,subject_id,image_size_x,image_size_y",
        `P1,train,True,p1/x.dcm,other,1,10,10`,
        `${reading},train,False,p2/y.dcm,${image.name},2,${size.width},${size.height}`,
      ],
    },
    expected: [{
      image,
      reader: reading,
      ...samples
        ? { samples: meanSamples(trial, before) }
        : { fixations: trial.fixations.map((one) => ({ ...one, start: one.start + before })) },
      px: 2e-3,
      s: 3e-6,
    }],
  };
};
