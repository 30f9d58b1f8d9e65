/** Lossless JPEG is exact: every predictor, depth, restart, length of code and order of components. */
import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import { decodeLosslessJpeg } from "@/lib/images/jpeg_lossless.ts";
import { encodeLossless, type LosslessForm } from "../support/lossless_jpeg.ts";

/** Steps, noise and both ends of the range. */
function picture({ width, height, components = 1, precision }: LosslessForm, seed: number) {
  const most = 2 ** precision - 1;
  const samples = new Uint16Array(width * height * components);
  let state = seed * 2654435761 + 1;
  for (let i = 0; i < samples.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223;
    const noise = state >>> 8;
    const smooth = Math.floor(i / components) * 3 + (i % components) * 11 + noise % 3;
    samples[i] = (noise % 5 < 3 ? smooth : noise % 5 === 3 ? noise >> 3 : noise & 8 ? most : 0) &
      most;
  }
  return samples;
}

const forms: Partial<LosslessForm>[] = [
  {},
  { restartRows: 1 },
  { restartRows: 2 },
  { components: 3 },
  { components: 3, restartRows: 3 },
  { components: 3, restartRows: 1, apart: true },
  { components: 2, apart: true },
];

for (const short of [false, true]) {
  Deno.test(`7 predictors, 2 to 16 bits, restarts, components: ${short ? "short" : "even"} codes`, () => {
    for (let predictor = 1; predictor <= 7; predictor++) {
      for (let precision = 2; precision <= 16; precision++) {
        for (const more of forms) {
          const form = { width: 11, height: 7, precision, predictor, short, ...more };
          const samples = picture(form, predictor * 16 + precision);
          const decoded = decodeLosslessJpeg(encodeLossless(samples, form));
          assert.equal(decoded.components, form.components ?? 1);
          assert.deepEqual([...decoded.data], [...samples], JSON.stringify(form));
        }
      }
    }
  });
}

Deno.test("more than eight restarts, a row of one pixel, and a code of one bit up to the end", () => {
  for (const [width, height] of [[1, 1], [1, 23], [23, 1], [3, 20]]) {
    const form = { width, height, precision: 8, predictor: 4, restartRows: 1, short: true };
    const samples = picture(form, 3);
    assert.deepEqual([...decodeLosslessJpeg(encodeLossless(samples, form)).data], [...samples]);
    // All differences are 0: the last sample is one bit of the last byte.
    const flat = new Uint16Array(width * height).fill(128);
    const { data } = decodeLosslessJpeg(encodeLossless(flat, form));
    assert.deepEqual([...data], [...flat]);
  }
});

Deno.test("a point transform gives the samples without their lowest bits", () => {
  for (const predictor of [1, 4, 7]) {
    const form = { width: 9, height: 9, precision: 12, predictor, shift: 3, restartRows: 2 };
    const samples = picture(form, 5);
    const { data } = decodeLosslessJpeg(encodeLossless(samples, form));
    assert.deepEqual([...data], [...samples].map((value) => value >> 3 << 3));
  }
});

Deno.test("a lossless JPEG that is cut off or damaged is refused, or has its size", () => {
  const form = { width: 9, height: 8, precision: 12, predictor: 6, restartRows: 3, short: true };
  const whole = encodeLossless(picture(form, 1), form);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => decodeLosslessJpeg(whole.subarray(0, length)), InvalidInput, `${length}`);
  }
  for (let at = 2; at < whole.length; at++) {
    for (const value of [0, 1, 0x7f, 0xd1, 0xff]) {
      const damaged = whole.slice();
      damaged[at] = value;
      try {
        const { data, width, height, components } = decodeLosslessJpeg(damaged);
        assert.equal(data.length, width * height * components);
      } catch (error) {
        assert(error instanceof InvalidInput, String((error as Error).stack));
      }
    }
  }
  const restarts = whole.slice();
  const marker = restarts.findIndex((byte, i) => byte === 0xff && restarts[i + 1] === 0xd0);
  restarts[marker + 1] = 0xd3;
  assert.throws(() => decodeLosslessJpeg(restarts), /restart marker is missing/);
});
