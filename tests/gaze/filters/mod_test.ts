/** Fixation filters: against Tobii's own labels on real exports, against hand-worked paths, and in general. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { fixedDistance } from "@/lib/gaze/filters/fixed_distance.ts";
import { idt, idtSpec } from "@/lib/gaze/filters/idt.ts";
import { ivt, ivtSpec } from "@/lib/gaze/filters/ivt.ts";
import { filterSpec, fixationsOf } from "@/lib/gaze/filters/mod.ts";
import { type Eye, LABEL, type Track, trackOf } from "@/lib/gaze/filters/track.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import { samplesOf } from "@/lib/gaze/gaze.ts";
import { sharedTest } from "../../support/shared.ts";

const PX = 40;

/** Samples `[x, y]` (null: eye not found) at `hertz`. */
function trackAt(hertz: number, points: ([number, number] | null)[]): Track {
  return trackOf(samplesOf(points.map((point, i) => ({
    t: i / hertz,
    x: point?.[0] ?? NaN,
    y: point?.[1] ?? NaN,
    valid: point !== null,
  }))));
}

const rest = (n: number, x: number, y = 100) => Array<[number, number]>(n).fill([x, y]);
const lost = (n: number) => Array<null>(n).fill(null);
const velocity = (spec: object = {}) => ivtSpec.parse({ kind: "ivt", ...spec });

/** Rows of the eye tracker in a Tobii export: a second reading of the file, apart from the parser's. */
function tobiiRows(file: string) {
  const [header, ...rows] = readFileSync(file, "utf8").replace(/^\ufeff/, "").trim().split(/\r?\n/)
    .map((line) => line.split("\t"));
  const column = new Map(header.map((name, i) => [name, i]));
  const tracked = rows.filter((row) => row[column.get("Sensor")!] === "Eye Tracker");
  const numbers = (name: string) => {
    const at = column.get(name);
    assert.ok(at !== undefined, name);
    return Float64Array.from(
      tracked,
      (row) => row[at] === "" ? NaN : Number(row[at].replace(",", ".")),
    );
  };
  const texts = (name: string) => tracked.map((row) => row[column.get(name)!]);
  const eye = (side: string): Eye => ({
    x: numbers(`Gaze point ${side} X [DACS px]`),
    y: numbers(`Gaze point ${side} Y [DACS px]`),
    ray: {
      target: [
        numbers(`Gaze point ${side} X [DACS mm]`),
        numbers(`Gaze point ${side} Y [DACS mm]`),
        new Float64Array(tracked.length),
      ],
      origin: [
        numbers(`Eye position ${side} X [DACS mm]`),
        numbers(`Eye position ${side} Y [DACS mm]`),
        numbers(`Eye position ${side} Z [DACS mm]`),
      ],
    },
  });
  const t = numbers("Eyetracker timestamp [μs]").map((time) => time * 1e-6);
  const types = texts("Eye movement type");
  const index = texts("Eye movement type index");
  return { track: { t, eyes: [eye("left"), eye("right")] }, types, index };
}

const NAMES: Record<string, number> = {
  Fixation: LABEL.fixation,
  Saccade: LABEL.saccade,
  EyesNotFound: LABEL.missing,
  Unclassified: LABEL.unclassified,
};

/** The exports, and the filter that each was made with. */
const EXPORTS = {
  "data/tobii_prolab/ivt_normal_export_short.tsv": {},
  "data/tobii_prolab/ivt_strict_average_120hz_moving_average_short.tsv": {
    eyes: "strict_average",
    smooth: 3,
  },
};

for (const [path, spec] of Object.entries(EXPORTS)) {
  sharedTest(`I-VT finds Tobii's fixations in ${path}`, [path], async (file) => {
    const { track, types, index } = tobiiRows(file);
    const theirs = new Set(types.flatMap((type, i) => type === "Fixation" ? [index[i]] : []));
    const { fixations, labels } = ivt(track, velocity(spec), PX);
    assert.ok(
      Math.abs(fixations.length - theirs.size) <= 1,
      `${fixations.length} fixations, Tobii has ${theirs.size}`,
    );
    const alike = types.filter((type, i) => NAMES[type] === labels[i]).length / types.length;
    assert.ok(alike >= 0.98, `${alike} of the samples are labelled alike`);

    // The same through the parser, which also reads Tobii's own fixations.
    const options = { file, image: "screen", screen: { width_px: 1920, height_px: 1080 } };
    const bytes = new Uint8Array(readFileSync(file));
    const filter = { kind: "ivt" as const, ...spec } as { kind: "ivt" };
    const { gaze: [ours] } = await parseGaze(bytes, { ...options, filter });
    assert.deepEqual(ours.fixations.length, fixations.length);
    const { gaze: [own] } = await parseGaze(bytes, options);
    assert.equal(own.fixations.length, theirs.size);
    const near = own.fixations.filter((a) =>
      ours.fixations.some((b) =>
        Math.abs(a.start - b.start) < 0.02 && Math.hypot(a.x - b.x, a.y - b.y) < 5 &&
        Math.abs(a.duration - b.duration) < 0.03
      )
    );
    assert.ok(
      near.length >= 0.85 * own.fixations.length,
      `${near.length} of ${own.fixations.length} agree`,
    );
  });
}

Deno.test("I-VT: two rests and the jump between them", () => {
  const { fixations, labels } = ivt(
    trackAt(100, [...rest(10, 100), ...rest(10, 500)]),
    velocity(),
    PX,
  );
  assert.deepEqual([...labels], [...Array(9).fill(0), 1, 1, ...Array(9).fill(0)]);
  assert.deepEqual(fixations.map(({ x, y }) => [x, y]), [[100, 100], [500, 100]]);
  assert.ok(Math.abs(fixations[0].duration - 0.09) < 1e-9);
});

Deno.test("I-VT: gaps up to 75 ms are filled, longer ones (blinks) never bridged", () => {
  // 100 Hz: a gap of n samples spans n + 1 steps.
  const count = (n: number) =>
    ivt(trackAt(100, [...rest(20, 100), ...lost(n), ...rest(20, 100)]), velocity(), PX).fixations
      .length;
  assert.equal(count(6), 1);
  assert.equal(count(7), 2);
  assert.equal(count(30), 2);
});

Deno.test("I-VT: a hole in the time is a gap", () => {
  const track = trackAt(100, [...rest(20, 100), ...rest(20, 100)]);
  for (let i = 20; i < 40; i++) track.t[i] += 0.2;
  assert.equal(ivt(track, velocity(), PX).fixations.length, 2);
});

Deno.test("I-VT: near neighbours merge, short fixations are unclassified", () => {
  // A step of 16 px is 0.4 deg, 20 deg/s over the window.
  const near = trackAt(100, [...rest(10, 100), ...rest(10, 116)]);
  assert.equal(ivt(near, velocity({ velocity_deg_s: 15 }), PX).fixations.length, 1);
  assert.equal(ivt(near, velocity({ velocity_deg_s: 15, merge_deg: 0.3 }), PX).fixations.length, 2);
  const short = trackAt(100, [...rest(20, 100), ...rest(6, 500), ...rest(20, 100)]);
  const { fixations, labels } = ivt(short, velocity({ merge_s: 0 }), PX);
  assert.equal(fixations.length, 2);
  assert.ok(labels.includes(LABEL.unclassified));
});

Deno.test("I-VT: both eyes averaged, or the valid one, or none where both are asked for", () => {
  const t = Float64Array.from({ length: 20 }, (_, i) => i / 100);
  const eye = (x: number): Eye => ({
    x: new Float64Array(20).fill(x),
    y: new Float64Array(20).fill(5),
  });
  const both = { t, eyes: [eye(10), eye(20)] };
  assert.equal(ivt(both, velocity(), PX).fixations[0].x, 15);
  const one = { t, eyes: [eye(10), eye(NaN)] };
  assert.equal(ivt(one, velocity(), PX).fixations[0].x, 10);
  assert.equal(ivt(one, velocity({ eyes: "strict_average" }), PX).fixations.length, 0);
});

Deno.test("I-DT: extent and duration decide", () => {
  const spec = (change: object = {}) => idtSpec.parse({ kind: "idt", ...change });
  const track = trackAt(100, [...rest(10, 100), ...rest(10, 300), ...rest(5, 600)]);
  const found = idt(track, spec(), PX);
  assert.deepEqual(found.map(({ x }) => x), [100, 300]);
  assert.ok(Math.abs(found[1].start - 0.1) < 1e-9 && Math.abs(found[1].duration - 0.1) < 1e-9);
  assert.equal(idt(track, spec({ dispersion_px: 250 }), PX)[0].x, 200);
  assert.equal(idt(track, spec({ minimum_s: 0.05 }), PX).length, 3);
});

Deno.test("fixed distance: the authors' rule, and its published form", () => {
  const points: [number, number][] = [[10, 10], [49, 10], [50, 10], [50, 49], [50, 50], [50, 51]];
  const track = trackAt(10, points);
  // 40 px from the first sample of the fixation in x or in y ends it.
  const parity = fixedDistance(
    track,
    { kind: "fixed_distance", distance_px: 40, parity: true },
    1600,
  );
  assert.deepEqual(parity.map(({ x, y, duration }) => [x, y, duration]), [[10, 10, 2], [
    50,
    10,
    2,
  ]]);
  const whole = fixedDistance(
    track,
    { kind: "fixed_distance", distance_px: 40, parity: false },
    800,
  );
  assert.deepEqual(whole.map(({ x, y }) => [x, y]), [[10, 10], [50, 10], [50, 50]]);
  // On an image twice as wide the distance is twice as long.
  const wide = fixedDistance(
    track,
    { kind: "fixed_distance", distance_px: 40, parity: false },
    1600,
  );
  assert.equal(wide.length, 1);
});

Deno.test("fixations of any filter are ordered, apart, within the samples and long enough", () => {
  const step = fc.record({
    dx: fc.double({ min: -300, max: 300, noNaN: true }),
    still: fc.nat(12),
    lost: fc.boolean(),
  });
  const specs = fc.constantFrom(
    { kind: "ivt" as const },
    { kind: "ivt" as const, smooth: 5, merge_deg: 0 },
    { kind: "idt" as const },
    { kind: "fixed_distance" as const },
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 30 }),
      specs,
      fc.constantFrom(60, 120, 500),
      (steps, spec, hertz) => {
        let x = 400;
        const points = steps.flatMap(({ dx, still, lost }) => {
          x += dx;
          return Array<[number, number] | null>(still + 1).fill(lost ? null : [x, 300]);
        });
        const track = trackAt(hertz, points);
        const filter = filterSpec.parse(spec);
        const found = fixationsOf(track, filter, { px_per_degree: PX, width: 800 });
        const least = filter.kind === "fixed_distance" ? 0 : filter.minimum_s;
        const xs = points.flatMap((point) => point ? [point[0]] : []);
        found.forEach(({ x, start, duration }, i) => {
          assert.ok(duration >= least - 1e-5, `lasts ${duration}`);
          assert.ok(x >= Math.min(...xs) - 1e-6 && x <= Math.max(...xs) + 1e-6);
          assert.ok(start >= 0 && start + duration <= points.length / hertz + 1e-6);
          const next = found[i + 1];
          if (next) assert.ok(start + duration <= next.start + 1e-6, "overlap");
        });
      },
    ),
    { numRuns: 500, seed: 3 },
  );
});
