/** What keeps studies going, with jobs whose results are put in by hand instead of trained. */
import { metrics } from "@/lib/evaluation/metrics.ts";
import { scoresOf } from "@/lib/evaluation/runs.ts";
import assert from "node:assert/strict";
import type { InvalidInput } from "@/lib/errors.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import { gridRows, pretrainRequest } from "@/lib/specs/study_grid.ts";
import type { StudySpec } from "@/lib/specs/study_schema.ts";
import { advanceStudies } from "@/lib/studies/advance.ts";
import { control, remove, submit } from "@/lib/jobs/queue.ts";
import { type JobRow, newId, now, type Store } from "@/lib/store/mod.ts";
import { insertClasses } from "../support/classes.ts";
import { withStore } from "../support/temporary.ts";

const request = {
  kind: "study",
  dataset: "discs",
  methods: ["byol"],
  arms: ["none", "labels"],
  seeds: [0, 1],
  pretrain: { epochs: 1, width: 8, image_size: 16, channels: 1 },
  finetune: { epochs: 1 },
};

/** Kinds that a worker runs; a study is none of them. */
const TRAININGS = ["pretrain", "finetune"];

/** As a worker would: claims the next job and gives it a result, or an error. */
async function work(store: Store, error?: string): Promise<JobRow | undefined> {
  const job = await store.jobs.claim("test", { kinds: TRAININGS });
  if (!job) return undefined;
  await store.events.append(job.id, "state", { state: "running" });
  if (error !== undefined) await store.jobs.change(job, { state: "failed", error });
  else await store.jobs.change(job, { state: "succeeded", result: await resultOf(store, job) });
  await store.events.append(job.id, "state", { state: "succeeded" });
  return job;
}

async function resultOf(store: Store, job: JobRow): Promise<Record<string, unknown>> {
  const spec = job.spec as Record<string, never>;
  const model = await store.models.insert({
    ...{ id: newId("mod"), name: null, version: null, job_id: job.id, lineage: {} },
    kind: job.kind === "pretrain" ? "pretrained" : "classifier",
    dataset_id: null,
    dataset_digest: null,
    spec: {
      ...{ backbone: spec.backbone, width: spec.width, channels: 1, image_size: spec.image_size },
      ...{ classes: [], normalization: { mean: [0], std: [1] } },
    },
    file: `weights of ${job.fingerprint}`,
    created_at: now(),
  });
  if (job.kind === "pretrain") return { model: model.id };
  const scores = [0.9, 0.2, 0.6, 0.3].map((p, i) => ({
    image: `case 00${i}`,
    label: i % 2 ? "benign" : "malignant",
    predicted: p > 0.5 ? "malignant" : "benign",
    probabilities: { benign: 1 - p, malignant: p },
  }));
  const evaluation = await store.evaluations.insert({
    ...{ id: newId("ev"), model_id: model.id, dataset_id: null, job_id: job.id },
    ...{ metrics: metrics(scoresOf(scores), "malignant"), scores, created_at: now() },
  });
  return { model: model.id, evaluation: evaluation.id };
}

/** Works until nothing is left to do; the jobs in their order. */
async function run(store: Store, errorOf: (job: JobRow) => string | undefined = () => undefined) {
  const done: string[] = [];
  for (let turn = 0; turn < 100; turn++) {
    const changed = await advanceStudies(store);
    const next = (await store.jobs.list({ limit: 1000 })).data
      .filter(({ state, kind }) => state === "queued" && kind !== "study").at(-1);
    const job = await work(store, next && errorOf(next));
    if (job) done.push(`${job.kind} ${job.spec.arm ?? job.spec.init} ${job.spec.seed}`);
    else if (changed.length === 0) return done;
  }
  throw new Error("The study does not end");
}

const waiting = async (store: Store) =>
  (await store.jobs.list({ limit: 1000 })).data.filter(({ state }) => state === "queued").length;

Deno.test("cells become jobs, a few at a time, and the table fills", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const { id } = await submit(store, request, "1");
    const study = (await store.jobs.get(id)).study!;
    assert.deepEqual((await store.jobs.get(id)).progress, { done: 0, total: 6, unit: "cells" });
    assert.equal(
      await store.jobs.claim("test", { kinds: TRAININGS }),
      undefined,
      "no worker holds a study",
    );
    assert.ok((await advanceStudies(store)).includes(id));
    assert.equal((await store.jobs.get(id)).state, "running");
    assert.equal(await waiting(store), 2, "others come in between");
    assert.deepEqual(await advanceStudies(store), [], "nothing has happened");
    const done = await run(store);
    assert.equal(done.length, 4 + 6);
    const job = await store.jobs.get(id);
    assert.deepEqual([job.state, job.progress.done, job.error], ["succeeded", 6, null]);
    assert.deepEqual(job.result, { study, done: 6, failed: 0, cancelled: 0 });
    assert.ok(job.finished_at !== null);
    assert.equal((await store.jobs.listJobs({ study, kind: "pretrain" })).data.length, 4);
    const { summary } = await store.studies.get(study) as unknown as {
      summary: { cells: { figures: { auc: { mean: number; n: number } } }[] };
    };
    assert.deepEqual(summary.cells.map(({ figures }) => [figures.auc.mean, figures.auc.n]), [
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    const messages = (await store.events.list(id, { limit: 1000 })).data.map(({ data }) =>
      data.message
    );
    assert.ok(messages.includes("BYOL, resnet18, run 1: done"));
  }));

Deno.test("from scratch the network is that of the ImageNet models, where the request does not say", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const model = async (backbone: string, image_size: number) =>
      (await store.models.insert({
        ...{ id: newId("mod"), name: backbone, version: image_size, job_id: null, lineage: {} },
        ...{ kind: "uploaded", dataset_id: null, dataset_digest: null },
        spec: {
          ...{ backbone, width: 8, channels: 1, image_size, classes: [] },
          normalization: { mean: [0], std: [1] },
        },
        file: "weights",
        created_at: now(),
      })).id;
    const imagenet = {
      resnet18: await model("resnet18", 48),
      resnet50: await model("resnet50", 48),
    };
    const planned = async (more: Record<string, unknown>) =>
      (await submit(
        store,
        { ...request, backbones: Object.keys(imagenet), imagenet, ...more },
        "1",
      )).spec
        .pretrain;
    const network = { width: 8, channels: 1, image_size: 48 };
    assert.deepEqual(await planned({ pretrain: { epochs: 1 } }), { ...network, epochs: 1 });
    const given = { epochs: 1, image_size: 32 };
    assert.deepEqual(await planned({ pretrain: given }), { ...network, ...given });
    const mixed = { ...imagenet, resnet50: await model("resnet50", 64) };
    assert.deepEqual(await planned({ imagenet: mixed, pretrain: {} }), { width: 8, channels: 1 });
  }));

Deno.test("a model of any kind to start from: by name, with its own name as the row's, or one given", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const insert = async (name: string | null, backbone = "resnet18") =>
      (await store.models.insert({
        ...{ id: newId("mod"), name, version: 1, job_id: null, lineage: {}, kind: "uploaded" },
        ...{ dataset_id: null, dataset_digest: null, file: "weights", created_at: now() },
        spec: {
          ...{ backbone, width: 8, channels: 1, image_size: 16, classes: [] },
          normalization: { mean: [0], std: [1] },
        },
      })).id;
    const id = await insert("imagenet"), other = await insert(null, "resnet50");
    const planned = async (more: Record<string, unknown>) => {
      const { spec } = await submit(store, { ...request, seeds: [0], ...more }, "1");
      // What is kept is a request again, with the same rows.
      const again = parseStudy(spec);
      assert.deepEqual(gridRows(again), gridRows(spec as unknown as StudySpec));
      const cell = { row: "byol none", backbone: "resnet18", run: 0 };
      return {
        rows: gridRows(again).map(({ key, name }) => `${key}: ${name}`).slice(0, 2),
        init: pretrainRequest(again, cell)!.init,
        start: again.start,
      };
    };
    assert.deepEqual(await planned({ start: "imagenet" }), {
      rows: ["scratch: From scratch", "initial: imagenet"],
      ...{ init: id, start: { resnet18: id } },
    });
    assert.deepEqual((await planned({ start: id, start_name: "DINO" })).rows[1], "initial: DINO");
    const both = { backbones: ["resnet18", "resnet50"], start: { resnet18: id, resnet50: other } };
    assert.equal((await planned(both)).rows[1], `initial: imagenet / ${other}`);
    // A row alone, beside pre-training from random weights.
    const compared = await planned({ start: "scratch", imagenet: { resnet18: id } });
    assert.deepEqual([compared.init, compared.rows[1]], ["scratch", "initial: imagenet"]);
    // What nothing is learnt in is no training from scratch.
    const probe = await planned({ finetune: { mode: "logistic" } });
    assert.deepEqual(probe.rows, ["scratch: Random frozen network", "byol none: BYOL"]);
    const wrong = (more: Record<string, unknown>, pointer: string) =>
      assert.rejects(planned(more), ({ problems }: InvalidInput) => {
        return problems.some((problem) => problem.pointer === pointer);
      });
    await wrong({ start: other }, "/start");
    await wrong({ start_name: "nothing" }, "/start_name");
    await assert.rejects(planned({ start: "nobody" }), /nobody/);
  }));

Deno.test("another study computes only what is new; what a result depends on decides", () =>
  withStore(async (store) => {
    await insertClasses(store);
    await submit(store, request, "1");
    await run(store);
    await submit(store, request, "1");
    assert.deepEqual(await run(store), [], "everything is known");
    await submit(store, { ...request, arms: ["none", "labels", "self"] }, "1");
    const more = await run(store);
    assert.deepEqual(more.filter((job) => job.startsWith("pretrain")), [
      "pretrain self 0",
      "pretrain self 1",
    ]);
    assert.equal(more.length, 4);
    await submit(store, { ...request, finetune: { epochs: 2 } }, "1");
    assert.equal((await run(store)).length, 6, "fine-tuning alone");
    await submit(store, request, "2");
    assert.equal((await run(store)).length, 10, "another version of the program");
    const [last] = (await store.studies.list()).data;
    const { pretrained } = (await store.studies.cells(last.id)).find(({ row }) =>
      row === "byol none"
    )!;
    await store.models.remove(pretrained!);
    await submit(store, request, "2");
    assert.deepEqual((await run(store)).filter((job) => job.startsWith("pretrain")), [
      "pretrain none 0",
    ]);
  }));

Deno.test("a failed job fails its cell and not the study; sent again, only that is tried", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const { id } = await submit(store, request, "1");
    await run(
      store,
      ({ spec }) => spec.arm === "labels" && spec.seed === 1 ? "Cannot see" : undefined,
    );
    assert.deepEqual(
      [(await store.jobs.get(id)).state, (await store.jobs.get(id)).result!.failed],
      ["succeeded", 1],
    );
    const cell = (await store.studies.cells((await store.jobs.get(id)).study!))
      .find(({ state }) => state === "failed")!;
    assert.deepEqual([cell.row, cell.run, cell.error], ["byol labels", 1, "pretrain: Cannot see"]);
    const again = await submit(store, request, "1");
    assert.deepEqual((await run(store)).length, 2);
    assert.equal((await store.jobs.get(again.id)).result!.failed, 0);
    const { id: hopeless } = await submit(store, { ...request, seeds: [7] }, "1");
    await run(store, () => "Cannot see");
    assert.equal((await store.jobs.get(hopeless)).state, "failed");
    assert.match((await store.jobs.get(hopeless)).error!, /Cannot see/);
  }));

Deno.test("pause, resume and cancel of a study reach its jobs", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const { id } = await submit(store, request, "1");
    await advanceStudies(store);
    const running = (await store.jobs.claim("test", { kinds: TRAININGS }))!;
    await advanceStudies(store);
    const states = async () =>
      (await store.jobs.listJobs({ study: (await store.jobs.get(id)).study! })).data
        .filter(({ kind }) => kind !== "study").map(({ state }) => state);
    assert.equal((await control(store, id, "pause")).state, "paused");
    assert.equal((await store.jobs.get(running.id)).requested, "pause");
    await store.jobs.change(running, { state: "paused", requested: null });
    assert.ok(
      (await states()).every((state) => state === "paused") && (await states()).length === 3,
    );
    assert.deepEqual(await run(store), [], "a paused study does nothing");
    assert.equal((await control(store, id, "resume")).state, "queued");
    assert.ok((await states()).every((state) => state === "queued"));
    assert.equal((await work(store))!.id, running.id);
    await advanceStudies(store);
    assert.equal((await control(store, id, "cancel")).state, "cancelled");
    assert.deepEqual(new Set(await states()), new Set(["succeeded", "cancelled"]));
    const cells = await store.studies.cells((await store.jobs.get(id)).study!);
    assert.deepEqual(cells.map(({ state }) => state).sort(), [
      ...Array(5).fill("cancelled"),
      "done",
    ]);
    assert.deepEqual(await run(store), []);
    await assert.rejects(async () => await control(store, id, "resume"), /Cannot resume/);
    await remove(store, id);
    assert.ok((await store.studies.list()).data.length === 1, "the study outlives its job");
  }));

Deno.test("two studies share a job; one of them cancelled leaves it to the other", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const [a, b] = [await submit(store, request, "1"), await submit(store, request, "1")];
    await advanceStudies(store);
    assert.equal(await waiting(store), 4, "two jobs of the first for both, then two of the second");
    await control(store, a.id, "cancel");
    const done = await run(store);
    assert.equal((await store.jobs.get(b.id)).state, "succeeded");
    assert.equal(done.length, 10);
  }));

Deno.test("a full disk pauses the study; a job that somebody deletes is done anew", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const { id } = await submit(store, request, "1");
    await advanceStudies(store);
    const job = (await store.jobs.claim("test", { kinds: TRAININGS }))!;
    await store.jobs.change(job, { state: "paused", error: "no space left on device" });
    await advanceStudies(store);
    assert.deepEqual(
      [(await store.jobs.get(id)).state, (await store.jobs.get(id)).error],
      ["paused", "no space left on device"],
    );
    await control(store, id, "resume");
    await advanceStudies(store);
    assert.deepEqual([(await store.jobs.get(id)).state, (await store.jobs.get(id)).error], [
      "running",
      null,
    ]);
    await remove(store, (await work(store))!.id);
    await run(store);
    assert.deepEqual([(await store.jobs.get(id)).state, (await store.jobs.get(id)).result!.done], [
      "succeeded",
      6,
    ]);
  }));
