/** Findings in rows: kept, found by one of them, counted; predictions by one of theirs. */
import assert from "node:assert/strict";
import { labelCounts } from "@/lib/datasets/label_counts.ts";
import { type Findings, newId, now, type PredictionRow, type Store } from "@/lib/store/mod.ts";
import { withStore } from "../support/temporary.ts";

const NAMES = ["a", 'b "quoted", 100%', "under_score", "underXscore"];

async function setOf(store: Store, classes: string[] | undefined, rows: (Findings | null)[]) {
  const dataset = await store.datasets.insert({
    ...{ id: newId("ds"), name: "s", known_digest: "", structured: false, positive_label: null },
    ...{ meta: classes ? { classes } : {}, names: "keep", created_at: now() },
  });
  await store.images.insertAll(rows.map((findings, i) => ({
    ...{ id: newId("im"), dataset_id: dataset.id, name: `i${i}`, file: `f${i}`, format: "png" },
    ...{ bytes: 1, width: 1, height: 1, channels: 1, bits: 8, label: null, findings },
    ...{ patient: null, split: null },
  })));
  return dataset;
}

Deno.test("findings are kept as they are, and images are found by one that they have", () =>
  withStore(async (store) => {
    const rows: (Findings | null)[] = [
      { a: 1, [NAMES[1]]: 0 },
      { a: 0, [NAMES[1]]: 1, [NAMES[2]]: 1 },
      null,
      { [NAMES[3]]: 1 },
    ];
    const { id, meta } = await setOf(store, NAMES, rows);
    const all = await store.images.all(id);
    assert.deepEqual(all.map(({ findings }) => findings), rows);
    for (const finding of [...NAMES, "nothing", "%"]) {
      const { data } = await store.images.listOf(id, { finding });
      assert.deepEqual(
        data.map(({ name }) => name),
        rows.flatMap((row, i) => row?.[finding] === 1 ? [`i${i}`] : []),
        finding,
      );
    }
    assert.equal(await store.images.withFindings(id), 3);
    const counted = await store.images.findingCounts(id);
    assert.deepEqual(counted.get("a"), { present: 1, absent: 1 });
    assert.deepEqual(counted.get(NAMES[1]), { present: 1, absent: 1 });
    assert.deepEqual(counted.get(NAMES[3]), { present: 1, absent: 0 });
    const { counts, classes, multi_label } = await labelCounts(store, { id, meta });
    assert.deepEqual([[...counts], classes, multi_label], [[["", 3], [null, 1]], NAMES, true]);
    const digest = await store.datasets.digestOf({ id, known_digest: "" });
    await store.images.update(all[2].id, { findings: { a: 0 } });
    await store.datasets.changed(id);
    assert.notEqual(await store.datasets.digestOf({ id, known_digest: "" }), digest);
  }));

Deno.test("predictions are found by a finding, and by how probable that one is", () =>
  withStore(async (store) => {
    const row = (more: Partial<PredictionRow>): PredictionRow => ({
      ...{ id: newId("pr"), model_id: "m", dataset: null, image: null, label: "" },
      ...{ probability: 0.9, probabilities: {}, created_at: now() },
      ...more,
    });
    const multi = row({
      labels: ["a", NAMES[2]],
      probability: 0.9,
      probabilities: { a: 0.6, [NAMES[2]]: 0.9, [NAMES[1]]: 0.2 },
    });
    const none = row({ labels: [], probability: 0.4, probabilities: { a: 0.4 } });
    const single = row({ label: "a", probability: 0.7, probabilities: { a: 0.7, z: 0.3 } });
    for (const one of [multi, none, single]) await store.predictions.insert(one);
    const found = async (query: { label?: string; min_probability?: number }) =>
      (await store.predictions.query(query)).data.map(({ id }) => id);
    assert.deepEqual(await found({ label: "a" }), [multi.id, single.id]);
    assert.deepEqual(await found({ label: "a", min_probability: 0.65 }), [single.id]);
    assert.deepEqual(await found({ label: NAMES[2], min_probability: 0.65 }), [multi.id]);
    assert.deepEqual(await found({ label: NAMES[3] }), []);
    assert.deepEqual(await found({ label: NAMES[1] }), []);
    assert.deepEqual(await found({ min_probability: 0.8 }), [multi.id]);
    assert.deepEqual(await found({ label: "" }), []);
    assert.equal(await store.predictions.haveLabels({ label: "a" }), true);
    assert.equal(await store.predictions.haveLabels({ label: "z" }), false);
    assert.deepEqual((await store.predictions.get(multi.id)).labels, ["a", NAMES[2]]);
    assert.equal((await store.predictions.get(single.id)).labels, null);
  }));
