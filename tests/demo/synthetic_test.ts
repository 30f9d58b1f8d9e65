import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DEFAULTS, synthesize, writeSynthetic } from "@/lib/demo/synthetic.ts";
import { unzip } from "../support/archives.ts";

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

interface Fixation {
  image: string;
  reader: string;
  x: number;
  y: number;
  start_ms: number;
  duration_ms: number;
}

function fixationsOf(csv: string): Fixation[] {
  const [, ...rows] = csv.trim().split("\n");
  return rows.map((row) => {
    const [image, reader, ...numbers] = row.split(",");
    const [x, y, start_ms, duration_ms] = numbers.map(Number);
    return { image, reader, x, y, start_ms, duration_ms };
  });
}

/** Per image: root mean square distance of its fixations from their centre. */
function spreads(set: ReturnType<typeof synthesize>): Map<string, number> {
  const groups = Map.groupBy(fixationsOf(set.gaze[0].text), (one) => one.image);
  return new Map([...groups].map(([image, path]) => {
    const mean = (axis: "x" | "y") => path.reduce((sum, one) => sum + one[axis], 0) / path.length;
    const [x, y] = [mean("x"), mean("y")];
    const squares = path.reduce((sum, one) => sum + (one.x - x) ** 2 + (one.y - y) ** 2, 0);
    return [image, Math.sqrt(squares / path.length)];
  }));
}

/** Share of (malignant, benign) pairs in which the malignant one is read more concentrated. */
function gazeAuc(set: ReturnType<typeof synthesize>): number {
  const spread = spreads(set);
  const of = (label: string) =>
    set.images.filter((image) => image.label === label)
      .map((image) => spread.get(image.name.replace(".png", ""))!);
  const [malignant, benign] = [of("malignant"), of("benign")];
  const wins = malignant.flatMap((a) => benign.map((b) => Number(a < b)));
  return wins.reduce((sum, win) => sum + win, 0) / wins.length;
}

Deno.test("the same seed gives the same bytes, another seed others", async () => {
  const options = { images: 8, size: 24 };
  assert.equal(digest(await writeSynthetic(options)), digest(await writeSynthetic(options)));
  assert.notEqual(
    digest(await writeSynthetic(options)),
    digest(await writeSynthetic({ ...options, seed: 2 })),
  );
});

Deno.test("the archive has the published layout", async () => {
  const files = await unzip(await writeSynthetic({ images: 6, size: 20 }));
  const textOf = (name: string) => new TextDecoder().decode(files.get(name));
  const names = [...files.keys()].sort();
  assert.deepEqual(names.filter((name) => name.startsWith("images/")), [
    "images/P001_CC.png",
    "images/P001_MLO.png",
    "images/P002_CC.png",
    "images/P002_MLO.png",
    "images/P003_CC.png",
    "images/P003_MLO.png",
  ]);
  const labels = textOf("labels.csv");
  assert.match(labels, /^image,label,patient\nP001_CC,(benign|malignant),P1\n/);
  const gaze = textOf("gaze/fixations.csv");
  assert.match(gaze, /^image,reader,x,y,start_ms,duration_ms\nP001_CC,R1,/);
  assert.deepEqual(JSON.parse(textOf("dataset.json")), {
    structured: false,
    positive_label: "malignant",
  });
});

Deno.test("the asked share is malignant, and both views of a patient share the label", () => {
  const { images } = synthesize({ images: 40, size: 16, malignant: 0.25 });
  assert.equal(images.filter((image) => image.label === "malignant").length, 10);
  for (const views of Map.groupBy(images, (image) => image.patient).values()) {
    assert.equal(new Set(views.map((view) => view.label)).size, 1);
  }
});

Deno.test("fixations lie on the image, follow each other in time, and every reader read every image", () => {
  const set = synthesize({ images: 20, size: 40, readers: 3 });
  const paths = Map.groupBy(
    fixationsOf(set.gaze[0].text),
    (one) => `${one.image} ${one.reader}`,
  );
  assert.equal(paths.size, 60);
  for (const path of paths.values()) {
    assert.ok(path.length >= 7);
    path.forEach((one, index) => {
      assert.ok(one.x >= 0 && one.x < 40 && one.y >= 0 && one.y < 50, JSON.stringify(one));
      assert.ok(one.duration_ms >= 60);
      const before = path[index - 1];
      if (before) assert.ok(one.start_ms >= before.start_ms + before.duration_ms);
    });
  }
});

Deno.test("gaze tells the label, not perfectly; the control's gaze does not", () => {
  const large = { images: 400, size: 32 };
  const informed = gazeAuc(synthesize(large));
  assert.ok(informed > 0.85 && informed < 0.999, `AUC ${informed}`);
  const control = gazeAuc(synthesize({ ...large, control: true }));
  assert.ok(Math.abs(control - 0.5) < 0.1, `AUC ${control}`);
});

Deno.test("gaze changes neither pictures nor labels", () => {
  const options = { images: 6, size: 24 };
  const [plain, control] = [synthesize(options), synthesize({ ...options, control: true })];
  assert.deepEqual(plain.images, control.images);
  assert.notEqual(plain.gaze[0].text, control.gaze[0].text);
});

Deno.test("options out of range are refused by name", () => {
  assert.throws(() => synthesize({ images: 3 }), /Cannot make the set: images is 3/);
  assert.throws(() => synthesize({ visibility: 1.5 }), /visibility is 1.5/);
  assert.throws(() => synthesize({ size: DEFAULTS.size + 0.5 }), /size/);
});

Deno.test("numbers that make no set are refused with what is allowed", () => {
  assert.throws(() => synthesize({ seed: NaN }), /seed is NaN, 0 to 4294967295 allowed/);
  assert.throws(() => synthesize({ images: 2 }), /images is 2, 4 to 20000 allowed/);
});
