import assert from "node:assert/strict";
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import { importArchive } from "@/lib/datasets/archive.ts";
import { importInThread } from "@/lib/datasets/import_thread.ts";
import { exportArchive } from "@/lib/datasets/export.ts";
import { summary } from "@/lib/datasets/summary.ts";
import { newId, now, type Store } from "@/lib/store/mod.ts";
import { picture, smallSet, unzip, zipTo } from "../support/archives.ts";
import { inCluster, withStore } from "../support/temporary.ts";

type Files = Record<string, string | Uint8Array>;

async function load(store: Store, name: string, files: Files, options = {}) {
  const path = await zipTo(`${store.directory}/upload.zip`, files);
  return await importArchive(store, name, path, { names: "keep", ...options });
}

/** The problems with which an import is refused; nothing may be left of it. */
async function refused(store: Store, files: Files) {
  const before = storedFiles(store);
  try {
    await load(store, "bad", files);
  } catch (error) {
    assert(error instanceof InvalidInput, String(error));
    assert.equal(await store.datasets.findByName("bad"), undefined);
    assert.deepEqual(storedFiles(store), before);
    return error.problems.length > 0 ? error.problems : [{ message: error.message }];
  }
  throw new Error("the archive was taken");
}

function storedFiles(store: Store): string[] {
  assert.deepEqual([...Deno.readDirSync(store.files.temporary)], []);
  return [...Deno.readDirSync(store.files.directory)].flatMap((folder) =>
    [...Deno.readDirSync(`${store.files.directory}/${folder.name}`)].map((e) => e.name)
  ).sort();
}

Deno.test("an archive becomes a data set, and the report counts what is in it", () =>
  withStore(async (store) => {
    const report = await load(store, "breast", smallSet());
    assert.deepEqual({ ...report, digest: "" }, {
      name: "breast",
      images: 4,
      gaze: 3,
      readers: 2,
      labels: 4,
      readings: 0,
      skipped: 0,
      names: "keep",
      warnings: [],
      warning_kinds: [],
      layout: "images/, labels.csv, gaze/, heatmaps/, dataset.json",
      digest: "",
    });
    const dataset = await store.datasets.byName("breast");
    assert.equal(await store.datasets.digestOf(dataset), report.digest);
    assert.deepEqual([dataset.structured, dataset.positive_label], [true, "malignant"]);
    assert.deepEqual((await store.images.all(dataset.id)).map((i) => i.name), [
      "a",
      "d",
      "left/b",
      "left/c",
    ]);
    const image = await store.images.byName(dataset.id, "left/b");
    assert.deepEqual(
      [
        image.width,
        image.height,
        image.channels,
        image.bits,
        image.label,
        image.patient,
        image.split,
      ],
      [20, 10, 1, 8, "malignant", "p2", "test"],
    );
    const gaze = await store.gaze.ofImage((await store.images.byName(dataset.id, "a")).id);
    assert.deepEqual(gaze.map((row) => [row.reader, row.fixations.length]), [["r1", 2], ["r2", 1]]);
    assert.deepEqual([gaze[0].fixations[1].x, gaze[0].fixations[1].duration], [7.5, 0.3]);

    const found = await summary(store, dataset);
    assert.deepEqual(found.labels, { benign: 2, malignant: 2 });
    assert.deepEqual([found.images, found.patients, found.unlabelled], [4, 2, 0]);
    assert.deepEqual(found.gaze, {
      recordings: 3,
      readers: ["r1", "r2"],
      images: 2,
      coverage: 0.5,
      fixations: 4,
    });
    assert.deepEqual(found.sizes, { width: [20, 30], height: [10, 12] });
    assert.deepEqual(found.kinds, { "1 x 8": 4 });
  }));

Deno.test("the digest says what is in the archive, not how it is packed", () =>
  withStore(async (store) => {
    const files = smallSet();
    const { digest } = await load(store, "one", files);
    const turned = Object.fromEntries(Object.entries(files).reverse());
    assert.equal((await load(store, "two", turned)).digest, digest);
    const below = Object.fromEntries(
      Object.entries(files).map(([name, data]) => [`my data/${name}`, data]),
    );
    const junk = {
      "__MACOSX/my data/._a.png": "x",
      "my data/.DS_Store": "x",
      "my data/images/Thumbs.db": "x",
    };
    const wrapped = await load(store, "three", { ...below, ...junk });
    assert.equal(wrapped.digest, digest);
    assert.match(
      wrapped.warnings.map(({ message }) => message).join("\n"),
      /^Passed over: 3 files/,
    );
    for (
      const changed of [
        { ...files, "images/a.png": picture(20, 10, 9) },
        { ...files, "labels.csv": "image,label\na,benign\n" },
        { ...files, "gaze/fixations.csv": "image,reader,x,y,duration_ms\na,r1,5,5,201\n" },
        { ...files, "dataset.json": "{}" },
        { ...files, "heatmaps/a.png": picture(20, 10, 5) },
      ]
    ) assert.notEqual((await load(store, "four", changed)).digest, digest);
  }));

Deno.test("a dry run reports the same and keeps nothing", () =>
  withStore(async (store) => {
    const dry = await load(store, "breast", smallSet(), { dryRun: true });
    assert.equal(await store.datasets.count(), 0);
    assert.deepEqual(storedFiles(store), []);
    assert.deepEqual(dry, await load(store, "breast", smallSet()));
  }));

Deno.test("bad input is refused with file and line, and leaves nothing behind", () =>
  withStore(async (store) => {
    const good = smallSet();
    await load(store, "good", { "images/z.png": picture(3, 3) });
    const cases: [Files, RegExp, Partial<{ file: string; line: number }>][] = [
      [{ "images/a.png": "no picture" }, /not PNG, JPEG/, { file: "images/a.png" }],
      [
        { "images/a.png": picture(20, 10).subarray(0, 60) },
        /truncated/,
        { file: "images/a.png" },
      ],
      [{ "images/a.jpg": picture(5, 5) }, /for two images/, { file: "images/a.png" }],
      [
        { "labels.csv": "image,label\na,benign\nd\n" },
        /1 fields, the header has 2/,
        { file: "labels.csv", line: 3 },
      ],
      [
        { "labels.csv": "image,label\na,benign\na,malignant\n" },
        /twice, line 2 did/,
        { file: "labels.csv", line: 3 },
      ],
      [{ "labels.csv": "thing,kind\na,x\n" }, /image.*label/s, { line: 1 }],
      [
        { "labels.csv": "image,label,patient,split\na,x,p,train\nd,x,p,test\n" },
        /patient "p" into both/,
        { file: "labels.csv", line: 3 },
      ],
      [
        { "labels.csv": "image,label,split\na,x,later\n" },
        /split "later"/,
        { file: "labels.csv", line: 2 },
      ],
      [{ "labels.csv": 'image,label\na,"x\n' }, /Cannot read the table/, { file: "labels.csv" }],
      [{ "labels.csv": new Uint8Array([0xff, 0xfe, 0x41]) }, /not UTF-8/, { file: "labels.csv" }],
      [{ "labels.csv": "image,label\na," + "x".repeat(70_000) }, /Cannot/, { file: "labels.csv" }],
      [{ "dataset.json": '{"structurd": true}' }, /structurd/, { file: "dataset.json" }],
      [{ "dataset.json": "[".repeat(5000) }, /nested deeper/, { file: "dataset.json" }],
      [
        { "gaze/fixations.csv": "image,reader,x,y,duration_ms\na,r1,5,wide,100\n" },
        /./,
        { file: "gaze/fixations.csv", line: 2 },
      ],
      [{ "gaze/notes.csv": "hello\n" }, /./, { file: "gaze/notes.csv" }],
      [{ "inner.zip": "PK" }, /archive in an archive/, { file: "inner.zip" }],
      [
        { "images/inner.png": new Uint8Array([0x50, 0x4b, 3, 4, 0, 0]) },
        /archive in an archive/,
        { file: "images/inner.png" },
      ],
      [{ "heatmaps/a.png": "no picture" }, /not PNG, JPEG/, { file: "heatmaps/a.png" }],
    ];
    for (const [files, message, where] of cases) {
      const [problem] = await refused(store, { ...good, ...files });
      assert.match(problem.message, message);
      assert.partialDeepStrictEqual(problem, where);
    }
    assert.match(
      (await refused(store, { "labels.csv": "image,label\n" }))[0].message,
      /the archive holds 1 \.csv.*smallest archive that works/,
    );
  }));

Deno.test("what is not part of the layout is skipped with a warning", () =>
  withStore(async (store) => {
    const report = await load(store, "d", {
      ...smallSet(),
      "README.md": "hello",
      "labels.csv": "image,label\na,benign\nghost,benign\n",
      "heatmaps/a.png": picture(20, 10, 5),
      "heatmaps/r1/left/b.png": picture(20, 10, 6),
      "heatmaps/ghost.png": picture(20, 10, 7),
      "heatmaps/d.png": picture(10, 10, 8),
    });
    assert.equal(report.skipped, 1);
    assert.equal(report.labels, 1);
    const messages = report.warnings.map(({ file, line, message }) => [file, line, message]);
    assert.deepEqual(messages, [
      ["README.md", undefined, "Skipped: not a part of the layout"],
      ["labels.csv", 3, 'Skipped: there is no image "ghost"'],
      [undefined, undefined, report.warnings[2].message],
      [
        "heatmaps/d.png",
        undefined,
        "The map is 10 x 10 pixels, another shape than its image (20 x 12)",
      ],
      ["heatmaps/ghost.png", undefined, 'Skipped: there is no image "ghost"'],
    ]);
    assert.match(report.warnings[2].message, /^No patient is known/);
    const { id } = await store.datasets.byName("d");
    const maps = [...(await store.heatmaps.ofDataset(id)).values()].flat().map((map) => map.reader);
    assert.deepEqual(maps.sort(), ["", "", "r1"]);
  }));

Deno.test("a replacement is whole, keeps the data set's id, and frees the old files", () =>
  withStore(async (store) => {
    await load(store, "d", smallSet());
    const { id } = await store.datasets.byName("d");
    const bad = { ...smallSet(), "images/e.png": "no" };
    await assert.rejects(load(store, "d", bad), InvalidInput);
    assert.equal((await store.images.all(id)).length, 4);
    await load(store, "d", { "images/only.png": picture(4, 4) });
    assert.deepEqual((await store.images.all(id)).map((i) => i.name), ["only"]);
    assert.equal(storedFiles(store).length, 1);
    assert.equal(await store.gaze.count(), 0);
  }));

Deno.test("a data set that a job reads is not replaced", () =>
  withStore(async (store) => {
    await load(store, "d", smallSet());
    const id = newId("job");
    await store.db.run(
      `INSERT INTO jobs (id, kind, state, spec, progress, created_at)
       VALUES (?, 'pretrain', 'queued', '{"dataset": "d"}', '{}', ?)`,
      id,
      now(),
    );
    const files = storedFiles(store);
    await assert.rejects(load(store, "d", { "images/x.png": picture(2, 2) }), Conflict);
    assert.deepEqual(storedFiles(store), files);
    await store.jobs.cancel(id);
    await load(store, "d", { "images/x.png": picture(2, 2) });
  }));

Deno.test("an exported data set is the same data set when it is imported again", () =>
  withStore(async (store) => {
    const samples = "image,reader,t_ms,x,y,valid\n" +
      Array.from({ length: 60 }, (_, i) => `d,r3,${i * 16},${5 + i / 100},6.5,1\n`).join("") +
      "d,r3,960,,,0\n";
    const { digest } = await load(store, "d", {
      ...smallSet(),
      "gaze/samples.csv": samples,
      "heatmaps/a.png": picture(20, 10, 5),
      "heatmaps/r1/left/b.png": picture(20, 10, 6),
      "images/=cmd|'!A0.png": picture(6, 6, 8),
      "labels.csv": 'image,label,patient\na,"be, nign",p1\n"=cmd|\'!A0",=1+1,@p\n',
    });
    const path = `${store.directory}/again.zip`;
    const dataset = await store.datasets.byName("d");
    await Deno.writeFile(path, exportArchive(store, dataset));
    const again = await importArchive(store, "again", path);
    assert.deepEqual(again.warnings.map(({ message }) => message.slice(0, 33)), [
      "3 of 5 images have no patient: wh",
    ]);
    assert.equal(again.digest, digest);
    // Much gaze comes in several tables, and means the same.
    await Deno.writeFile(path, exportArchive(store, dataset, { tableBytes: 50 }));
    const tables = [...(await unzip(Deno.readFileSync(path))).keys()]
      .filter((name) => name.startsWith("gaze/fixations"));
    assert.deepEqual(tables, ["gaze/fixations.csv", "gaze/fixations_2.csv"]);
    assert.equal((await importArchive(store, "split", path)).digest, digest);
    const copy = await store.datasets.byName("again");
    assert.equal((await store.images.byName(copy.id, "=cmd|'!A0")).label, "=1+1");
    assert.equal((await store.images.byName(copy.id, "a")).label, "be, nign");
    const row = (await store.gaze.ofImage((await store.images.byName(copy.id, "d")).id))[0];
    assert(row.samples_file && row.fixations.length === 1);
  }));

Deno.test("names of people become keyed hashes, codes stay", () =>
  withStore(async (store) => {
    await load(store, "d", {
      "images/a.png": picture(20, 10),
      "gaze/f.csv": "image,reader,x,y,duration_ms\na,Erika Mustermann,1,1,100\na,sub-07,1,1,100\n",
    });
    const { id } = await store.datasets.byName("d");
    const readers = (await summary(store, await store.datasets.byName("d"))).gaze.readers;
    assert.match(readers[0], /^reader_[0-9a-f]{12}$/);
    assert.equal(readers[1], "sub-07");
    assert.equal((await store.gaze.ofDataset(id)).size, 1);
    if (inCluster) return;
    assert.equal(await store.db.forgetDeleted(), true);
    const database = new TextDecoder("latin1").decode(
      Deno.readFileSync(`${store.directory}/mcgip.db`),
    );
    assert(!database.includes("Mustermann"));
  }));

Deno.test("an import that is called off keeps nothing", () =>
  withStore(async (store) => {
    const controller = new AbortController();
    const onProgress = (done: number) => done >= 2 && controller.abort();
    await assert.rejects(load(store, "d", smallSet(), { signal: controller.signal, onProgress }));
    assert.deepEqual(storedFiles(store), []);
    assert.equal(await store.datasets.count(), 0);
  }));

Deno.test("an import in a thread gives the same report and the same refusals", () =>
  withStore(async (store) => {
    const path = await zipTo(`${store.directory}/upload.zip`, smallSet());
    const seen: number[] = [];
    const onProgress = (done: number) => seen.push(done);
    const report = await importInThread(store, "d", path, { onProgress });
    assert.deepEqual(seen, [1, 2, 3, 4, 5]);
    assert.deepEqual(report, await importArchive(store, "d", path));

    await zipTo(path, { ...smallSet(), "images/a.png": "no" });
    await assert.rejects(importInThread(store, "e", path), (error) => {
      assert(error instanceof InvalidInput);
      assert.equal(error.problems[0].file, "images/a.png");
      return true;
    });
    await assert.rejects(importInThread(store, "e", `${path}.gone`), /No such file/);
    const signal = AbortSignal.abort();
    await assert.rejects(importInThread(store, "e", path, { signal }));
    assert.equal(await store.datasets.count(), 1);
  }));
