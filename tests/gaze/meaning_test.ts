/**
 * Property of meaning: what readers did, made up at random and written out in a format, comes back at the same places
 * and times. MCGIP_GAZE_RUNS sets the number of recordings of each format (200 without).
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import { formats } from "@/lib/gaze/formats/mod.ts";
import { type Gaze, sampleAt } from "@/lib/gaze/gaze.ts";
import { Dice } from "./meaning/dice.ts";
import { isInside, sceneOf } from "./meaning/scene.ts";
import { bytesOf, dressed, type Expected } from "./meaning/written.ts";
import { writers } from "./meaning/writers.ts";

const RUNS = Number(Deno.env.get("MCGIP_GAZE_RUNS") ?? 200);

Deno.test("every format has a writer", () => {
  assert.deepEqual(Object.keys(writers).sort(), Object.keys(formats).sort());
});

for (const [format, write] of Object.entries(writers)) {
  Deno.test(`${format}: recordings written out come back at the same places and times`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), (seed) => roundTrip(format, write, seed)),
      { numRuns: RUNS, seed: 11, endOnFailure: true },
    );
  });
}

async function roundTrip(
  format: string,
  write: typeof writers[string],
  seed: number,
): Promise<void> {
  const dice = new Dice(seed);
  const scene = sceneOf(dice);
  const written = write(scene, dice);
  const beside = Object.entries(written.beside ?? {}).map(([name, lines]) =>
    [name, bytesOf(lines.join("\n") + "\n", "utf-8")] as const
  );
  const sizes = new Map(scene.images.flatMap((image) => [
    [image.name, image],
    [image.name.replace(".png", ""), image],
  ]));
  const parsed = await parseGaze(dressed(written, dice), {
    file: written.file,
    imageSize: (name) => {
      const image = sizes.get(name);
      return image && { width: image.width, height: image.height, name: image.name };
    },
    beside: {
      names: [written.file, ...beside.map(([name]) => name)],
      read: (name) => Promise.resolve(beside.find(([other]) => other === name)![1]),
    },
    ...written.options,
  });
  assert.equal(parsed.format, format);
  const name = ({ image, reader }: { image: string; reader: string }) => `${reader} on ${image}`;
  assert.deepEqual(
    parsed.gaze.map(name).sort(),
    written.expected.map(({ image, reader }) => name({ image: image.name, reader })).sort(),
    JSON.stringify(parsed.warnings),
  );
  for (const one of written.expected) {
    const { image, reader } = one;
    const gaze = parsed.gaze.find((found) =>
      found.image === image.name && found.reader === reader
    )!;
    same(gaze, one, `seed ${seed}: ${reader} on ${image.name}`);
  }
}

function same(gaze: Gaze, { image, fixations, samples, px, s }: Expected, what: string): void {
  const near = (a: number, b: number, tolerance: number, of: string) =>
    assert.ok(
      Math.abs(a - b) <= tolerance,
      `${what}, ${of}: ${a}, ${b} expected (+- ${tolerance})`,
    );
  if (samples) {
    assert.equal((gaze.samples?.length ?? 0) / 4, samples.length, `${what}: samples`);
    samples.forEach(({ t, point, slack = 0 }, i) => {
      const found = sampleAt(gaze.samples!, i);
      near(found.t, t, s, `time of sample ${i}`);
      assert.equal(found.valid, point !== undefined, `${what}, sample ${i} is valid`);
      if (!point) return;
      near(found.x, point.x, px + slack, `x of sample ${i}`);
      near(found.y, point.y, px + slack, `y of sample ${i}`);
    });
  } else assert.equal(gaze.samples, undefined, `${what}: samples`);
  if (!fixations) return;
  const found = fixations.filter(({ lost }) => !lost);
  const on = found.filter((fixation) => isInside(fixation, image));
  assert.equal(gaze.fixations.length, on.length, `${what}: fixations`);
  assert.equal(gaze.off_image, found.length - on.length, `${what}: off the image`);
  assert.equal(gaze.dropped, fixations.length - on.length, `${what}: dropped`);
  on.forEach(({ x, y, start, duration }, i) => {
    near(gaze.fixations[i].x, x, px, `x of fixation ${i}`);
    near(gaze.fixations[i].y, y, px, `y of fixation ${i}`);
    near(gaze.fixations[i].start, start, s, `start of fixation ${i}`);
    near(gaze.fixations[i].duration, duration, s, `duration of fixation ${i}`);
  });
}
