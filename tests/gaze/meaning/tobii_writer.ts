/** Writer of Tobii Pro Lab's and Tobii Studio's exports. */
import { eyeOf } from "./eye_choice.ts";
import {
  letterbox,
  onScreen,
  type Point,
  type SceneFixation,
  type SceneSample,
  type SceneTrial,
} from "./scene.ts";
import { numbers, row, type Writer } from "./written.ts";

/** The fixation in which a sample lies, and its number from 1. */
function fixationAt(trial: SceneTrial, { t }: SceneSample) {
  const index = trial.fixations.findIndex(({ start, duration }) =>
    t >= start - 1e-9 && t < start + duration - 1e-9
  );
  return { index: index + 1, fixation: trial.fixations[index] as SceneFixation | undefined };
}

export const tobii_prolab: Writer = (scene, dice) => {
  const studio = dice.chance(0.3);
  const comma = dice.chance(0.5);
  const { eye, samples } = eyeOf(dice);
  const kinds = dice.pick([["screen"], ["media"], ["screen", "media"], ["share"]] as const);
  const only = dice.chance(0.2);
  const micro = !studio && !only && dice.chance(0.5);
  const at = numbers({ decimals: 5, comma });
  const name = (thing: string, axis: string, kind: string) =>
    studio
      ? `${thing.replace(/ (.)/g, (_, letter) => letter.toUpperCase())}${axis} (${
        kind === "screen" ? "ADCSpx" : kind === "media" ? "MCSpx" : "MCSnorm"
      })`
      : `${thing} ${axis} [${
        kind === "screen" ? "DACS px" : kind === "media" ? "MCS px" : "MCS norm"
      }]`;
  const pair = (thing: string) =>
    kinds.flatMap((kind) => ["X", "Y"].map((axis) => name(thing, axis, kind)));
  const things = only
    ? ["Fixation point"]
    : ["Gaze point", "Gaze point left", "Gaze point right", "Fixation point"];
  const header = studio
    ? ["ParticipantName", "RecordingName", "RecordingTimestamp", "MediaName"]
    : ["Participant name", "Recording name", "Recording timestamp [ms]", "Presented Media name"];
  const rect = studio
    ? ["MediaPosX (ADCSpx)", "MediaPosY (ADCSpx)", "MediaWidth", "MediaHeight"]
    : [
      "Presented Media position X [DACS px]",
      "Presented Media position Y [DACS px]",
      "Presented Media width [px]",
      "Presented Media height [px]",
    ];
  const events = studio
    ? ["GazeEventType", "GazeEventDuration", "FixationIndex"]
    : ["Eye movement type", "Eye movement event duration [ms]", "Eye movement type index"];
  const lines = [
    row(
      [
        ...header,
        ...micro ? ["Eyetracker timestamp [μs]"] : [],
        ...things.flatMap(pair),
        ...rect,
        ...only
          ? []
          : studio
          ? ["ValidityLeft", "ValidityRight"]
          : ["Validity left", "Validity right"],
        ...studio ? [] : ["Sensor", "Original Media width [px]", "Original Media height [px]"],
        ...events,
      ],
      "\t",
    ),
  ];
  let clock = 1;
  scene.trials.forEach((trial, recording) => {
    const { image } = trial;
    const on = letterbox(image, scene.screen);
    const place = (point: Point | undefined, kind: string) => {
      if (!point) return ["", ""];
      const px = onScreen(point, image, on);
      const { x, y } = kind === "screen" ? px : kind === "media"
        // Studio's media px are those of the media as shown.
        ? studio ? { x: px.x - on.x, y: px.y - on.y } : point
        : { x: point.x / image.width, y: point.y / image.height };
      return [at(x), at(y)];
    };
    // Where there are two kinds, a row has one of them.
    const cells = (point: Point | undefined, kind: string) =>
      kinds.flatMap((one) => place(kinds.length === 1 || one === kind ? point : undefined, one));
    const line = (sample: SceneSample, seconds: number, sensor = "Eye Tracker") => {
      const { fixation, index } = fixationAt(trial, sample);
      const kind = dice.pick(kinds);
      const tracked = sensor === "Eye Tracker";
      const seen = [sample.left && sample.right ? sample.mean : sample.left ?? sample.right];
      const points = only
        ? []
        : [...seen, sample.left, sample.right].map((one) => tracked ? one : undefined);
      const ms = (seconds * 1e3).toFixed(micro || only ? 0 : studio ? 0 : 3).replace(
        ".",
        comma ? "," : ".",
      );
      lines.push(row(
        [
          ...[trial.reader, `rec${recording}`, ms, image.name],
          ...micro ? [tracked ? Math.round(seconds * 1e6 + 5e9) : ""] : [],
          ...points.flatMap((point) => cells(point, kind)),
          ...cells(fixation?.lost ? undefined : fixation, kind),
          ...[on.x, on.y, on.width, on.height].map(at),
          ...only
            ? []
            : [sample.left, sample.right].map((one) =>
              studio ? (one ? 0 : 4) : one ? "Valid" : "Invalid"
            ),
          ...studio ? [] : [sensor, image.width, image.height],
          ...fixation
            ? [
              "Fixation",
              (fixation.duration * 1e3).toFixed(3).replace(".", comma ? "," : "."),
              index,
            ]
            : ["Saccade", "20", ""],
        ],
        "\t",
      ));
    };
    const used = only
      ? trial.fixations.map(({ start }) => trial.samples.find(({ t }) => t >= start - 1e-9)!)
      : trial.samples;
    for (const sample of used) {
      line(sample, clock + sample.t);
      if (!studio && dice.chance(0.02)) line(sample, clock + sample.t, "Mouse");
    }
    clock = dice.pick([1, clock + 20]);
  });
  const fromSamples = !only && (eye === "left" || eye === "right");
  return {
    file: "gaze/export.tsv",
    lines,
    options: only ? {} : { eye },
    expected: scene.trials.map((trial) => ({
      image: trial.image,
      reader: trial.reader,
      ...only ? {} : { samples: samples(trial) },
      ...fromSamples ? {} : { fixations: trial.fixations },
      px: 1e-5 * Math.max(trial.image.width, trial.image.height, 100) + 3e-4,
      s: studio || only || micro ? 1.1e-3 : 2e-6,
    })),
    table: "\t",
  };
};
