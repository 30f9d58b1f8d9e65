import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { readFolder } from "@/lib/demo/folder.ts";
import { zipSet } from "@/lib/demo/archive.ts";
import { sharedTest } from "../support/shared.ts";

/** Four pictures, two levels down; a and b are read widely, c and d closely. */
function makeFolder(t: { labels?: string }): string {
  const folder = Deno.makeTempDirSync();
  mkdirSync(`${folder}/pictures/set`, { recursive: true });
  for (const name of ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "unseen.jpg"]) {
    writeFileSync(`${folder}/pictures/set/${name}`, name);
  }
  const rows = ["a", "b", "c", "d"].flatMap((id, index) =>
    [0, 1, 2].map((step) =>
      `${id}.jpg,s1,${step * (index < 2 ? 100 : 5)},10,${200 + index},${index % 2 ? "odd" : "even"}`
    )
  );
  writeFileSync(
    `${folder}/fixations.csv`,
    ["image,subject,x_px,y_px,duration_ms,kind", ...rows].join("\n"),
  );
  if (t.labels) writeFileSync(`${folder}/labels.csv`, t.labels);
  return folder;
}

const labelsOf = (set: ReturnType<typeof readFolder>) =>
  Object.fromEntries(set.images.map((image) => [image.name, image.label]));

function inFolder(labels: string | undefined, check: (folder: string) => void): void {
  const folder = makeFolder({ labels });
  try {
    check(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("without labels, the spread of gaze makes them", () => {
  inFolder(undefined, (folder) => {
    const set = readFolder(folder);
    assert.deepEqual(labelsOf(set), {
      "a.jpg": "scattered",
      "b.jpg": "scattered",
      "c.jpg": "concentrated",
      "d.jpg": "concentrated",
    });
    assert.match(set.gaze[0].text, /^image,subject,x_px/);
  });
});

Deno.test("a text column of fixations.csv is a label", () => {
  inFolder(undefined, (folder) => {
    const set = readFolder(folder, { label: "kind" });
    assert.deepEqual(Object.values(labelsOf(set)), ["even", "odd", "even", "odd"]);
  });
});

Deno.test("labels.csv comes before fixations.csv, with patients", () => {
  const labels = "image,label,patient\na,x,p1\nb,y,p1\nc.jpg,x,p2\nd,x,p3\n";
  inFolder(labels, (folder) => {
    const set = readFolder(folder);
    assert.deepEqual(Object.values(labelsOf(set)), ["x", "y", "x", "x"]);
    assert.deepEqual(set.images.map((image) => image.patient), ["p1", "p1", "p2", "p3"]);
    assert.equal(set.positiveLabel, "y");
  });
});

Deno.test("what is missing is named", () => {
  inFolder(undefined, (folder) => {
    assert.throws(() => readFolder(folder, { label: "grade" }), /Cannot label by "grade": the col/);
    assert.throws(() => readFolder(folder, { label: "subject" }), /it makes 1 classes/);
    assert.throws(() => readFolder(`${folder}/pictures`), /it has no fixations.csv/);
  });
});

sharedTest("real gaze: 50 photographs, a numeric column is split at its median", [
  "data/osie/fixations.csv",
], async () => {
  const folder = new URL("../../../shared/data/osie", import.meta.url).pathname;
  const set = readFolder(folder, { label: "duration_ms" });
  const counts = Map.groupBy(set.images, (image) => image.label);
  assert.equal(set.images.length, 50);
  assert.equal(counts.get("low")!.length, 25);
  assert.equal(counts.get("high")!.length, 25);
  assert.ok((await zipSet(set)).length > 1_000_000);
});

Deno.test("a folder that is not there is called so, one without gaze lacks its file", () => {
  const empty = Deno.makeTempDirSync();
  try {
    assert.throws(() => readFolder(`${empty}/none`), /none: there is no such folder/);
    assert.throws(() => readFolder(empty), /it has no fixations.csv/);
  } finally {
    Deno.removeSync(empty);
  }
});
