import assert from "node:assert/strict";
import { augment, neutralView, type PixelSize, tapsOf, type View } from "@/gpu/augment.ts";
import { createBuffer, readFloats } from "@/gpu/buffer.ts";
import { openGpu } from "@/gpu/device.ts";
import { submit } from "@/gpu/kernel.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { augmentations } from "@/lib/specs/augmentation.ts";
import { drawView } from "@/lib/training/draw_view.ts";
import { uniform } from "@/lib/random.ts";

const gpu = await openGpu();
const normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

interface Images {
  data: Uint16Array<ArrayBuffer>;
  height: number;
  width: number;
  channels: 1 | 3;
}

function someImages(n: number, height: number, width: number, channels: 1 | 3): Images {
  const data = Uint16Array.from(
    { length: n * height * width * channels },
    (_, i) => Math.floor(65535 * uniform(1, i)),
  );
  return { data, height, width, channels };
}

/** The passes of gpu/augment.ts in plain code: [P, Q, 4] of one view. */
function reference(images: Images, view: View, size: PixelSize, channels: 1 | 3): number[] {
  const { height, width } = images;
  const { height: P, width: Q } = size;
  const clamp = (v: number) => Math.min(1, Math.max(0, v));
  const at = (row: number, column: number, c: number) => {
    const i = Math.min(height - 1, Math.max(0, row));
    const j = Math.min(width - 1, Math.max(0, column));
    const k = images.channels === 1 ? 0 : c;
    return images.data[((view.image * height + i) * width + j) * images.channels + k] / 65535;
  };
  const taps = tapsOf(view, images, size);
  let seen: number[][] = [];
  for (let i = 0; i < P; i++) {
    for (let j = 0; j < Q; j++) {
      const rgb = [0, 1, 2].map((c) => {
        let sum = 0;
        for (let s = 0; s < taps; s++) {
          for (let t = 0; t < taps; t++) {
            const u = (j + (t + 0.5) / taps) / Q - 0.5;
            const v = (i + (s + 0.5) / taps) / P - 0.5;
            const x = (view.centre[0] + view.matrix[0] * u + view.matrix[1] * v) * width - 0.5;
            const y = (view.centre[1] + view.matrix[2] * u + view.matrix[3] * v) * height - 0.5;
            const [p, q] = [Math.floor(x), Math.floor(y)];
            const [fx, fy] = [x - p, y - q];
            sum += (1 - fy) * ((1 - fx) * at(q, p, c) + fx * at(q, p + 1, c)) +
              fy * ((1 - fx) * at(q + 1, p, c) + fx * at(q + 1, p + 1, c));
          }
        }
        let value = clamp((sum / taps ** 2 - view.window[0]) / (view.window[1] - view.window[0]));
        value = clamp(value * view.brightness);
        return clamp((value - view.pivot) * view.contrast + view.pivot);
      });
      const luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
      let shown = rgb;
      if (images.channels === 3) {
        const a = 0.5959 * rgb[0] - 0.2746 * rgb[1] - 0.3213 * rgb[2];
        const b = 0.2115 * rgb[0] - 0.5227 * rgb[1] + 0.3112 * rgb[2];
        const cos = view.saturation * Math.cos(view.hue);
        const sin = view.saturation * Math.sin(view.hue);
        const [a2, b2] = [cos * a - sin * b, sin * a + cos * b];
        shown = [
          luma + 0.956 * a2 + 0.619 * b2,
          luma - 0.272 * a2 - 0.647 * b2,
          luma - 1.106 * a2 + 1.703 * b2,
        ].map(clamp);
      }
      seen.push(
        channels === 1
          ? [0.299 * shown[0] + 0.587 * shown[1] + 0.114 * shown[2], 0, 0, 0]
          : [...shown, 0],
      );
    }
  }
  if (view.sigma > 0) {
    const radius = Math.ceil(3 * view.sigma);
    const inside = (v: number, side: number) => Math.min(side - 1, Math.max(0, v));
    for (const [dx, dy] of [[1, 0], [0, 1]]) {
      seen = seen.map((_, p) => {
        const [i, j] = [Math.floor(p / Q), p % Q];
        const sum = [0, 0, 0, 0];
        let weights = 0;
        for (let t = -radius; t <= radius; t++) {
          const weight = Math.exp(-t * t / (2 * view.sigma ** 2));
          weights += weight;
          const from = seen[inside(i + dy * t, P) * Q + inside(j + dx * t, Q)];
          from.forEach((value, c) => sum[c] += weight * value);
        }
        return sum.map((value) => value / weights);
      });
    }
  }
  return seen.flatMap((pixel) =>
    pixel.map((value, c) => {
      if (c >= channels) return 0;
      const turned = value >= view.solarise ? 1 - value : value;
      return (turned - normalization.mean[c]) / normalization.std[c];
    })
  );
}

async function onGpu(
  images: Images,
  views: View[],
  size: PixelSize,
  channels: 1 | 3,
  blur: boolean,
) {
  const buffer = createBuffer(gpu, images.data);
  const output = createBuffer(gpu, views.length * size.height * size.width * 16);
  const passes = augment(gpu, { ...images, buffer }, {
    batch: views.length,
    size,
    channels,
    normalization,
    blur,
    output,
  });
  passes.write(views);
  submit(gpu, passes.launches);
  const result = await readFloats(gpu, output);
  passes.destroy();
  buffer.destroy();
  output.destroy();
  return result;
}

const everything = {
  ...augmentations.medical,
  flip_vertical: 0.5,
  saturation: 0.5,
  hue: 0.1,
  jitter: 1,
  blur: { sigma: [1, 20] as [number, number], probability: 0.7 },
  window: { most: 0.2, probability: 1 },
  solarise: 0.5,
};

for (
  const [height, width, from, shape, to] of [
    [23, 23, 1, [16, 16], 3],
    [40, 31, 3, [13, 13], 3],
    [16, 16, 3, [17, 17], 1],
    [50, 50, 1, [11, 11], 1],
    [30, 60, 1, [12, 24], 3],
    [25, 14, 3, [19, 7], 1],
  ] as const
) {
  Deno.test(`views equal the plain reference: ${height}x${width}x${from} to ${shape}x${to}`, async () => {
    const size = sizeOf([...shape]);
    const [P, Q] = shape;
    const images = someImages(3, height, width, from);
    const views = Array.from({ length: 7 }, (_, i) => ({
      ...drawView(everything, { seed: 1, epoch: 2, image: i, view: 0 }, {
        size: { height: 60, width: 60 * Q / P },
        mean: 0.4,
      }),
      image: i % 3,
    }));
    const actual = await onGpu(images, views, size, to, true);
    let differ = 0;
    views.forEach((view, v) => {
      reference(images, view, size, to).forEach((value, i) => {
        // A value within rounding of the solarise threshold may fall to its other side.
        if (Math.abs(actual[v * P * Q * 4 + i] - value) > 2e-3) differ++;
      });
    });
    assert.ok(differ <= 2, `${differ} of ${actual.length} values differ`);
  });
}

Deno.test("the neutral view is the image itself, normalised; grey fills three channels", async () => {
  const images = someImages(2, 8, 8, 1);
  const actual = await onGpu(images, [{ ...neutralView, image: 1 }], sizeOf(8), 3, false);
  for (let p = 0; p < 64; p++) {
    for (let c = 0; c < 3; c++) {
      const expected = (images.data[64 + p] / 65535 - normalization.mean[c]) / normalization.std[c];
      assert.ok(Math.abs(actual[p * 4 + c] - expected) < 1e-4);
    }
    assert.equal(actual[p * 4 + 3], 0);
  }
});

Deno.test("a flip mirrors, and passing the wrong number of views is refused", async () => {
  const images = someImages(1, 8, 8, 1);
  const plain = await onGpu(images, [neutralView], sizeOf(8), 1, false);
  const flipped = await onGpu(
    images,
    [{ ...neutralView, matrix: [-1, 0, 0, 1] }],
    sizeOf(8),
    1,
    false,
  );
  for (let p = 0; p < 64; p++) {
    const mirror = p - (p % 8) + 7 - (p % 8);
    assert.ok(Math.abs(flipped[p * 4] - plain[mirror * 4]) < 1e-4);
  }
  const buffer = createBuffer(gpu, images.data);
  const options = {
    batch: 2,
    size: sizeOf(8),
    channels: 1 as const,
    normalization,
    blur: false,
    output: buffer,
  };
  assert.throws(
    () => augment(gpu, { ...images, buffer }, options).write([neutralView]),
    /Cannot augment: 2 views expected, got 1/,
  );
});

Deno.test("a turn on pictures that are no squares is a turn of pixels, without a shear", async () => {
  // A disc in the middle of a wide picture stays one, whatever the angle.
  const [height, width] = [40, 80];
  const data = Uint16Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width) + 0.5 - height / 2, i % width + 0.5 - width / 2];
    return Math.hypot(x, y) < 12 ? 65535 : 0;
  });
  const settings = { ...augmentations.none, rotation_deg: 180 };
  const size = { height, width };
  const views = Array.from({ length: 5 }, (_, image) => ({
    ...drawView(settings, { seed: 1, epoch: 0, image, view: 0 }, { size, mean: 0.5 }),
    image: 0,
  }));
  assert.ok(views.every(({ matrix }) => Math.abs(matrix[1]) > 0.01), "all are turned");
  const seen = await onGpu({ data, height, width, channels: 1 }, views, size, 1, false);
  views.forEach((_, v) => {
    let wrong = 0;
    for (let p = 0; p < height * width; p++) {
      const value = seen[(v * height * width + p) * 4] * normalization.std[0] +
        normalization.mean[0];
      const distance = Math.hypot(
        Math.floor(p / width) + 0.5 - height / 2,
        p % width + 0.5 - width / 2,
      );
      if (distance < 11 && value < 0.9 || distance > 13 && value > 0.1) wrong++;
    }
    assert.equal(wrong, 0);
  });
});

Deno.test("a strong reduction averages instead of picking pixels", async () => {
  // A checkerboard shrunk by four: every output pixel is the mean, one half.
  const data = Uint16Array.from(
    { length: 32 * 32 },
    (_, i) => (Math.floor(i / 32) + i) % 2 ? 65535 : 0,
  );
  const images = { data, height: 32, width: 32, channels: 1 as const };
  const actual = await onGpu(images, [neutralView], sizeOf(8), 1, false);
  for (let p = 0; p < 64; p++) {
    const value = actual[p * 4] * normalization.std[0] + normalization.mean[0];
    assert.ok(Math.abs(value - 0.5) < 0.01, `${value}`);
  }
});

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
