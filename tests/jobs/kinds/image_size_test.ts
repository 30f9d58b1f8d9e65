/** Networks whose input is no square, from pre-training to maps. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import type { ImageScore } from "@/lib/evaluation/evaluation.ts";
import { decodeImage } from "@/lib/images/decode.ts";
import { resize } from "@/lib/images/resize.ts";
import { Predictor } from "@/lib/inference/predictor.ts";
import { encodePicture } from "@/lib/inference/protocol.ts";
import { insertClasses } from "../../support/classes.ts";
import { queued, runJob } from "../../support/context.ts";
import { withStore } from "../../support/temporary.ts";
import { served } from "../../support/served.ts";

const gpu = await openGpu();
const [height, width] = [32, 96];

Deno.test("an input of 32 x 96 pixels: pre-trained, fine-tuned, evaluated, predicted, explained", () =>
  withStore(async (store) => {
    const { images } = await insertClasses(store, { images: 24 });
    const pretraining = {
      ...{ kind: "pretrain", dataset: "discs", method: "byol", arm: "labels" },
      ...{ width: 4, image_size: [height, width], channels: 1, config: { hidden: 8, output: 4 } },
      ...{ epochs: 1, batch_size: 8, augmentation: "medical" },
    };
    const pretrained = await runJob(gpu, store, await queued(store, pretraining));
    const backbone = await store.models.get(pretrained.result!.model as string);
    assert.deepEqual(backbone.spec.image_size, [height, width]);

    const finetuning = { kind: "finetune", dataset: "discs", init: backbone.id, epochs: 1 };
    const tuned = await runJob(gpu, store, await queued(store, { ...finetuning, batch_size: 8 }));
    const model = await store.models.get(tuned.result!.model as string);
    assert.deepEqual(model.spec.image_size, [height, width], "the model's, where not given");
    const scores = (await store.evaluations.get(tuned.result!.evaluation as string))
      .scores as unknown as ImageScore[];

    const predictor = new Predictor(gpu, store);
    const pictures = await Promise.all(scores.map(async ({ image }) => {
      const { file } = images.find(({ name }) => name === image)!;
      const raster = await decodeImage(await store.files.read(file));
      return encodePicture(resize(raster, width, height));
    }));
    const answers = Promise.all([
      predictor.predict({ model: model.id, pictures }),
      predictor.similarityMap({ model: model.id, picture: pictures[0], point: [0.9, 0.1] }),
      predictor.saliencyMap({ model: model.id, picture: pictures[0], class: null }),
    ]);
    const [{ probabilities }, similar, salient] = await served(predictor, answers);
    scores.forEach(({ probabilities: { malignant } }, i) =>
      assert.ok(Math.abs(probabilities[i]![1] - malignant) < 1e-6)
    );
    assert.deepEqual([similar.rows, similar.columns], [1, 3]);
    assert.equal(similar.values[2], Math.max(...similar.values), "the point's own cell");
    assert.deepEqual([salient.rows, salient.columns], [1, 3]);
    const square = encodePicture(
      resize(await decodeImage(await store.files.read(images[0].file)), 32, 32),
    );
    const wrong = predictor.predict({ model: model.id, pictures: [square] });
    await assert.rejects(wrong, /picture of 32 x 32: 96 x 32 expected/);
    predictor.destroy();
  }));

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
