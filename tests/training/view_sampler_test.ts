import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { decodeImage } from "@/lib/images/decode.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { augmentationSchema } from "@/lib/specs/augmentation.ts";
import { drawView } from "@/lib/training/draw_view.ts";
import { type SampleRequest, ViewSampler } from "@/lib/training/view_sampler.ts";
import { drawClass, insertClasses } from "../support/classes.ts";
import { withStore } from "../support/temporary.ts";

const S = 20;

Deno.test("the picture shows images and the very views that training draws", () =>
  withStore(async (store) => {
    const gpu = await openGpu();
    const { images } = await insertClasses(store, { side: S, images: 6 });
    const sampler = new ViewSampler(gpu, store);
    const augmentation = augmentationSchema.parse({ flip_horizontal: 0.5, flip_vertical: 0.5 });
    const chosen = [4, 1];
    const request: SampleRequest = {
      images: chosen.map((i) => images[i].id),
      ...{ augmentation, size: sizeOf(S), seed: 5, epoch: 2, count: 5 },
    };
    const answer = sampler.sample(request);
    let told = false;
    answer.then(() => told = true);
    while (!told) {
      await sampler.serve();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const sheet = await decodeImage(Uint8Array.fromBase64((await answer).png));
    assert.deepEqual([sheet.width, sheet.height], [6 * (S + 2) - 2, 2 * (S + 2) - 2]);
    const kinds = new Set<string>();
    chosen.forEach((image, row) => {
      const pixels = drawClass(Math.floor(image / 2) % 2 === 1, S, 1000 + image);
      for (let column = 0; column < 6; column++) {
        const [view, epoch] = [(column - 1) % 2, 2 + Math.floor((column - 1) / 2)];
        const [xx, , , yy] = column === 0
          ? [1, 0, 0, 1]
          : drawView(augmentation, { seed: 5, epoch, image, view }, { size: sizeOf(S), mean: 0.5 })
            .matrix;
        if (column > 0) kinds.add(`${xx} ${yy}`);
        for (let at = 0; at < S * S; at++) {
          const [x, y] = [at % S, Math.floor(at / S)];
          const shown = sheet.data[(row * (S + 2) + y) * sheet.width + column * (S + 2) + x];
          const from = (yy > 0 ? y : S - 1 - y) * S + (xx > 0 ? x : S - 1 - x);
          assert.ok(Math.abs(shown - pixels[from]) <= 1, `image ${image}, column ${column}`);
        }
      }
    });
    assert.equal(kinds.size, 4, "all four flips were seen");
    await assert.rejects(sampler.sample({ ...request, images: ["im_0"] }), /Cannot find/);
    gpu.check();
    gpu.device.destroy();
  }));
