/** Plans of studies: what is the same for all runs is looked up once. */
import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import { enqueue, resolveJob } from "@/lib/jobs/queue.ts";
import {
  finetuneRequest,
  gridCells,
  gridRuns,
  ofRun,
  pretrainRequest,
} from "@/lib/specs/study_grid.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import { advanceStudies } from "@/lib/studies/advance.ts";
import { planStudy } from "@/lib/studies/plan.ts";
import { toStudyView } from "@/lib/studies/study.ts";
import { newId, now, type Store } from "@/lib/store/mod.ts";
import { insertClasses } from "../support/classes.ts";
import { withStore } from "../support/temporary.ts";

const study = {
  ...{ kind: "study", dataset: "discs", methods: ["byol", "moco"], arms: ["none", "labels"] },
  ...{ seeds: [0, 7], scratch: true },
  pretrain: { epochs: 1, width: 8, image_size: 16, channels: 1 },
  finetune: { epochs: 1 },
};
const resolve = async (store: Store, request: Record<string, unknown>) =>
  await resolveJob(store, request, "test");
const offline = {
  estimate: () => Promise.resolve(undefined),
  throughput: () => Promise.resolve(1),
};

for (
  const runs of [
    { seeds: [3, 0, 11] },
    { seeds: [3, 0], split_seed: 5 },
    { seeds: null, folds: 3 },
  ]
) {
  Deno.test(`a job of one run stands for those of the others: ${Object.keys(runs)}`, () =>
    withStore(async (store) => {
      await insertClasses(store);
      const job = await resolve(store, { ...study, ...runs });
      const spec = parseStudy(job.spec);
      const of = async (
        run: number,
      ) => (await Promise.all(
        gridCells(spec, [run]).map(async (
          cell,
        ) => (await Promise.all(
          [pretrainRequest(spec, cell), finetuneRequest(spec, cell)].map(async (request) =>
            request && (await resolve(store, request)).spec
          ),
        ))),
      ));
      const [first, ...others] = gridRuns(spec);
      const templates = await of(first);
      for (const run of others) {
        const stood = templates.map((jobs) => jobs.map((job) => job && ofRun(spec, job, run)));
        assert.deepEqual(stood, await of(run));
        assert.notDeepEqual(stood, templates);
      }
    }));
}

Deno.test("a plan counts what is known in every run, and reads a data set's images at most once", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const plan = async () => await planStudy(store, await resolve(store, study), offline);
    const before = await plan();
    assert.deepEqual([before.cells, before.runs], [10, 2]);
    assert.equal(before.parts.reduce((sum, { jobs }) => sum + jobs, 0), 18);
    // The fine-tuning from scratch of the second run, as somebody asked for it before.
    const spec = parseStudy((await resolve(store, study)).spec);
    const last = gridCells(spec, [7]).find(({ row }) => row === "scratch")!;
    await enqueue(store, await resolve(store, finetuneRequest(spec, last)));
    const byol = gridCells(spec, [7]).find(({ row }) => row === "byol labels")!;
    await enqueue(store, await resolve(store, pretrainRequest(spec, byol)!));
    let reads = 0;
    const { labels, all } = store.images;
    store.images.labels = (id) => (reads++, labels.call(store.images, id));
    store.images.all = (id) => (reads++, all.call(store.images, id));
    const resolved = await resolve(store, study);
    const found = await planStudy(store, resolved, offline);
    assert.equal(found.parts.reduce((sum, { known }) => sum + known, 0), 2);
    assert.ok(reads <= 4, `${reads} reads of the whole set`);
  }));

Deno.test("ten thousand cells are planned and queued; more are refused with the numbers", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed);
    const large = { ...study, seeds: seeds(2000) };
    const job = await resolve(store, large);
    const plan = await planStudy(store, job, offline);
    assert.deepEqual([plan.cells, plan.runs, plan.parts.length], [10_000, 2000, 3]);
    assert.deepEqual(plan.parts.map(({ jobs }) => jobs).toSorted((a, b) => a - b), [
      ...[4000, 4000, 10_000],
    ]);
    const { id } = await enqueue(store, job);
    const row = (await store.studies.ofJob(id))!;
    assert.deepEqual((await toStudyView(store, row)).progress, {
      done: 0,
      total: 10_000,
      unit: "cells",
    });
    const cells = await store.studies.cells(row.id);
    assert.deepEqual(
      cells.map(({ row, backbone, run }) => ({ row, backbone, run })),
      gridCells(parseStudy(job.spec)),
    );
    assert.deepEqual({ ...cells[9999] }, {
      ...{ study_id: row.id, position: 9999, row: "moco labels", backbone: "resnet18", run: 1999 },
      ...{ state: "waiting", pretrain_job: null, pretrained: null, finetune_job: null },
      ...{ model: null, evaluation: null, error: null },
    });
    while ((await advanceStudies(store)).length > 0);
    assert.equal((await store.jobs.list()).data.filter(({ kind }) => kind !== "study").length, 2);
    await assert.rejects(
      async () => await resolve(store, { ...large, seeds: seeds(2001) }),
      (error) =>
        error instanceof InvalidInput && error.problems[0].pointer === "/seeds" &&
        /Cannot plan 10005 cells \(5 rows, 1 backbones, 2001 runs\): 10000 are/.test(error.message),
    );
  }));

Deno.test("whose gaze there is, and which labels, is told without reading the rows", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const { id } = await store.datasets.byName("discs");
    const all = await store.images.all(id);
    const counted = new Map<string | null, number>();
    for (const { label } of all) counted.set(label, (counted.get(label) ?? 0) + 1);
    assert.deepEqual(await store.images.labels(id), counted);
    assert.deepEqual(
      await store.images.labelsByName(id),
      new Map(all.map(({ name, label }) => [name, label])),
    );
    assert.deepEqual([await store.images.hasColour(id), await store.gaze.has(id)], [false, false]);
    await store.heatmaps.insert({ id: newId("hm"), image_id: all[0].id, reader: "a", file: "f" });
    assert.deepEqual(
      [
        await store.heatmaps.has(id),
        await store.heatmaps.has(id, "a"),
        await store.heatmaps.has(id, "b"),
      ],
      [true, true, false],
    );
    const other = newId("ds");
    await store.datasets.insert({
      names: "keep",
      ...{ id: other, name: "other", known_digest: "e", structured: false, positive_label: null },
      ...{ meta: {}, created_at: now() },
    });
    assert.deepEqual([await store.heatmaps.has(other), (await store.images.labels(other)).size], [
      false,
      0,
    ]);
  }));
