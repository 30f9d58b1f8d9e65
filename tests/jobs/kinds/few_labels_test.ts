/** Classifiers on few labels, and the linear probe by regression. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { runsOf } from "@/lib/evaluation/runs.ts";
import { readSafetensors } from "@/lib/models/safetensors.ts";
import type { Store } from "@/lib/store/mod.ts";
import type { ClassifierLineage } from "@/lib/training/lineage.ts";
import { insertClasses } from "../../support/classes.ts";
import { queued, runJob } from "../../support/context.ts";
import { withStore } from "../../support/temporary.ts";
import { oneLabelMetrics } from "../../support/metrics.ts";

const gpu = await openGpu();
const finetuning = {
  ...{ width: 8, image_size: 16, channels: 1, kind: "finetune", dataset: "discs" },
};
const probing = { ...finetuning, mode: "logistic" };

async function run(store: Store, request: Record<string, unknown>) {
  const { result, context } = await runJob(gpu, store, await queued(store, request));
  const model = await store.models.get(result!.model as string);
  const { tensors } = readSafetensors(await store.files.read(model.file));
  const evaluation = await store.evaluations.get(result!.evaluation as string);
  return { model, tensors, evaluation, context, lineage: model.lineage as ClassifierLineage };
}

Deno.test("a probe: the backbone stays, the model says what was evaluated, and it repeats", () =>
  withStore(async (store) => {
    await insertClasses(store, { images: 40 });
    const start = await run(store, { ...finetuning, epochs: 1, augmentation: "none" });
    const request = { ...probing, init: start.model.id, split: { validation: 0.2, test: 0.4 } };
    const probed = await run(store, request);
    for (const [name, { data }] of start.tensors) {
      if (!name.startsWith("fc.")) assert.deepEqual(probed.tensors.get(name)!.data, data, name);
    }
    const { probe, labels } = probed.lineage;
    assert.ok(probe!.gradient <= 1e-9 && probe!.iterations > 1 && probe!.features === 64);
    assert.equal(labels, undefined);
    const { evaluation } = await evaluated(store, probed.model.id);
    const before = probed.evaluation.scores.toSorted((a, b) => a.image < b.image ? -1 : 1);
    const after = evaluation.scores.toSorted((a, b) => a.image < b.image ? -1 : 1);
    before.forEach(({ image, probabilities }, i) => {
      assert.equal(image, after[i].image);
      const gap = Math.abs(probabilities.malignant - after[i].probabilities.malignant);
      assert.ok(gap < 1e-4, `${image}: ${gap}`);
    });
    const again = await run(store, request);
    assert.equal(again.model.file, probed.model.file);
    // A stronger penalty gives smaller weights.
    const length = (tensors: typeof probed.tensors) =>
      tensors.get("fc.weight")!.data.reduce((sum, w) => sum + w * w, 0);
    const held = await run(store, { ...request, c: 0.001 });
    assert.ok(length(held.tensors) < length(probed.tensors) / 10);
    const folded = await run(store, { ...probing, init: start.model.id, folds: 2, labels: 0.5 });
    assert.equal(folded.evaluation.metrics.folds!.length, 2);
    assert.equal(folded.evaluation.metrics.images, 40);
    assert.equal(folded.lineage.labels!.drawn.length, 2);
  }));

async function evaluated(store: Store, model: string) {
  const request = { kind: "evaluate", model, dataset: "discs" };
  const { result } = await runJob(gpu, store, await queued(store, request));
  return { evaluation: await store.evaluations.get(result!.evaluation as string) };
}

Deno.test("few labels with repeats: each drawing is tested, the first one's model is kept", () =>
  withStore(async (store) => {
    await insertClasses(store, { images: 60 });
    const request = { ...probing, labels: 8, repeats: 3, seed: 5 };
    const { evaluation, lineage, context } = await run(store, request);
    const [metrics, { scores }] = [oneLabelMetrics(evaluation), evaluation];
    assert.deepEqual(
      lineage.labels!.drawn,
      [0, 1, 2].map(() => ({
        ...{ images: 8, by_class: { benign: 4, malignant: 4 } },
      })),
    );
    assert.equal(lineage.split.train.length, 8);
    assert.equal(lineage.labels!.available, 36);
    assert.equal(metrics.repeats!.length, 3);
    assert.equal(metrics.folds, undefined);
    assert.equal(metrics.auc_macro_one_vs_rest, metrics.repeats![0].figures.auc_macro_one_vs_rest);
    const values = metrics.repeats!.map(({ figures }) => figures.auc_macro_one_vs_rest!);
    const mean = values.reduce((sum, value) => sum + value, 0) / 3;
    assert.ok(Math.abs(metrics.mean!.auc_macro_one_vs_rest! - mean) < 1e-12);
    assert.equal(metrics.images, 12);
    assert.deepEqual(runsOf(scores).map(({ images }) => images.length), [12, 12, 12]);
    assert.notDeepEqual(runsOf(scores)[0].probabilities, runsOf(scores)[1].probabilities);
    assert.ok(
      context.events.some(({ data }) =>
        data.message === "labels of 8 of 36 training images are used"
      ),
    );
    // One drawing alone is the first of the three.
    const single = await run(store, { ...request, repeats: 1 });
    assert.deepEqual(runsOf(single.evaluation.scores)[0], runsOf(scores)[0]);
    // The same images are drawn where the network is trained.
    const trained = await run(store, {
      ...{ ...finetuning, labels: 8, repeats: 2, seed: 5, epochs: 2, augmentation: "none" },
      optimizer: { name: "adam" },
    });
    assert.deepEqual(trained.lineage.split, lineage.split);
    assert.equal(trained.evaluation.metrics.repeats!.length, 2);
  }));

Deno.test("what a regression does not look at is refused, and what cannot be drawn or repeated", () =>
  withStore(async (store) => {
    await insertClasses(store, { images: 24 });
    const refused = (request: Record<string, unknown>, pointer: string) =>
      assert.rejects(queued(store, request), (error) => {
        assert.ok(error instanceof InvalidInput);
        assert.ok(error.problems.some((problem) => problem.pointer === pointer), error.message);
        return true;
      });
    await refused({ ...probing, epochs: 3 }, "/epochs");
    await refused({ ...probing, optimizer: { name: "sgd" } }, "/optimizer");
    await refused({ ...probing, tuning: "on" }, "/tuning");
    await refused({ ...finetuning, c: 2 }, "/c");
    await refused({ ...finetuning, repeats: 2 }, "/repeats");
    await refused({ ...finetuning, labels: 8, repeats: 2, folds: 3 }, "/repeats");
    await refused({ ...finetuning, labels: 8.5 }, "/labels");
    // Known from the set: nothing has to run for it.
    await refused({ ...probing, labels: 7 }, "/labels");
    await refused({ ...probing, labels: 100 }, "/labels");
    await refused({ ...probing, batch_norm: "train" }, "/batch_norm");
    // Of a study's cells too, by the study's own fields.
    const study = {
      ...{ kind: "study", dataset: "discs", methods: ["simclr"], arms: ["none"], seeds: [0, 1] },
      ...{ backbones: ["resnet18"], pretrain: { width: 8, image_size: 32, batch_size: 8 } },
    };
    for (const labels of [7, 100]) {
      await refused({ ...study, finetune: { mode: "logistic", labels } }, "/finetune/labels");
    }
    const { spec } = await queued(store, { ...probing, labels: 8 });
    assert.equal(spec.batch_norm, "frozen");
  }));

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
