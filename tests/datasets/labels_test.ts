import assert from "node:assert/strict";
import { readLabels } from "@/lib/datasets/labels.ts";
import { readLabelsFile } from "@/lib/datasets/labels_thread.ts";
import { InvalidInput } from "@/lib/errors.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const table = (rows: number, name: (i: number) => string) =>
  encode(
    "image,label\n" + Array.from({ length: rows }, (_, i) => `${name(i)},${i % 2}\n`).join(""),
  );

const secret = new Uint8Array(32);

Deno.test("labels of known images come out, the same from a small file and from one that takes a thread", async () => {
  const images = Array.from({ length: 30_000 }, (_, i) => `picture_${i}`);
  const large = table(30_000, (i) => `picture_${i}.png`);
  assert.ok(large.length > 2 ** 18);
  const expected = readLabels(large, "labels.csv").labels;
  const { labels, unknown } = await readLabelsFile({
    bytes: large,
    file: "labels.csv",
    images,
    secret,
  });
  assert.deepEqual(unknown, []);
  assert.deepEqual(labels, expected);
  const small = await readLabelsFile({
    secret,
    bytes: table(3, (i) => `picture_${i}`),
    file: "labels.csv",
    images,
  });
  assert.deepEqual(small.labels.map(({ image, label, line }) => [image, label, line]), [
    ["picture_0", "0", 2],
    ["picture_1", "1", 3],
    ["picture_2", "0", 4],
  ]);
});

Deno.test("a large table of unknown images is left at its first hundred", async () => {
  const bytes = table(300_000, (i) => `other_${i}`);
  const { labels, unknown } = await readLabelsFile({ bytes, file: "l.csv", images: ["a"], secret });
  assert.deepEqual(labels, []);
  assert.equal(unknown.length, 100);
  assert.deepEqual(unknown[99], {
    file: "l.csv",
    line: 101,
    message: 'Cannot find image "other_99"',
  });
});

Deno.test("a large table that is damaged is refused with its lines, from the thread too", async () => {
  const images = Array.from({ length: 30_000 }, (_, i) => `picture_${i}`);
  const bytes = encode(
    new TextDecoder().decode(table(30_000, (i) => `picture_${i}`)) + "picture_7,1\nx,1,2\n",
  );
  await assert.rejects(readLabelsFile({ bytes, file: "l.csv", images, secret }), (error) => {
    assert.ok(error instanceof InvalidInput);
    // Lines that cannot be read go before labels that cannot be used.
    assert.deepEqual(error.problems, [{
      file: "l.csv",
      line: 30_003,
      message: "Cannot read the line: 3 fields, the header has 2",
    }]);
    return true;
  });
});

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
