/** What jobs make is bound to what it came from: digests, images that were seen, arms that are what they say. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import { Predictor } from "@/lib/inference/predictor.ts";
import { encodePicture } from "@/lib/inference/protocol.ts";
import { raster } from "@/lib/images/raster.ts";
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import { submit } from "@/lib/jobs/queue.ts";
import { uniform } from "@/lib/random.ts";
import { type EvaluationRow, type ImageRow, newId, now, type Store } from "@/lib/store/mod.ts";
import { seenSet } from "@/lib/training/seen.ts";
import { insertClasses } from "../../support/classes.ts";
import { queued, type Recorded, runJob } from "../../support/context.ts";
import { withStore } from "../../support/temporary.ts";
import { resnetWeights } from "../../support/weights.ts";
import { served } from "../../support/served.ts";

const gpu = await openGpu();
const network = { width: 4, image_size: 16, channels: 1 };
const pretraining = {
  ...{ ...network, kind: "pretrain", dataset: "discs", method: "moco", arm: "labels" },
  ...{ config: { output: 8, queue: 16 }, epochs: 1, batch_size: 8, seed: 3 },
};
const finetuning = {
  ...{
    kind: "finetune",
    dataset: "discs",
    epochs: 1,
    batch_size: 8,
    augmentation: "none",
    seed: 3,
  },
};

async function made(store: Store, request: Record<string, unknown>) {
  const { result, context } = await runJob(gpu, store, await queued(store, request));
  return { ...result as { model: string; evaluation: string; similarity: string }, context };
}

const warningsIn = ({ events }: Recorded) =>
  events.filter(({ type }) => type === "warning").map(({ data }) => data.message).join("\n");

const evaluationOf = async (store: Store, id: string): Promise<EvaluationRow> =>
  await store.evaluations.get(id);

/** Gaze on every image: two fixations whose places depend on `seed` and the image. */
async function insertGaze(store: Store, images: ImageRow[], seed = 1): Promise<void> {
  for (const [i, { id }] of images.entries()) {
    const at = (k: number) => 20 * uniform(seed, i, k);
    await store.gaze.insert({
      ...{ id: newId("gz"), image_id: id, reader: "a", format: "csv", samples_file: null },
      fixations: [
        { x: at(1), y: at(2), start: 0, duration: 0.2 },
        { x: at(3), y: at(4), start: 0.3, duration: 0.2 },
        { x: at(5), y: at(6), start: 0.6, duration: 0.2 },
      ],
      ...{ assumptions: [], dropped: 0, data_loss: 0 },
    });
  }
}

Deno.test("labels are coins thrown by patient: what a default workflow tests on was in no training before", () =>
  withStore(async (store) => {
    const { images, dataset } = await insertClasses(store, { images: 40 });
    for (const { id, patient } of images) {
      const coin = uniform(7, Number(patient!.split(" ")[1])) < 0.5;
      await store.images.update(id, { label: coin ? "malignant" : "benign" });
    }
    const rowsOf = async (
      names: string[],
    ) => (await Promise.all(
      names.map(async (name) => await store.images.byName(dataset.id, name)),
    ));
    const first = await made(store, pretraining);
    const { leave_out } = (await store.models.get(first.model)).lineage.spec as Record<
      string,
      unknown
    >;
    assert.deepEqual(leave_out, {
      ...{ split: { validation: 0.2, test: 0.2 }, folds: null, fold: null, seed: 3 },
    });
    const second = await made(store, { ...pretraining, init: first.model });
    const tuned = await made(store, { ...finetuning, init: second.model });
    const { split } = (await store.models.get(tuned.model)).lineage as {
      split: { test: string[] };
    };
    const tested = await rowsOf(split.test);
    assert.ok(tested.length > 0);
    for (const { model } of [first, second]) {
      const { own } = await store.modelImages.of(model);
      const [files, patients] = [own.flatMap((set) => set.images), own.flatMap((s) => s.patients)];
      for (const { file, patient } of tested) {
        assert.ok(!files.includes(file.slice(0, 16)));
        assert.ok(!patients.includes(`${dataset.id} ${patient}`));
      }
    }
    const clean = await evaluationOf(store, tuned.evaluation);
    assert.deepEqual(clean.seen, {
      pretraining: { images: 0, patients: 0 },
      training: { images: 0, patients: 0 },
    });
    assert.doesNotMatch(warningsIn(tuned.context), /were seen/);

    // The same with everything looked at, two starts back.
    const leaky = await made(store, { ...pretraining, leave_out: null });
    assert.match(warningsIn(leaky.context), /all 40 images are looked at/);
    const between = await made(store, { ...pretraining, init: leaky.model });
    await store.models.remove(leaky.model);
    const suspect = await made(store, { ...finetuning, init: between.model });
    const marked = await evaluationOf(store, suspect.evaluation);
    const patients = new Set(tested.map(({ patient }) => patient)).size;
    assert.deepEqual(marked.seen!.pretraining, { images: tested.length, patients });
    const told = `${tested.length} of the ${tested.length} tested images`;
    assert.match(warningsIn(suspect.context), new RegExp(told));
    assert.match(marked.warnings!.join(), new RegExp(told));

    // Another split than the one that was left out.
    const other = await made(store, { ...finetuning, init: first.model, split_seed: 8 });
    assert.ok((await evaluationOf(store, other.evaluation)).seen!.pretraining!.images > 0);
    const same = await made(store, { ...finetuning, init: first.model, seed: 9, split_seed: 3 });
    assert.deepEqual((await evaluationOf(store, same.evaluation)).seen, clean.seen);

    // Pictures are known under other names and in other data sets.
    const copy = await store.datasets.insert({
      ...dataset,
      id: newId("ds"),
      name: "copy",
      known_digest: "other",
    });
    for (const image of await store.images.all(dataset.id)) {
      await store.images.insert({
        ...{ ...image, id: newId("im"), dataset_id: copy.id },
        ...{ name: `renamed ${image.name}`, patient: `c ${image.patient}` },
      });
    }
    const elsewhere = { kind: "evaluate", dataset: "copy", model: tuned.model };
    const { seen } = await evaluationOf(store, (await made(store, elsewhere)).evaluation);
    assert.equal(seen!.training!.images + tested.length, 40);
    assert.ok(seen!.pretraining!.images > 0);
  }));

Deno.test("pretrain leaves out what is to be tested where that can be drawn; seeds are used or refused", () =>
  withStore(async (store) => {
    const { images, dataset } = await insertClasses(store, { images: 16 });
    const specOf = async (more: Record<string, unknown>) => {
      const job = await submit(store, { ...pretraining, arm: "none", ...more }, "test");
      await store.jobs.cancel(job.id);
      return job.spec as { leave_out: { seed: number } | null; split_seed: number | null };
    };
    assert.equal((await specOf({})).leave_out!.seed, 3);
    assert.equal((await specOf({ split_seed: 5 })).leave_out!.seed, 5);
    assert.deepEqual(
      await specOf({ ...await specOf({ split_seed: 5 }) }),
      await specOf({ split_seed: 5 }),
    );
    assert.equal((await specOf({ leave_out: null })).leave_out, null);
    assert.equal((await specOf({ include_test: true })).leave_out, null);
    assert.equal((await specOf({ leave_out: {} })).leave_out!.seed, 0, "as it always was");
    for (const wrong of [{ leave_out: null }, { leave_out: { seed: 1 } }]) {
      await assert.rejects(async () => await specOf({ ...wrong, split_seed: 5 }), InvalidInput);
    }
    for (const { id } of images) await store.images.update(id, { patient: "the only one" });
    assert.equal((await specOf({})).leave_out, null, "no split can be drawn");
    for (const { id } of await store.images.all(dataset.id)) {
      await store.images.update(id, { label: null });
    }
    assert.equal((await specOf({})).leave_out, null, "nothing can be tested");
  }));

Deno.test("evaluate looks at the test part by default, and says how many images were trained on", () =>
  withStore(async (store) => {
    const { dataset, images } = await insertClasses(store, { images: 24 });
    const tuned = await made(store, { ...finetuning, ...network, init: "scratch" });
    const { split } = (await store.models.get(tuned.model)).lineage as {
      split: Record<string, string[]>;
    };
    const asked = { kind: "evaluate", dataset: "discs", model: tuned.model };
    const byDefault = await made(store, asked);
    const names = (await evaluationOf(store, byDefault.evaluation)).scores.map(({ image }) =>
      image
    );
    assert.deepEqual(names.toSorted(), split.test.toSorted());
    assert.match(warningsIn(byDefault.context), /\d patients are tested/, "a small part warns");
    const all = await made(store, { ...asked, split: "all" });
    const { seen } = await evaluationOf(store, all.evaluation);
    assert.equal(seen!.training!.images, split.train.length + split.validation.length);
    assert.match(warningsIn(all.context), /were seen in the model's own training/);
    // As an older version has left it.
    await store.db.run("DELETE FROM model_image_sets");
    const older = await made(store, { ...asked, split: "all", batch_size: 8 });
    assert.deepEqual(
      (await evaluationOf(store, older.evaluation)).seen,
      { pretraining: null, training: seen!.training },
    );
    const own = images.filter(({ name }) => [...split.train, ...split.validation].includes(name));
    await store.modelImages.insert(tuned.model, seenSet(dataset, own), null);
    // Of a changed set the model's own parts are not to be found, but its pictures are.
    await store.datasets.update(dataset.id, { known_digest: "changed" });
    const changed = await made(store, asked);
    assert.equal((await evaluationOf(store, changed.evaluation)).scores.length, 24);
    assert.deepEqual((await evaluationOf(store, changed.evaluation)).seen, seen);
  }));

Deno.test("a given test part is never trained on, with folds either, nor where nothing else is marked", () =>
  withStore(async (store) => {
    const { images } = await insertClasses(store, { images: 24 });
    const marked = images.slice(0, 4).map(({ name }) => name);
    for (const { id } of images.slice(0, 4)) await store.images.update(id, { split: "test" });
    const folded = await made(store, { ...finetuning, ...network, folds: 2 });
    const { scores } = await evaluationOf(store, folded.evaluation);
    assert.equal(scores.length, 20);
    const { split } = (await store.models.get(folded.model)).lineage as {
      split: Record<string, string[]>;
    };
    const used = new Set([...Object.values(split).flat(), ...scores.map(({ image }) => image)]);
    assert.deepEqual(marked.filter((name) => used.has(name)), []);
    assert.match(warningsIn(folded.context), /4 images that the data set marks as test/);
    const held = await made(store, { ...finetuning, ...network });
    const names = (await evaluationOf(store, held.evaluation)).scores.map(({ image }) => image);
    assert.deepEqual(names.toSorted(), marked.toSorted());
  }));

Deno.test("a similarity of gaze that has changed since is refused, when queued and when run", () =>
  withStore(async (store) => {
    const { images, dataset } = await insertClasses(store, { images: 16 });
    await insertGaze(store, images);
    const measured = { kind: "similarity", dataset: "discs", measure: "dtw" };
    const { similarity } = await made(store, measured);
    const request = { ...pretraining, arm: "gaze", similarity, cut: { quantile: 0.2 } };
    // Labels are not what gaze was compared by.
    await store.images.update(images[0].id, { label: null });
    await store.datasets.update(dataset.id, { known_digest: "with other labels" });
    const { model } = await made(store, request);
    assert.ok(await store.models.get(model));
    const waiting = await queued(store, request);
    for (const { id } of images) await store.db.run("DELETE FROM gaze WHERE image_id = ?", id);
    await insertGaze(store, images, 2);
    await store.datasets.changed(dataset.id);
    await store.datasets.update(dataset.id, { known_digest: "with other gaze" });
    await assert.rejects(runJob(gpu, store, waiting), Conflict);
    await store.jobs.change(waiting, { state: "failed" });
    await assert.rejects(
      async () => await submit(store, request, "test"),
      /images or gaze of "discs" have changed/,
    );
    // A set of the same name and content is another one.
    await store.datasets.remove(dataset.id);
    await insertClasses(store, { images: 16 });
    await assert.rejects(
      async () => await submit(store, request, "test"),
      /of a deleted one|not of "discs"/,
    );
  }));

Deno.test("an arm that is not its arm is said in the job and in the lineage, and inherited", () =>
  withStore(async (store) => {
    const { images, dataset } = await insertClasses(store, { images: 16 });
    await insertGaze(store, images);
    const { similarity } = await made(store, {
      ...{ kind: "similarity", dataset: "discs", measure: "dtw" },
    });
    const arm = (name: string, cut: unknown) =>
      made(store, { ...pretraining, arm: name, similarity, cut, leave_out: null });
    const cases: [Promise<{ context: Recorded; model: string }>, RegExp][] = [];
    for (
      const [name, cut, told] of [
        ["gaze", { threshold: 1 }, /arm "gaze" has no positive pair among its 16 images/],
        ["gaze", { quantile: 1 }, /all 120 pairs of its 16 images as positive/],
        ["shuffled", { quantile: 1 }, /the very pairs that it is to be a control of/],
      ] as [string, unknown, RegExp][]
    ) {
      const one = arm(name, cut);
      cases.push([one, told]);
      await one;
    }
    for (const [one, told] of cases) {
      const { context, model } = await one;
      assert.match(warningsIn(context), told);
      assert.match(((await store.models.get(model)).lineage.warnings as string[]).join(), told);
    }
    const [{ model }] = await Promise.all(cases.map(([one]) => one));
    const tuned = await made(store, { ...finetuning, init: model });
    assert.match(
      (await evaluationOf(store, tuned.evaluation)).warnings!.join(),
      /no positive pair/,
    );
    for (const { id } of images) await store.images.update(id, { patient: id, label: "one" });
    await store.images.update(images[0].id, { label: "two" });
    await store.datasets.update(dataset.id, { known_digest: "other labels" });
    const sound = await arm("gaze", { quantile: 0.2 });
    assert.doesNotMatch(warningsIn(sound.context), /arm "/);
    const { positives } = (await store.models.get(sound.model)).lineage as {
      positives: { precision: number; base_rate: number };
    };
    assert.ok(positives.precision > 0 && Math.abs(positives.base_rate - 105 / 120) < 1e-12);
  }));

Deno.test("outputs that are not finite fail by the names of model and image, and are no class", () =>
  withStore(async (store) => {
    const { images } = await insertClasses(store, { images: 16 });
    const weights = resnetWeights({ channels: 1, classes: 2 });
    // The last norm overflows: finite weights, infinite outputs.
    weights.get("fc.weight")!.data.fill(3e38);
    for (const part of ["weight", "bias"]) weights.get(`layer4.1.bn2.${part}`)!.data.fill(3e38);
    const { sha256 } = await store.files.put(writeSafetensors(weights));
    const classes = ["benign", "malignant"];
    const { id: model } = await store.commitFiles([sha256], async () =>
      await store.models.insert({
        ...{ id: newId("mod"), name: null, version: null, kind: "uploaded", job_id: null },
        ...{ dataset_id: null, dataset_digest: null, lineage: {}, file: sha256, created_at: now() },
        spec: {
          ...{ backbone: "resnet18", width: 4, channels: 1, image_size: 16, classes },
          normalization: { mean: [0.5], std: [0.25] },
        },
      }));
    const job = await queued(store, { kind: "evaluate", dataset: "discs", model });
    await assert.rejects(
      runJob(gpu, store, job),
      new RegExp(`Cannot evaluate model "${model}" on "${images[0].name}".*not finite`),
    );
    assert.equal(await store.evaluations.count(), 0);
    const predictor = new Predictor(gpu, store);
    const picture = encodePicture(raster(16, 16, 1, 8));
    const maps = [
      predictor.similarityMap({ model, picture, name: '"left"', point: [0.5, 0.5] }),
      predictor.saliencyMap({ model, picture, name: '"left"', class: null }),
    ].map((map) => assert.rejects(map, /on "left": it gives numbers that are not finite/));
    const answers = Promise.all([
      predictor.predict({ model, pictures: [picture] }),
      ...maps,
    ]);
    const [predicted] = await served(predictor, answers);
    assert.deepEqual(predicted, { probabilities: [null] });
    predictor.destroy();
  }));
