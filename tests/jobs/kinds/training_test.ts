import assert from "node:assert/strict";
import { Distribution } from "@/lib/gaze/similarity/distribution.ts";
import { openGpu } from "@/gpu/device.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { EvaluationMetrics, ImageScore } from "@/lib/evaluation/evaluation.ts";
import type { ClassifierLineage } from "@/lib/training/lineage.ts";
import { Predictor } from "@/lib/inference/predictor.ts";
import { encodePicture } from "@/lib/inference/protocol.ts";
import { readSafetensors } from "@/lib/models/safetensors.ts";
import { type ImageRow, newId, now, type Store } from "@/lib/store/mod.ts";
import { drawClass, insertClasses } from "../../support/classes.ts";
import { queued, runJob } from "../../support/context.ts";
import { withStore } from "../../support/temporary.ts";
import { oneLabelMetrics } from "../../support/metrics.ts";
import { served } from "../../support/served.ts";

const gpu = await openGpu();
const network = { width: 8, image_size: 16, channels: 1 };
const pretraining = {
  ...network,
  kind: "pretrain",
  dataset: "discs",
  method: "byol",
  arm: "labels",
  config: { hidden: 16, output: 8 },
  epochs: 2,
  batch_size: 8,
  report_every: 1,
  leave_out: null,
};
const finetuning = {
  ...network,
  kind: "finetune",
  dataset: "discs",
  epochs: 3,
  batch_size: 8,
  augmentation: "none",
  optimizer: { name: "adam", learning_rate: 0.01 },
};

Deno.test("pretrain: a backbone under torchvision's names; killed and taken up, the same bytes", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const job = await queued(store, pretraining);
    const { result, context } = await runJob(gpu, store, job);
    const model = await store.models.get(result!.model as string);
    assert.equal(model.kind, "pretrained");
    assert.deepEqual(model.spec.classes, []);
    const { tensors } = readSafetensors(await store.files.read(model.file));
    assert.deepEqual(tensors.get("conv1.weight")!.shape, [8, 1, 7, 7]);
    assert.ok(tensors.has("layer4.1.bn2.running_var"));
    assert.ok([...tensors.keys()].every((name) => !/target|projector|predictor|fc/.test(name)));
    const reports = context.metrics.filter(({ values }) => "loss" in values);
    assert.equal(reports.length, 6);
    assert.ok(
      reports.every(({ values }) => Number.isFinite(values.loss) && values.pairs > 0),
    );
    const ends = context.metrics.filter(({ values }) => "uniformity" in values);
    assert.deepEqual(ends.map(({ step }) => step), [3, 6]);
    for (const { values } of ends) {
      assert.ok(values.alignment > 0 && values.alignment < 4 && values.uniformity < 0);
      assert.ok(values.pair_alignment > 0);
      assert.ok(values.knn_accuracy >= 0 && values.knn_balanced_accuracy <= 1);
    }
    assert.throws(() => Deno.statSync(store.checkpoints(job.id)), Deno.errors.NotFound);

    const again = await queued(store, pretraining);
    assert.equal((await runJob(gpu, store, again, { stopAt: 4 })).result, undefined);
    const finished = await runJob(gpu, store, again);
    const last = finished.context.metrics.at(-1)!;
    assert.deepEqual(last, context.metrics.at(-1), "gauges of what was seen before the stop too");
    assert.equal((await store.models.get(finished.result!.model as string)).file, model.file);
    // As after a crash between the model's row and the job's.
    await store.jobs.update(again.id, { state: "running" });
    await store.jobs.sendUnknown();
    const taken = (await store.jobs.claim("next"))!;
    assert.equal(taken.id, again.id);
    assert.deepEqual((await runJob(gpu, store, taken)).result, finished.result, "not made twice");
  }));

Deno.test("pretrain: what goes on on another adapter warns, and its model tells where it was trained", () =>
  withStore(async (store) => {
    await insertClasses(store);
    // Variants are measured by the first: the next one stops in its training.
    await runJob(gpu, store, await queued(store, pretraining));
    const job = await queued(store, pretraining);
    assert.equal((await runJob(gpu, store, job, { stopAt: 4 })).result, undefined);
    // A worker that names itself differently.
    const other = { ...gpu, info: { ...gpu.info, description: "Another adapter" } };
    const { result, context } = await runJob(other, store, job);
    const messages = context.events.filter(({ type }) => type === "warning")
      .map(({ data }) => String(data.message));
    const goesOn =
      /^goes on on Another adapter \(was (.+)\) from step (\d+): results are no longer identical/;
    const [, was, step] = messages.map((message) => goesOn.exec(message)).find((found) => found)!;
    const { lineage } = await store.models.get(result!.model as string);
    assert.deepEqual((lineage as { devices: unknown }).devices, [
      { device: was, from_step: 0 },
      { device: "Another adapter", from_step: Number(step) },
    ]);
    assert.ok(was !== "Another adapter" && Number(step) > 0);
  }));

Deno.test("pictures that are all the same collapse, and the job warns", () =>
  withStore(async (store) => {
    const { images } = await insertClasses(store);
    await store.db.run("UPDATE images SET file = ?", images[0].file);
    const request = { ...pretraining, arm: "none", augmentation: "none", epochs: 1 };
    const { context } = await runJob(gpu, store, await queued(store, request));
    const warnings = context.events.filter(({ type }) => type === "warning");
    assert.match(warnings.map(({ data }) => data.message).join(), /nearly collapsed/);
  }));

Deno.test("crops by gaze reach training", () =>
  withStore(async (store) => {
    const { images } = await insertClasses(store);
    const lossOf = async (gaze_share: number) => {
      const augmentation = { crop: { scale: [0.1, 0.2], gaze_share } };
      const request = { ...pretraining, arm: "none", epochs: 1, augmentation };
      return (await runJob(gpu, store, await queued(store, request))).context.metrics[0].values
        .loss;
    };
    const free = await lossOf(0);
    assert.equal(await lossOf(1), free, "no image has gaze");
    for (const { id } of images) {
      await store.gaze.insert({
        ...{ id: newId("gz"), image_id: id, reader: "a", format: "csv", samples_file: null },
        fixations: [{ x: 2, y: 2, start: 0, duration: 1 }],
        ...{ assumptions: [], dropped: 0, data_loss: 0 },
      });
    }
    assert.notEqual(await lossOf(1), free);
  }));

Deno.test("packed batches hold more pairs", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const pairsOf = async (pack: number) => {
      const { context } = await runJob(gpu, store, await queued(store, { ...pretraining, pack }));
      return context.metrics.reduce((sum, { values }) => sum + (values.pairs ?? 0), 0);
    };
    assert.ok(await pairsOf(4) > await pairsOf(0));
  }));

/** Images of one class look alike; the first image has no valid gaze. */
async function insertSimilarity(store: Store, images: ImageRow[]): Promise<string> {
  const n = images.length;
  const values = Float32Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    if (i === 0 || j === 0) return NaN;
    return images[i].label === images[j].label ? 0.9 : 0.1;
  });
  const { sha256 } = await store.files.put(new Uint8Array(values.buffer));
  const { dataset_id } = images[0];
  const job = await queued(store, { ...pretraining, arm: "none" });
  await store.jobs.change(job, { state: "cancelled" });
  return (await store.commitFiles([sha256], async () =>
    await store.similarities.insert({
      ...{
        id: newId("sim"),
        dataset_id,
        job_id: job.id,
        dataset_digest: await store.datasets.digestOf(await store.datasets.get(dataset_id)),
        measure: "dhash",
        params: {},
      },
      ...{
        components: ["score"],
        file: sha256,
        layout: { kind: "matrix" },
        invalid: [images[0].name],
        histogram: new Distribution([0, 1]).data,
      },
      images: images.map(({ name }) => name),
      created_at: now(),
    }))).id;
}

Deno.test("arms differ in their pairs only: same start, order and views", () =>
  withStore(async (store) => {
    const { images } = await insertClasses(store);
    const similarity = await insertSimilarity(store, images);
    const lineages: Record<string, { pairs: number; cut: number | null }> = {};
    const losses: Record<string, number[]> = {};
    for (const arm of ["none", "self", "shuffled", "gaze", "gaze, soft"]) {
      const cut = { threshold: 0.5 };
      const pairs = { arm: arm.split(",")[0], similarity, cut, soft: arm.endsWith("soft") };
      const request = { ...pretraining, ...pairs, epochs: 1 };
      const { result, context } = await runJob(gpu, store, await queued(store, request));
      const { pairs: found, cut: used } = (await store.models.get(result!.model as string)).lineage
        .positives as { pairs: number; cut: number | null };
      lineages[arm] = { pairs: found, cut: used };
      losses[arm] = context.metrics.flatMap(({ values }) => values.loss ?? []);
    }
    // Of 23 images with gaze 11 are benign and 12 malignant.
    assert.deepEqual(lineages.gaze, { pairs: 11 * 10 / 2 + 12 * 11 / 2, cut: 0.5 });
    assert.deepEqual(lineages.shuffled, lineages.gaze, "as many pairs");
    assert.deepEqual(lineages.none, { pairs: 0, cut: null });
    assert.deepEqual(losses.self, losses.none);
    assert.notDeepEqual(losses.gaze, losses.none);
    assert.notDeepEqual(losses.gaze, losses.shuffled);
    assert.deepEqual(lineages["gaze, soft"], lineages.gaze);
    assert.notDeepEqual(losses["gaze, soft"], losses.gaze);
  }));

Deno.test("finetune, evaluate and predict agree about the same images", () =>
  withStore(async (store) => {
    const { images } = await insertClasses(store, { images: 32 });
    const pretrained = await runJob(gpu, store, await queued(store, pretraining));
    const { result, context } = await runJob(
      gpu,
      store,
      await queued(store, { ...finetuning, init: pretrained.result!.model }),
    );
    const model = await store.models.get(result!.model as string);
    assert.deepEqual(model.spec.classes, ["benign", "malignant"]);
    const evaluation = await store.evaluations.get(result!.evaluation as string);
    const metrics = evaluation.metrics as unknown as EvaluationMetrics;
    assert.equal(metrics.positive_label, "malignant");
    assert.ok(context.metrics.some(({ values }) => "validation_auc" in values));
    const { train, validation, test } = model.lineage.split as Record<string, string[]>;
    assert.equal(new Set([...train, ...validation, ...test]).size, 32);
    const patients = (names: string[]) =>
      new Set(names.map((name) => images.find((image) => image.name === name)!.patient));
    assert.equal(patients(train).intersection(patients(test)).size, 0);
    assert.deepEqual(
      new Set((evaluation.scores as unknown as ImageScore[]).map(({ image }) => image)),
      new Set(test),
    );

    const evaluated = await runJob(
      gpu,
      store,
      await queued(store, { kind: "evaluate", model: model.id, dataset: "discs", split: "test" }),
    );
    const second = await store.evaluations.get(evaluated.result!.evaluation as string);
    assert.deepEqual(oneLabelMetrics(second).confusion, metrics.confusion);
    // Thresholds come from the validation images, and go with the model.
    const points = metrics.operating_points!;
    assert.deepEqual([points.length, points[0].class], [6, "malignant"]);
    const kept = (model.lineage as Partial<ClassifierLineage>).thresholds!;
    assert.deepEqual(
      points.map(({ thresholds }) => thresholds),
      kept.map((one) => [one.threshold]),
    );
    assert.deepEqual(oneLabelMetrics(second).operating_points, points);
    const { positives, negatives } = kept.find(({ validation }) => validation)!.validation!;
    assert.equal(positives + negatives, validation.length);
    assert.equal(metrics.patient_level!.patients, patients(test).size);
    assert.equal(metrics.intervals!.units, patients(test).size);

    const predictor = new Predictor(gpu, store);
    const picture = async (name: string) => {
      const { file } = images.find((image) => image.name === name)!;
      const { decodeImage } = await import("@/lib/images/decode.ts");
      const { resize } = await import("@/lib/images/resize.ts");
      return encodePicture(resize(await decodeImage(await store.files.read(file)), 16, 16));
    };
    const asked = await Promise.all(test.map(picture));
    const answers = Promise.all([
      predictor.predict({ model: model.id, pictures: asked.slice(0, 1) }),
      predictor.predict({ model: model.id, pictures: asked.slice(1) }),
    ]);
    const rows = (await served(predictor, answers)).flatMap(({ probabilities }) => probabilities);
    const scores = second.scores as unknown as ImageScore[];
    test.forEach((name, i) => {
      const { malignant } = scores.find(({ image }) => image === name)!.probabilities;
      assert.ok(Math.abs(rows[i]![1] - malignant) < 1e-6, `${rows[i]![1]} ${malignant}`);
    });
    predictor.destroy();
  }));

Deno.test("folds: every image is tested once; stopped between folds, the same model", () =>
  withStore(async (store) => {
    await insertClasses(store, { images: 24 });
    const request = { ...finetuning, folds: 2, epochs: 2, mode: "linear" };
    const { result } = await runJob(gpu, store, await queued(store, request));
    const evaluation = await store.evaluations.get(result!.evaluation as string);
    const metrics = evaluation.metrics as unknown as EvaluationMetrics;
    assert.equal(metrics.images, 24);
    assert.equal(metrics.folds!.length, 2);
    assert.ok("m_auc" in metrics.mean!);

    const job = await queued(store, request);
    let stops = 0;
    for (let stopAt = 3;; stopAt += 2) {
      const run = await runJob(gpu, store, job, { stopAt });
      if (run.result) {
        const again = await store.evaluations.get(run.result.evaluation as string);
        assert.deepEqual(again.scores, evaluation.scores);
        assert.deepEqual(oneLabelMetrics(again).operating_points, metrics.operating_points);
        const { operating_points_absent } = oneLabelMetrics(again);
        assert.match(operating_points_absent!, /validation images hold one side only/);
        break;
      }
      stops++;
    }
    assert.ok(stops >= 2, `${stops} stops`);
  }));

Deno.test("a linear probe leaves the backbone as it was", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const pretrained = await runJob(gpu, store, await queued(store, pretraining));
    const init = pretrained.result!.model as string;
    const { result } = await runJob(
      gpu,
      store,
      await queued(store, { ...finetuning, init, mode: "linear", epochs: 1 }),
    );
    const weights = async (id: string) =>
      readSafetensors(await store.files.read((await store.models.get(id)).file)).tensors;
    const [before, after] = [await weights(init), await weights(result!.model as string)];
    for (const [name, { data }] of before) assert.deepEqual(after.get(name)!.data, data, name);
    assert.ok(after.has("fc.weight"));
  }));

Deno.test("frozen batch norms stay as they were while all else learns", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const pretrained = await runJob(gpu, store, await queued(store, pretraining));
    const init = pretrained.result!.model as string;
    const frozen = { ...finetuning, batch_norm: "frozen", epochs: 1 };
    await assert.rejects(
      async () => await queued(store, frozen),
      InvalidInput,
      "nothing to freeze from scratch",
    );
    const { result } = await runJob(gpu, store, await queued(store, { ...frozen, init }));
    const weights = async (id: string) =>
      readSafetensors(await store.files.read((await store.models.get(id)).file)).tensors;
    const [before, after] = [await weights(init), await weights(result!.model as string)];
    for (const [name, { data, shape }] of before) {
      // Convolutions alone have four dimensions.
      const same = data.every((value, i) => value === after.get(name)!.data[i]);
      assert.equal(same, shape.length !== 4, name);
    }
  }));

Deno.test("what cannot be trained is refused with the reason", () =>
  withStore(async (store) => {
    await insertClasses(store, { labelled: false });
    await assert.rejects(async () => await queued(store, finetuning), /two classes are needed/);
    await assert.rejects(async () => await queued(store, pretraining), /Cannot pair by labels/);
    const small = { ...gpu, limits: { ...gpu.limits, maxStorageBufferBindingSize: 2 ** 20 } };
    const job = await queued(store, { ...pretraining, arm: "none", image_size: 1024, width: 128 });
    await assert.rejects(runJob(small, store, job), (error: Error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.message, /one buffer of \d+ MiB is needed, the adapter allows 1 MiB/);
      return true;
    });
  }));

Deno.test("pictures of another size are refused, and a drawn one is not", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const { result } = await runJob(gpu, store, await queued(store, { ...finetuning, epochs: 1 }));
    const predictor = new Predictor(gpu, store);
    const model = result!.model as string;
    const picture = (side: number) =>
      encodePicture({
        width: side,
        height: side,
        channels: 1,
        bits: 8,
        data: drawClass(true, side, 1),
      });
    await assert.rejects(predictor.predict({ model, pictures: [picture(20)] }), InvalidInput);
    const answer = predictor.predict({
      model,
      pictures: Array.from({ length: 70 }, () => picture(16)),
    });
    const start = performance.now();
    const { probabilities } = await served(predictor, answer);
    assert.equal(probabilities.length, 70);
    probabilities.forEach((row) => assert.ok(Math.abs(row![0] + row![1] - 1) < 1e-6));
    assert.ok(probabilities.every((row) => Math.abs(row![0] - probabilities[0]![0]) < 1e-5));
    assert.ok(performance.now() - start < 5000);
    predictor.destroy();
  }));

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
