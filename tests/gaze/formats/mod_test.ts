/** Every format: hand-made files, recognised by themselves, give what was worked out by hand; damage is reported. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { InvalidInput } from "@/lib/errors.ts";
import { formats, isCompanion, parseGaze } from "@/lib/gaze/formats/mod.ts";
import {
  expectedOf,
  fixtureBytes,
  fixtures,
  imageSizes,
  parseFixture,
  plainGaze,
} from "./fixture.ts";

const paths = fixtures();

Deno.test("every format has a fixture, named by its folder", () => {
  const folders = new Set(paths.map((path) => path.slice(0, path.indexOf("/"))));
  assert.deepEqual([...folders].sort(), Object.keys(formats).sort());
});

for (const path of paths) {
  Deno.test(`gaze file ${path} is recognised and read`, async () => {
    const expected = expectedOf(path);
    const parsed = await parseFixture(path, expected);
    assert.equal(parsed.format, path.slice(0, path.indexOf("/")));
    assert.deepEqual(parsed.gaze.map(plainGaze), expected.gaze);
    assert.deepEqual(
      JSON.parse(JSON.stringify(
        parsed.warnings.map(({ line, column, message }) => ({ line, column, message })),
      )),
      expected.warnings,
    );
    for (const gaze of parsed.gaze) assert.deepEqual(gaze.assumptions, parsed.assumptions);
    assert.ok(parsed.assumptions.length > 0);
  });
}

/** The fixture in other clothes: as a stream of small pieces, zipped, in UTF-16. */
const CLOTHES: Record<string, (bytes: Uint8Array) => Uint8Array | ReadableStream<Uint8Array>> = {
  "in pieces of 7 bytes": (bytes) =>
    ReadableStream.from((function* () {
      for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
    })()),
  "zipped": (bytes) => new Uint8Array(gzipSync(bytes)),
  "in UTF-16": (bytes) =>
    new Uint8Array(Buffer.from("\ufeff" + new TextDecoder().decode(bytes), "utf16le")),
};

for (const [name, dress] of Object.entries(CLOTHES)) {
  Deno.test(`gaze files read the same ${name}`, async () => {
    for (const path of paths.filter((path) => !/^(bids|reflacx)/.test(path))) {
      const { images, options, gaze } = expectedOf(path);
      const parsed = await parseGaze(dress(fixtureBytes(path)), {
        file: path,
        imageSize: imageSizes(images),
        ...options,
      });
      assert.deepEqual(parsed.gaze.map(plainGaze), gaze, path);
    }
  });
}

Deno.test("fixations off the image are moved to its edge where that is asked for", async () => {
  const { images, options } = expectedOf("plain/fixations.csv");
  const { gaze } = await parseFixture("plain/fixations.csv", { images, options }, {
    off_image: "clamp",
  });
  assert.deepEqual(gaze[0].fixations[1], { x: 799, y: 50, start: 0.3, duration: 0.15 });
  assert.equal(gaze[0].off_image, 1);
  assert.equal(gaze[0].dropped, 0);
});

Deno.test("a format can be named, and must exist", async () => {
  const bytes = fixtureBytes("remodnav/scanpath.tsv");
  const named = await parseGaze(bytes, { file: "a.tsv", format: "remodnav" });
  assert.equal(named.gaze[0].fixations.length, 2);
  await assert.rejects(
    () => parseGaze(bytes, { file: "a.tsv", format: "toString" }),
    /Cannot read a.tsv as "toString": the formats are bids, /,
  );
});

Deno.test("unknown files are refused with advice, binary and damaged ones as such", async () => {
  const refused = async (bytes: Uint8Array | string, message: RegExp) => {
    const source = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    await assert.rejects(
      () => parseGaze(source, { file: "x.csv" }),
      (error) => error instanceof InvalidInput && message.test(error.message),
    );
  };
  await refused("", /Cannot recognise x.csv/);
  await refused("hello\nworld\n", /Cannot recognise x.csv/);
  await refused(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 1), /not a text file/);
  await refused(Uint8Array.of(0x1f, 0x8b, 1, 2, 3, 4), /gzip data is damaged/);
  const bomb = new Uint8Array(gzipSync(new Uint8Array(8 << 20).fill(65)));
  await refused(bomb, /unzips to over 200 times its size/);
});

Deno.test("sidecars and tables beside gaze files are known as such", () => {
  const companions = [
    "gaze/sub-01/sub-01_task-x_physio.json",
    "gaze/sub-01/sub-01_task-x_events.tsv",
    "gaze/sub-01/sub-01_task-x_physioevents.tsv.gz",
    "gaze/master_sheet.csv",
    "gaze/metadata_phase_1.csv",
  ];
  const recording = "gaze/sub-01/sub-01_task-x_physio.tsv.gz";
  for (const name of companions) assert.ok(isCompanion(name, [...companions, recording]), name);
  for (const path of paths) assert.ok(!isCompanion(path, [path]), path);
});

Deno.test("damaged gaze files give numbers that are finite, or a refusal that names the place", async () => {
  const kept = paths.map((path) => ({ path, bytes: fixtureBytes(path), ...expectedOf(path) }));
  const edit = fc.record({
    at: fc.nat(4000),
    cut: fc.nat(12),
    put: fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.constantFrom(
        "-",
        ",",
        "\t",
        "\n",
        '"',
        "1e999",
        "NaN",
        "-1",
        ";",
        "[[",
        "\ufeff",
        "999999999999999999999",
      )
        .map((text) => new TextEncoder().encode(text)),
    ),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.nat(kept.length - 1),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      async (which, edits) => {
        const { path, images, options } = kept[which];
        let bytes = kept[which].bytes;
        for (const { at, cut, put } of edits) {
          const from = at % (bytes.length + 1);
          bytes = new Uint8Array([
            ...bytes.subarray(0, from),
            ...put,
            ...bytes.subarray(from + cut),
          ]);
        }
        try {
          const { gaze } = await parseGaze(bytes, {
            file: path,
            imageSize: imageSizes(images),
            ...options,
          });
          for (const { fixations, samples, data_loss } of gaze) {
            for (const { x, y, start, duration } of fixations) {
              assert.ok(
                [x, y, start, duration].every(Number.isFinite),
                `${path}: ${[x, y, start, duration]}`,
              );
              assert.ok(duration >= 0);
            }
            assert.ok(data_loss >= 0 && data_loss <= 1);
            for (let i = 0; i < (samples?.length ?? 0); i += 4) {
              assert.ok(
                Number.isFinite(samples![i]),
              );
            }
          }
        } catch (error) {
          if (!(error instanceof InvalidInput)) throw error;
          assert.match(error.message, /^Cannot /);
          for (const problem of error.problems) {
            assert.equal(problem.file, path);
            assert.ok(problem.line === undefined || problem.line >= 1);
          }
        }
      },
    ),
    { numRuns: 500, seed: 7 },
  );
});
