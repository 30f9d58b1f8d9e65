import assert from "node:assert/strict";
import { putLabels } from "@/lib/datasets/edit.ts";
import { ImageNames } from "@/lib/datasets/image_names.ts";
import { readKnownLabels, readLabels } from "@/lib/datasets/labels.ts";
import { beginDataset } from "@/lib/datasets/write_content.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { newId } from "@/lib/store/mod.ts";
import { withStore } from "../support/temporary.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const table = (rows: number, name: (i: number) => string) =>
  encode(
    "image,label\n" + Array.from({ length: rows }, (_, i) => `${name(i)},${i % 2}\n`).join(""),
  );

const secret = new Uint8Array(32);

/** As a data set that has these images reads it. */
function readOf(images: string[], bytes: Uint8Array) {
  const names = new ImageNames(images.map((name) => ({ name })), { keyed: { secret } });
  return readKnownLabels(bytes, "l.csv", (image) => names.findInFolder(image));
}

Deno.test("labels of known images come out", () => {
  const images = Array.from({ length: 30_000 }, (_, i) => `picture_${i}`);
  const large = table(30_000, (i) => `picture_${i}.png`);
  const { labels, unknown } = readOf(images, large);
  assert.deepEqual(unknown, []);
  assert.deepEqual(labels, readLabels(large, "l.csv").labels);
});

Deno.test("a large table of unknown images is left at its first hundred", () => {
  const { labels, unknown } = readOf(["a"], table(300_000, (i) => `other_${i}`));
  assert.deepEqual(labels, []);
  assert.equal(unknown.length, 100);
  assert.deepEqual(unknown[99], {
    file: "l.csv",
    line: 101,
    message: 'Cannot find image "other_99"',
  });
});

Deno.test("a large table is put in by a thread as a small one is, and refused with its lines", () =>
  withStore(async (store) => {
    const { id: dataset_id } = await beginDataset(store, "d", "keep");
    const { sha256: file } = await store.files.put(encode("x"));
    const count = 4_000;
    await store.commitFiles(
      [file],
      () =>
        store.images.insertAll(Array.from({ length: count }, (_, i) => ({
          ...{ id: newId("im"), dataset_id, name: `picture_${i}`, file, format: "png" as const },
          ...{ bytes: 1, width: 1, height: 1, channels: 1 as const, bits: 8 as const },
          ...{ label: null, patient: null, split: null },
        }))),
    );
    const labelled = async () =>
      (await store.images.all(dataset_id)).filter(({ label }) => label !== null).length;
    await putLabels(store, "d", table(3, (i) => `picture_${i}`));
    assert.equal(await labelled(), 3);
    const large = table(count, (i) => `picture_${i}.png`);
    const report = await putLabels(store, "d", large);
    assert.equal(large.length, 0, "its buffer has gone to the thread");
    assert.equal(report.labels, count);
    assert.deepEqual(await store.images.labels(dataset_id), new Map([["0", 2000], ["1", 2000]]));
    const damaged = encode(
      new TextDecoder().decode(table(count, (i) => `picture_${i}`)) + "picture_7,1\nx,1,2\n",
    );
    await assert.rejects(putLabels(store, "d", damaged, "l.csv"), (error) => {
      assert.ok(error instanceof InvalidInput);
      // Lines that cannot be read go before labels that cannot be used.
      assert.deepEqual(error.problems, [{
        file: "l.csv",
        line: count + 3,
        message: "Cannot read the line: 3 fields, the header has 2",
      }]);
      return true;
    });
  }));

Deno.test("a table without rows, without a header, without its columns", () => {
  assert.deepEqual(readLabels(encode("image,label\n"), "l.csv").labels, []);
  assert.throws(() => readLabels(encode(""), "l.csv"), InvalidInput);
  assert.throws(() => readLabels(encode("a,b\n"), "l.csv"), InvalidInput);
  assert.throws(() => readLabels(encode("a,b\n1,2\n"), "l.csv"), (error) => {
    assert.ok(error instanceof InvalidInput);
    assert.match(error.problems[0].message, /Cannot find the columns image and label in "a,b"/);
    return true;
  });
});

Deno.test("headers that can mean the image or the class alone are taken, and told", () => {
  const read = (header: string) => readLabels(encode(`${header}\n1.png;benign;7\n`), "labels.csv");
  for (
    const [header, image, label] of [
      ["name;class;age", "name", "class"],
      ["picture;y;age", "picture", "y"],
      ["filename;target;name", "filename", "target"],
    ]
  ) {
    const { columns, labels, warnings } = read(header);
    assert.deepEqual([columns.image, columns.label], [image, label]);
    assert.deepEqual([labels[0].image, labels[0].label], ["1.png", "benign"]);
    const taken = warnings.some(({ message }) =>
      message === `The column "${image}" was taken for the image`
    );
    assert.equal(taken, image !== "filename", header);
  }
  // Two that may be meant: neither is taken.
  assert.throws(() => read("name;class;picture"), (error) => {
    assert(error instanceof InvalidInput);
    assert.match(
      error.problems[0].message,
      /in "name,class,picture": none names the image; the image may be called "image".*"y"/,
    );
    return true;
  });
});
