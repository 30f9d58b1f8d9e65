import assert from "node:assert/strict";
import { sizeOf } from "@/lib/images/image_size.ts";
import { augmentations, augmentationSchema } from "@/lib/specs/augmentation.ts";
import { drawView } from "@/lib/training/draw_view.ts";

const place = { seed: 3, epoch: 1, image: 7, view: 0 };
const picture = { size: sizeOf(224), mean: 0.3 };

Deno.test("a view is a function of its place, and every part of the place matters", () => {
  const view = drawView(augmentations.medical, place, picture);
  assert.deepEqual(drawView(augmentations.medical, place, picture), view);
  for (const change of [{ seed: 4 }, { epoch: 2 }, { image: 8 }, { view: 1 }]) {
    assert.notDeepEqual(drawView(augmentations.medical, { ...place, ...change }, picture), view);
  }
});

Deno.test("switching one setting leaves the other draws as they were", () => {
  const plain = drawView(augmentations.medical, place, picture);
  const { solarise: _a, ...more } = drawView(
    { ...augmentations.medical, solarise: 1 },
    place,
    picture,
  );
  const { solarise: _b, ...same } = plain;
  assert.deepEqual(more, same);
});

Deno.test("crops keep to their range of areas and to the image", () => {
  const { crop } = augmentationSchema.parse({ crop: { scale: [0.3, 0.5], ratio: [1, 1] } });
  for (let image = 0; image < 300; image++) {
    const view = drawView({ ...augmentations.none, crop }, { ...place, image }, picture);
    const [width, , , height] = view.matrix;
    assert.ok(width * height >= 0.3 - 1e-9 && width * height <= 0.5 + 1e-9);
    for (const [side, at] of [[width, view.centre[0]], [height, view.centre[1]]]) {
      assert.ok(at - side / 2 >= -1e-9 && at + side / 2 <= 1 + 1e-9);
    }
  }
});

Deno.test("crops by gaze keep their share of it, turned and flipped as they are; without gaze they are free", () => {
  const crop = { scale: [0.1, 0.4], ratio: [0.5, 2], gaze_share: 0.75 };
  const settings = augmentationSchema.parse({ preset: "medical", crop });
  const free = augmentationSchema.parse({ preset: "medical", crop: { ...crop, gaze_share: 0 } });
  // Half of the gaze at one place, a quarter near it, a quarter in the far corner.
  const gaze = Float32Array.of(0.3, 0.3, 0.5, 0.4, 0.35, 0.25, 0.95, 0.95, 0.25);
  const seen = ({ matrix: [xx, xy, yx, yy], centre }: ReturnType<typeof drawView>, inner = 1) => {
    let share = 0;
    for (const [x, y, weight] of [[0.3, 0.3, 0.5], [0.4, 0.35, 0.25], [0.95, 0.95, 0.25]]) {
      // Every point of the view, on a fine grid: does one lie on the gaze?
      for (let at = 0; at < 41 * 41; at++) {
        const [u, v] = [at % 41, Math.floor(at / 41)].map((cell) => inner * (cell / 40 - 0.5));
        const there = [centre[0] + xx * u + xy * v - x, centre[1] + yx * u + yy * v - y];
        if (Math.hypot(...there) > 0.03) continue;
        share += weight;
        break;
      }
    }
    return share;
  };
  let lost = 0;
  for (let image = 0; image < 60; image++) {
    const view = drawView(settings, { ...place, image }, { ...picture, gaze });
    assert.ok(seen(view) >= 0.75, `${image}: ${seen(view)}`);
    const plain = drawView(free, { ...place, image }, { ...picture, gaze });
    if (seen(plain) < 0.75) lost++;
    if (seen(plain, 0.8) >= 0.75) assert.deepEqual(view, plain, "what keeps enough stays");
    assert.deepEqual(drawView(settings, { ...place, image }, picture), plain);
  }
  assert.ok(lost > 20, `${lost} lost`);
  const all = augmentationSchema.parse({ crop: { ...crop, gaze_share: 1 } });
  assert.equal(seen(drawView(all, place, { ...picture, gaze })), 1, "a crop grows where it must");
});

Deno.test("things happen as often as they should", () => {
  const n = 4000;
  const views = Array.from(
    { length: n },
    (_, image) => drawView(augmentations.knee, { ...place, image }, picture),
  );
  const often = (what: (view: typeof views[number]) => boolean) => views.filter(what).length / n;
  assert.ok(Math.abs(often((view) => view.matrix[0] < 0) - 0.5) < 0.03);
  assert.ok(Math.abs(often((view) => view.sigma > 0) - 0.5) < 0.03);
  assert.ok(Math.abs(often((view) => view.solarise < 1) - 0.2) < 0.03);
  assert.equal(often((view) => view.brightness !== 1), 0);
});

Deno.test("a request names a preset, or one with changes; unknown settings are refused", () => {
  assert.deepEqual(augmentationSchema.parse("mammo"), augmentations.mammo);
  const changed = augmentationSchema.parse({ preset: "mammo", rotation_deg: 5 });
  assert.deepEqual(changed, { ...augmentations.mammo, rotation_deg: 5 });
  assert.deepEqual(
    augmentationSchema.parse(changed),
    changed,
    "resolved settings stay as they are",
  );
  assert.equal(augmentationSchema.safeParse("photo").success, false);
  assert.equal(augmentationSchema.safeParse({ preset: "mammo", sharpen: 1 }).success, false);
  assert.equal(augmentationSchema.safeParse({ crop: { scale: [0.9, 0.1] } }).success, false);
});
