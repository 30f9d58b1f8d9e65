import assert from "node:assert/strict";
import { Conflict, InvalidInput, NotFound } from "@/lib/errors.ts";
import { importArchive } from "@/lib/datasets/archive.ts";
import { deleteDataset, putImage, putLabels } from "@/lib/datasets/edit.ts";
import { putGaze } from "@/lib/datasets/gaze_file.ts";
import { summary } from "@/lib/datasets/summary.ts";
import { decodePool } from "@/lib/images/decode_pool.ts";
import { newId, now, type Store } from "@/lib/store/mod.ts";
import { storedDigest } from "@/lib/store/digest.ts";
import { picture, smallSet, zipTo } from "../support/archives.ts";
import { withStore } from "../support/temporary.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Runs `body` on a small data set "d". */
const withSet = (body: (store: Store, id: string) => Promise<void> | void) => () =>
  withStore(async (store) => {
    const path = await zipTo(`${store.directory}/upload.zip`, smallSet());
    await importArchive(store, "d", path, { names: "keep" });
    try {
      await body(store, (await store.datasets.byName("d")).id);
    } finally {
      decodePool.close();
    }
  });

function files(store: Store): number {
  return [...Deno.readDirSync(store.files.directory)]
    .reduce(
      (n, { name }) => n + [...Deno.readDirSync(`${store.files.directory}/${name}`)].length,
      0,
    );
}

Deno.test(
  "an image is added, or replaced with its label; its gaze stays if the size does",
  withSet(async (store, id) => {
    const before = await store.datasets.digestOf(await store.datasets.get(id));
    const added = await putImage(store, "d", "new/e.png", picture(6, 6));
    assert.deepEqual([added.created, added.image.name], [true, "new/e"]);
    assert.notEqual(await store.datasets.digestOf(await store.datasets.get(id)), before);

    const count = files(store);
    const same = await putImage(store, "d", "a", picture(20, 10, 99));
    assert.deepEqual([same.created, same.image.label, same.image.patient], [false, "benign", "p1"]);
    assert.equal((await store.gaze.ofImage(same.image.id)).length, 2);
    assert.equal(files(store), count);
    const other = await putImage(store, "d", "a", picture(21, 10));
    assert.deepEqual([other.created, other.image.label], [false, "benign"]);
    assert.equal((await store.gaze.ofImage(other.image.id)).length, 0);
    assert.equal(files(store), count);

    await assert.rejects(putImage(store, "d", "a", bytes("no")), InvalidInput);
    await assert.rejects(putImage(store, "d", "../a", picture(2, 2)), InvalidInput);
    await assert.rejects(putImage(store, "a/b", "a", picture(2, 2)), InvalidInput);
    assert.equal(files(store), count);
  }),
);

Deno.test(
  "gaze that names no reader in the place of other such gaze is told",
  withSet(async (store) => {
    const send = async (reader: string | undefined, dryRun: boolean) => {
      const csv = bytes("image,x,y,duration_ms\na,3,3,150\n");
      const report = await putGaze(store, "d", csv, { file: "s01.csv", reader, dryRun });
      return report.warnings.map(({ message }) => message).join("\n");
    };
    assert.equal(await send(undefined, false), "");
    assert.match(
      await send(undefined, true),
      /1 recording that names no reader replaces .*`reader`/,
    );
    assert.match(await send(undefined, false), /1 recording that names no reader replaced /);
    assert.equal(await send("r7", false), "");
    assert.equal(await send("r7", false), "");
  }),
);

Deno.test(
  "a gaze file adds recordings and replaces those it repeats",
  withSet(async (store, id) => {
    const csv = "image,reader,x,y,duration_ms\na,r1,3,3,150\nd,r1,4,4,200\n";
    const report = await putGaze(store, "d", bytes(csv), { file: "more.csv" });
    assert.deepEqual([report.gaze, report.replaced], [2, 1]);
    const [row] = await store.gaze.ofImage((await store.images.byName(id, "a")).id, "r1");
    assert.deepEqual(row.fixations.map(({ x, duration }) => [x, duration]), [[3, 0.15]]);
    const digest = await store.datasets.digestOf(await store.datasets.get(id));
    await putGaze(store, "d", bytes(csv), { file: "more.csv" });
    assert.equal(await store.datasets.digestOf(await store.datasets.get(id)), digest);
    await assert.rejects(
      putGaze(store, "d", bytes("image,reader,x,y,duration_ms\na,r1,x,3,150\n"), { file: "f.csv" }),
      (error) => error instanceof InvalidInput && error.problems[0].line === 2,
    );
    assert.equal(await store.datasets.digestOf(await store.datasets.get(id)), digest);
  }),
);

Deno.test(
  "labels change by a table; one bad line changes nothing",
  withSet(async (store, id) => {
    assert.deepEqual(await putLabels(store, "d", bytes("image,label\na,odd\nleft/b,\n")), {
      labels: 2,
      warnings: [],
    });
    const a = await store.images.byName(id, "a");
    assert.deepEqual([a.label, a.patient, a.split], ["odd", "p1", "train"]);
    assert.equal((await store.images.byName(id, "left/b")).label, null);
    const digest = await store.datasets.digestOf(await store.datasets.get(id));
    for (
      const bad of ["image,label\na,x\nghost,y\n", "image,split\na,test\n", "image,label\na\n"]
    ) {
      await assert.rejects(putLabels(store, "d", bytes(bad)), InvalidInput, bad);
    }
    assert.equal(await store.datasets.digestOf(await store.datasets.get(id)), digest);
    assert.equal((await store.images.byName(id, "a")).label, "odd");
  }),
);

Deno.test(
  "a large gaze file goes through a thread, and comes to the same as its parts",
  withSet(async (store, id) => {
    const rows = Array.from(
      { length: 20_000 },
      (_, i) => `${i % 2 ? "a" : "d"},r${i % 3},${1 + i % 8}.25,${1 + i % 4}.5,${100 + i % 50}\n`,
    );
    const csv = (part: string[]) => bytes("image,reader,x,y,duration_ms\n" + part.join(""));
    const file = csv(rows);
    assert.ok(file.length > 2 ** 18);
    const tried = await putGaze(store, "d", file.slice(), { file: "g.csv", dryRun: true });
    assert.deepEqual([tried.gaze, tried.replaced, tried.fixations], [6, 2, 20_000]);
    const report = await putGaze(store, "d", file.slice(), { file: "g.csv" });
    assert.deepEqual([report.gaze, report.replaced, report.fixations], [6, 2, 20_000]);
    const stored = async () => (await Promise.all(["a", "d"].map(async (image) =>
      (await store.gaze.ofImage((await store.images.byName(id, image)).id)).map((
        { id: _, ...recording },
      ) =>
        recording
      )
    )));
    const byThread = await stored();
    for (const reader of ["r0", "r1", "r2"]) {
      const part = csv(rows.filter((row) =>
        row.includes(`,${reader},`)
      ));
      assert.ok(part.length < 2 ** 18);
      await putGaze(store, "d", part, { file: "g.csv" });
    }
    assert.deepEqual(await stored(), byThread);
    await assert.rejects(
      putGaze(store, "none", file.slice(), { file: "g.csv" }),
      NotFound,
    );
  }),
);

Deno.test(
  "deletion removes rows and files, but not while a job reads the data set",
  withSet(async (store) => {
    const job = newId("job");
    await store.db.run(
      `INSERT INTO jobs (id, kind, state, spec, progress, created_at)
       VALUES (?, 'pretrain', 'paused', '{"dataset": "d"}', '{}', ?)`,
      job,
      now(),
    );
    await assert.rejects(async () => await deleteDataset(store, "d"), Conflict);
    await assert.rejects(putImage(store, "d", "a", picture(1, 1)), Conflict);
    await assert.rejects(putLabels(store, "d", bytes("image,label\na,x\n")), Conflict);
    await store.jobs.cancel(job);
    await deleteDataset(store, "d");
    assert.equal(files(store), 0);
    assert.equal(await store.images.count() + await store.gaze.count(), 0);
    await assert.rejects(async () => await deleteDataset(store, "d"), NotFound);
  }),
);

Deno.test(
  "a change costs no digest of the whole set; the digest is the same when it is asked for",
  withSet(async (store, id) => {
    const raw = async () =>
      (await store.db.get<{ digest: string }>("SELECT digest FROM datasets WHERE id = ?", id))!
        .digest;
    const before = await store.datasets.digestOf(await store.datasets.get(id));
    assert.equal(await raw(), before);
    const held = await store.datasets.get(id);
    await putImage(store, "d", "e", picture(6, 6));
    await putImage(store, "d", "f", picture(6, 7));
    assert.equal(await raw(), "", "not made anew");
    assert.equal(await store.datasets.digestOf(held), before, "a row is what was read");
    const digest = await store.datasets.digestOf(await store.datasets.get(id));
    assert.equal(await raw(), digest);
    assert.equal(digest, await storedDigest(store, await store.datasets.get(id)));
    assert.notEqual(digest, before);
    // The other way round: the same content.
    const turned = (await store.datasets.byName("d")).name;
    await putImage(store, turned, "f", picture(6, 6));
    await putImage(store, turned, "f", picture(6, 7));
    assert.equal(await store.datasets.digestOf(await store.datasets.byName("d")), digest);
  }),
);

Deno.test(
  "a small file looks at the images that it names, where it names them wholly, and at all others not",
  withSet(async (store, id) => {
    let whole = 0;
    const all = store.images.all.bind(store.images);
    store.images.all = (dataset) => {
      whole++;
      return all(dataset);
    };
    const gaze = async (name: string) => {
      const csv = bytes(`image,reader,x,y,duration_ms\n${name},r9,3,3,150\n`);
      return (await putGaze(store, "d", csv, { file: "g.csv" })).gaze;
    };
    const labels = async (name: string) =>
      (await putLabels(store, "d", bytes(`image,label\n${name},odd\n`))).labels;
    assert.deepEqual([await gaze("a"), await gaze("left/b.png"), await labels("a.png")], [1, 1, 1]);
    assert.equal(whole, 0);
    // By a part of its path only.
    assert.deepEqual([await gaze("stimuli/d.png"), await gaze("c"), await labels("b")], [1, 1, 1]);
    assert.ok(whole >= 3);
    assert.equal((await store.images.byName(id, "left/b")).label, "odd");
    // What is said of the whole set is said all the same.
    const { warnings } = await putLabels(store, "d", bytes("image,label,patient\na,ODD,\n"));
    assert.deepEqual(warnings.map(({ message }) => message.slice(0, 40)), [
      "1 of 4 images have no patient: where one",
      "Labels that are classes of their own, an",
    ]);
    await assert.rejects(
      putLabels(store, "d", bytes("image,patient\nd,p2\n")),
      (error) =>
        error instanceof InvalidInput && /patient "p2" into both/.test(error.problems[0].message),
    );
  }),
);

Deno.test(
  "what a set holds is told anew after each change",
  withSet(async (store) => {
    const told = async () => await summary(store, await store.datasets.byName("d"));
    const labels = async () => (await told()).labels;
    assert.deepEqual(await labels(), { benign: 2, malignant: 2 });
    assert.equal(await told(), await told());
    await putLabels(store, "d", bytes("image,label\na,malignant\n"));
    assert.deepEqual(await labels(), { benign: 1, malignant: 3 });
    await putImage(store, "d", "e", picture(6, 6));
    assert.equal((await told()).images, 5);
    const path = await zipTo(`${store.directory}/more.zip`, { "images/f.png": picture(6, 6, 2) });
    await importArchive(store, "d", path, { mode: "add" });
    assert.equal((await told()).images, 6);
    await importArchive(store, "d", path);
    assert.equal((await told()).images, 1);
  }),
);

Deno.test("labels of which none is the positive one are told of, at the import and after it", () =>
  withStore(async (store) => {
    const path = await zipTo(`${store.directory}/upload.zip`, {
      ...smallSet(),
      "dataset.json": bytes('{"positive_label": "Benign"}'),
    });
    const told = /positive label "Benign" is no class of the data set, "benign" may be meant/;
    const { warnings } = await importArchive(store, "d", path, { names: "keep" });
    assert.match(warnings[0].message, told);
    const report = await putLabels(store, "d", bytes("image,label\na,odd\n"));
    assert.ok(report.warnings.some(({ message }) => told.test(message)));
    decodePool.close();
  }));
