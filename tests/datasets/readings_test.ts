/** Tables of readers' decisions: what is read, and what is refused with what was found. */
import assert from "node:assert/strict";
import { ImageNames } from "@/lib/datasets/image_names.ts";
import { matchReadings, readingWarnings } from "@/lib/datasets/matched_readings.ts";
import { dicomName, readerName } from "@/lib/datasets/pseudonym.ts";
import { readingsOf, readReadings } from "@/lib/datasets/readings.ts";
import { putSentReadings } from "@/lib/datasets/readings_thread.ts";
import { beginDataset } from "@/lib/datasets/write_content.ts";
import { newId } from "@/lib/store/mod.ts";
import { withStore } from "../support/temporary.ts";
import { InvalidInput } from "@/lib/errors.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => readReadings(encode(text), "readings.csv");

function refused(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof InvalidInput, String(error));
    return error.problems.map(({ line, message }) => `${line ?? ""} ${message}`).join("\n");
  }
  throw new Error("Nothing was refused");
}

Deno.test("columns by the names that people give them, and shares from percent where the header says so", () => {
  const { readings: [first, second], warnings } = read(
    "Image ID;Observer;Diagnosis;Confidence [%];Modality;notes\n" +
      "a.png;Dr Who;benign;85;CT;x\nb;R2;malignant;;MR;\n",
  );
  assert.deepEqual(first, {
    ...{ image: "a.png", reader: "Dr Who", condition: "CT", label: "benign", confidence: 0.85 },
    ...{ rating: null, at: { file: "readings.csv", line: 2 } },
  });
  assert.deepEqual([second.confidence, second.condition], [null, "MR"]);
  assert.deepEqual(warnings.map(({ message }) => message), ['Column not used: "notes"']);
  assert.match(
    read("image,reader,label,confidence_percent\na,R,x,0.9\n").warnings[0].message,
    /says percent, and none of its values is above 0.9/,
  );
  // A rating is any number, as it stands.
  const { readings } = read("image,reader,rating\na,R,-12.5\nb,R,100\n");
  assert.deepEqual(readings.map(({ rating, label }) => [rating, label]), [[-12.5, null], [
    100,
    null,
  ]]);
});

Deno.test("what is no reading is refused by its line, with what was found", () => {
  const said = refused(() =>
    read(
      "image,reader,label,confidence,rating\n" +
        "a,R,x,85,\n" + "a,,x,,\n" + ",R,x,,\n" + "a,R,,0.5,\n" + "a,R,,,\n" + "a,R,x,sure,\n" +
        "a,R,x,-0.1,\n" + 'a,R,x,,"0,5"\n',
    )
  );
  assert.match(
    said,
    /^2 Cannot use confidence 85: it must be 0 to 1; of percent .*confidence_percent/m,
  );
  assert.match(said, /^3 Cannot find the reader's name/m);
  assert.match(said, /^4 Cannot find the image's name/m);
  assert.match(said, /^5 Cannot use confidence 0.5 without the label/m);
  assert.match(said, /^6 Cannot find a label or a rating/m);
  assert.match(said, /^7 Cannot use confidence "sure": it is no number/m);
  assert.match(said, /^8 Cannot use confidence -0.1/m);
  assert.match(said, /^9 Cannot use rating "0,5": it is no number/m);
  assert.match(
    refused(() => read("image,reader,label,confidence_percent\na,R,x,101\n")),
    /confidence 101: it must be 0 to 100/,
  );
  assert.match(
    refused(() => read("image,label\na,x\n")),
    /in "image,label": none names the reader/,
  );
  assert.match(refused(() => read("image,reader\na,R\n")), /none names the label or rating/);
  assert.match(refused(() => read("image,reader,label\n")), /no rows/);
  assert.match(
    refused(() =>
      readingsOf({ readings: [{ image: "a", reader: "R", label: "x", confidence: 85 }] })
    ),
    /confidence 85: it must be 0 to 1; 85 % is 0.85/,
  );
});

Deno.test("images, readers and classes are found as those of labels and gaze are", () => {
  const keyed = { secret: new Uint8Array(32).fill(7) };
  const names = new ImageNames([{ name: "a" }, { name: dicomName(keyed, "scan") }], { keyed });
  const match = (text: string) =>
    matchReadings(read(text).readings, { names, classes: new Set(["x", "y"]), keyed });
  const { readings, unknown, problems } = match(
    "image,reader,label\na.png,Ann Smith,x\nscan.dcm,Ann Smith,y\nnothing,R1,x\n",
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(readings.map(({ image }) => image.name), ["a", dicomName(keyed, "scan")]);
  assert.deepEqual(new Set(readings.map(({ reader }) => reader)).size, 1);
  assert.equal(readings[0].reader, readerName(keyed, "Ann Smith"));
  assert.deepEqual(unknown.map(({ line }) => line), [4]);
  // One image under two of its names is one image; another condition is another reading.
  const twice = match(
    "image,reader,label,condition\na,R1,x,CT\na.png, R1,y,CT\na,R1,x,MR\na,R1,z,\n",
  );
  assert.deepEqual(twice.readings.length, 2);
  assert.deepEqual(twice.problems.map(({ line }) => line), [3, 5]);
  assert.match(
    twice.problems[0].message,
    /second reading of "a.png" by reader "R1" under "CT": line 2/,
  );
  assert.match(twice.problems[1].message, /label "z": the data set's classes are "x", "y"/);
});

Deno.test("readers whose gaze is another's, and sets that cannot be analysed yet, are warned of", () => {
  const readings = [{ reader: "R1", condition: "", label: "x", confidence: null, rating: 3 }];
  const warn = (gaze: string[], classes = ["x"], positive: string | null = "x") =>
    readingWarnings(readings, {
      ...{ classes: new Set(classes), positive, gazeReaders: new Set(gaze) },
    }).join("\n");
  assert.equal(warn(["R1", "R2"]), "");
  assert.equal(warn([]), "");
  assert.match(warn(["R2"]), /None of the readers \("R1"\) has gaze here, .* "R2"/);
  assert.match(warn([], []), /no labels/);
  assert.match(warn([], ["x"], null), /names none/);
});

Deno.test("a large table is put in by a thread as a small one is, as CSV and as JSON", () =>
  withStore(async (store) => {
    const [images, readers] = [40, 200];
    const { id: dataset_id } = await beginDataset(store, "d", "keep");
    const { sha256: file } = await store.files.put(encode("x"));
    await store.commitFiles(
      [file],
      () =>
        store.images.insertAll(Array.from({ length: images }, (_, i) => ({
          ...{ id: newId("im"), dataset_id, name: `picture_${i}`, file, format: "png" as const },
          ...{ bytes: 1, width: 1, height: 1, channels: 1 as const, bits: 8 as const },
          ...{ label: "x", patient: null, split: null },
        }))),
    );
    const rows = Array.from(
      { length: images * readers },
      (_, i) => ({ image: `picture_${i % images}`, reader: `R${i % readers}`, label: "x" }),
    ).filter(({ image, reader }, i, all) =>
      all.findIndex((one) => one.image === image && one.reader === reader) === i
    );
    const csv = (some: typeof rows) =>
      encode(
        "image,reader,label,condition\n" + Array.from(
          { length: 40 },
          (_, k) => some.map((row) => `${row.image},${row.reader},x,under ${k}\n`).join(""),
        ).join(""),
      );
    const json = (some: typeof rows) =>
      encode(JSON.stringify({
        readings: Array.from({ length: 40 }, (_, k) => (
          some.map((row) => ({ ...row, condition: `under ${k}` }))
        )).flat(),
      }));
    for (const [form, body] of [["csv", csv], ["json", json]] as const) {
      for (const some of [rows.slice(0, 2), rows]) {
        const bytes = body(some);
        const large = bytes.length > 2 ** 17;
        assert.equal(large, some === rows);
        const options = { dataset: "d", form, mode: "replace", same: "refuse" } as const;
        const outcome = await putSentReadings(store, { ...options, bytes });
        assert.ok("report" in outcome);
        assert.equal(outcome.report.readings, 40 * some.length);
        assert.equal((await store.readings.ofDataset(dataset_id)).length, 40 * some.length);
        // Its buffer has gone to the thread.
        assert.equal(bytes.length === 0, large);
        const broken = encode(`{"readings": [${"{},".repeat(large ? 60_000 : 2)}{}]}`);
        const refused = await putSentReadings(store, { ...options, form: "json", bytes: broken });
        assert.ok("refusal" in refused && refused.refusal.status === 422);
        assert.ok(refused.refusal.errors.some(({ pointer }) => pointer === "/readings/0/image"));
      }
    }
  }));

Deno.test("more readings than one request may bring are refused with what to do", () => {
  const rows = "a,R,x\n".repeat(100_001);
  assert.match(
    refused(() => read(`image,reader,label\n${rows}`)),
    /more than 100000 readings.* by POST/,
  );
});
