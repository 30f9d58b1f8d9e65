/** What grows with a data set lets others have their turn: processor time between two turns of the event loop. */
import assert from "node:assert/strict";
import { deleteDataset, putLabels } from "@/lib/datasets/edit.ts";
import { exportArchive, verifyFiles } from "@/lib/datasets/export.ts";
import { summary } from "@/lib/datasets/summary.ts";
import { beginDataset } from "@/lib/datasets/write_content.ts";
import { digestOf } from "@/lib/store/digest.ts";
import { newId, type Store } from "@/lib/store/mod.ts";
import { sortInTurns, Turns } from "@/lib/turns.ts";
import { longestTurn, toldHere } from "../support/longest_turn.ts";
import { withStore } from "../support/temporary.ts";

/** ms; a promise of bench/RELIABILITY.md. */
const SILENT_MS = 50;
const IMAGES = 4_000;

const nameOf = (i: number) => `image ${String(i).padStart(5, "0")}`;

/** Rows of a data set with the gaze of two readers; a hundred images share a file. */
async function fill(store: Store, name: string, count: number): Promise<void> {
  const { id: dataset_id } = await beginDataset(store, name, "keep");
  const files: string[] = [];
  for (let i = 0; i < count / 100; i++) {
    const bytes = new TextEncoder().encode(`${name} ${i}`.padEnd(2000, "x"));
    files.push((await store.files.put(bytes)).sha256);
  }
  const images = Array.from({ length: count }, (_, i) => ({
    ...{ id: newId("im"), dataset_id, name: nameOf(i), file: files[Math.floor(i / 100)] },
    ...{ format: "png" as const, bytes: 2000, width: 16, height: 16, channels: 1 as const },
    ...{ bits: 8 as const, label: "ab"[i % 2], patient: `p${i >> 1}`, split: null },
  }));
  await store.commitFiles(files, async () => {
    await store.images.insertAll(images);
    await store.gaze.insertAll(
      images.flatMap(({ id: image_id }, i) =>
        ["r1", "r2"].map((reader) => ({
          ...{ id: newId("gz"), image_id, reader, format: "plain", samples_file: null },
          ...{ assumptions: [], dropped: 0, data_loss: 0, facts: null },
          fixations: Array.from({ length: 20 }, (_, k) => (
            { x: (i * k) % 16, y: k, start: k / 4, duration: 0.2 }
          )),
        }))
      ),
    );
    await store.heatmaps.insertAll(
      images.slice(0, 50).map(({ id: image_id }) => (
        { id: newId("hm"), image_id, reader: "r1", file: files[0] }
      )),
    );
  });
}

Deno.test({
  name: "a large set is counted, hashed, labelled, exported and deleted in turns",
  ignore: !toldHere,
  fn: () =>
    withStore(async (store) => {
      // The first of each is compiled while it runs.
      await fill(store, "small", 150);
      await fill(store, "large", IMAGES);
      const labels = (count: number) =>
        new TextEncoder().encode(
          "image,label,patient\n" +
            Array.from({ length: count }, (_, i) => `${nameOf(i)},${"ba"[i % 2]},q${i >> 1}\n`)
              .join(""),
        );
      const works: Record<string, (name: string, count: number) => Promise<unknown>> = {
        summary: async (name) => await summary(store, await store.datasets.byName(name)),
        digest: async (name) =>
          await store.datasets.gazeDigestOf((await store.datasets.byName(name)).id),
        labels: (name, count) => putLabels(store, name, labels(count)),
        export: async (name) => {
          const row = await store.datasets.byName(name);
          await verifyFiles(store, row);
          for await (const _ of exportArchive(store, row));
        },
        deletion: (name) => deleteDataset(store, name),
      };
      const longest: Record<string, number> = {};
      for (const [what, work] of Object.entries(works)) {
        await work("small", 150);
        longest[what] = Math.round(await longestTurn(() => work("large", IMAGES)));
      }
      const slow = Object.entries(longest).filter(([, ms]) => ms >= SILENT_MS);
      assert.deepEqual(slow, [], JSON.stringify(longest));
      assert.equal(await store.datasets.count(), 0);
      assert.equal((await store.db.get<{ n: number }>("SELECT count(*) AS n FROM gaze"))!.n, 0);
      assert.deepEqual([...store.files.stored()], []);
    }),
});

Deno.test("the digest that is made in turns is that of the content at once", () =>
  withStore(async (store) => {
    await fill(store, "d", 130);
    // Names that sort otherwise in UTF-8 than in UTF-16, and among quotes and commas.
    const odd = ["\u{1f480}", "\uffee", "a", "a b", 'a"', "a,"];
    const some = await store.images.all((await store.datasets.byName("d")).id);
    for (const [i, name] of odd.entries()) await store.images.update(some[i].id, { name });
    const dataset = await store.datasets.byName("d");
    const images = await store.images.all(dataset.id);
    const named = <Row extends { image_id: string }>(rows: Map<string, Row[]>) =>
      images.flatMap(({ id, name: image }) =>
        (rows.get(id) ?? []).map((row) => ({ ...row, image }))
      );
    const content = {
      dataset,
      images,
      gaze: named(await store.gaze.ofDataset(dataset.id)),
      heatmaps: named(await store.heatmaps.ofDataset(dataset.id)),
    };
    assert.equal(await store.datasets.digestOf(dataset), digestOf(content));
  }));

Deno.test("strings are sorted in turns as at once", async () => {
  const strings = Array.from({ length: 7_001 }, (_, i) => `${(i * 7919) % 6007} ${i % 3}`);
  assert.deepEqual(await sortInTurns(strings, new Turns()), strings.toSorted());
  assert.deepEqual(await sortInTurns([], new Turns()), []);
});

Deno.test("who asks for the same summary while it is counted waits for it", () =>
  withStore(async (store) => {
    await fill(store, "d", 300);
    const { countsOf } = store.gaze;
    let counted = 0;
    store.gaze.countsOf = (ids) => {
      counted++;
      return countsOf.call(store.gaze, ids);
    };
    const row = await store.datasets.byName("d");
    const all = await Promise.all(Array.from({ length: 20 }, () => summary(store, row)));
    assert.equal(counted, 15, "20 images at a time, once");
    assert.equal(new Set(all).size, 1);
    assert.deepEqual([all[0].images, all[0].gaze.recordings, all[0].gaze.fixations], [
      300,
      600,
      12_000,
    ]);
  }));
