import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import { importArchive } from "@/lib/datasets/archive.ts";
import type { Store } from "@/lib/store/mod.ts";
import { picture, zipTo } from "../support/archives.ts";
import { withStore } from "../support/temporary.ts";

/** Pictures stand for DICOM files here: what a file is, is told by its content. */
const inbreast = {
  "INbreast/AllDICOMs/20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm": picture(20, 30, 1),
  "INbreast/AllDICOMs/20586934_6c613a14b80a8591_MG_L_CC_ANON.dcm": picture(20, 30, 2),
  "INbreast/AllDICOMs/22670094_e1f51192f7bf3f5f_MG_R_ML_ANON.dcm": picture(20, 30, 3),
  "INbreast/AllDICOMs/22670147_e1f51192f7bf3f5f_MG_L_CC_ANON.dcm": picture(20, 30, 4),
  "INbreast/AllXML/20586908.xml": "<plist/>",
  "INbreast/INbreast.csv":
    "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads\n" +
    "removed;removed;R;CC;201001;20586908;4;1\nremoved;removed;L;CC;201001;20586934;4;3\n" +
    "removed;removed;R;MLO;201001;22670094;2;4c\n",
  "INbreast/gaze/fixations.csv": "image,reader,x,y,duration_ms\n" +
    "20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm,1,5,5,200\n22670094,1,6,6,100\n",
};

async function load(store: Store, files: Record<string, string | Uint8Array>) {
  const path = await zipTo(`${store.directory}/upload.zip`, files);
  const report = await importArchive(store, "d", path, { names: "keep" });
  return { report, dataset: await store.datasets.byName("d") };
}

Deno.test("INbreast is recognised as it is published", () =>
  withStore(async (store) => {
    const { report, dataset } = await load(store, inbreast);
    assert.deepEqual([report.images, report.labels, report.gaze, report.skipped], [4, 3, 2, 0]);
    assert.equal(dataset.positive_label, "malignant");
    const rows = (await store.images.all(dataset.id)).map((i) => [i.name, i.label, i.patient]);
    assert.deepEqual(rows, [
      ["20586908", "normal", "6c613a14b80a8591"],
      ["20586934", "benign", "6c613a14b80a8591"],
      ["22670094", "malignant", "e1f51192f7bf3f5f"],
      ["22670147", null, "e1f51192f7bf3f5f"],
    ]);
  }));

Deno.test("the mapping of BI-RADS is an option, and a bad category is named by its line", () =>
  withStore(async (store) => {
    const { dataset } = await load(store, {
      ...inbreast,
      "INbreast/dataset.json": '{"birads": {"3": "probably benign"}}',
    });
    assert.equal((await store.images.byName(dataset.id, "20586934")).label, "probably benign");
    assert.equal(dataset.positive_label, "malignant");
    const bad = inbreast["INbreast/INbreast.csv"].replace("4c", "high");
    await assert.rejects(
      load(store, { ...inbreast, "INbreast/INbreast.csv": bad }),
      (error) => error instanceof InvalidInput && error.problems[0].line === 4,
    );
  }));

Deno.test("the Tufts dental set is recognised as it is published", () =>
  withStore(async (store) => {
    const { report, dataset } = await load(store, {
      "Radiographs/1.JPG": picture(30, 20, 1),
      "Radiographs/2.JPG": picture(30, 20, 2),
      "Radiographs/3.JPG": picture(30, 20, 3),
      "Expert/expert.json": JSON.stringify([
        { "External ID": "1.JPG", Description: "Within normal limits", Label: { objects: [] } },
        { "External ID": "2.JPG", Label: { objects: [{ title: "Radiolucent", polygons: [] }] } },
        { "External ID": "3.JPG", Label: { objects: [{ title: "None" }] } },
      ]),
      "Expert/gaze_map/gray/1.jpg": picture(30, 20, 4),
      "Expert/gaze_map/gray/2.jpg": picture(30, 20, 5),
      "Expert/mask/1.jpg": picture(30, 20, 6),
      "Segmentation/teeth_bbox.json": "[]",
    });
    assert.deepEqual([report.images, report.labels, report.warnings], [3, 3, []]);
    assert.deepEqual([dataset.positive_label, dataset.structured], ["abnormal", true]);
    const labels = (await store.images.all(dataset.id)).map((i) => i.label);
    assert.deepEqual(labels, ["normal", "abnormal", "normal"]);
    assert.equal((await store.heatmaps.ofDataset(dataset.id)).size, 2);
  }));

Deno.test("labels.csv counts beside gaze.csv or fixations.csv, as Pupil Cloud's does not", () =>
  withStore(async (store) => {
    const gaze = "image,reader,x,y,duration_ms\na,R1,5,5,200\nb,R1,6,6,100\n";
    const pictures = { "a.png": picture(20, 30, 1), "b.png": picture(20, 30, 2) };
    const labels = "image,label,patient\na,benign,A\nb,malignant,B\n";
    for (const name of ["gaze.csv", "fixations.csv"]) {
      const { report } = await load(store, { ...pictures, "labels.csv": labels, [name]: gaze });
      assert.deepEqual([report.labels, report.gaze, report.warnings], [2, 2, []]);
    }
    const { report } = await load(store, {
      ...pictures,
      "export/gaze.csv": gaze,
      "export/labels.csv": "recording id,label name\n1,start\n",
    });
    assert.deepEqual([report.labels, report.gaze], [0, 2]);
    assert.match(report.warnings[0].message, /^Skipped: Pupil Cloud's file/);
  }));

Deno.test("a table that was not understood is told where gaze belongs", () =>
  withStore(async (store) => {
    const files = {
      "images/a.png": picture(20, 30, 1),
      "eyetracking/fixations.csv": "Image,FixationX,FixationY,Length\na,5,5,200\n",
    };
    const first = await load(store, files);
    assert.match(first.report.warnings[0].message, /nor gaze; where it is gaze, put it under gaze/);
    const second = await load(store, { ...files, "labels.csv": "image,label\na,x\n" });
    assert.match(second.report.warnings[0].message, /layout; where it is gaze, put it under gaze/);
  }));

Deno.test("beside images/ and labels.csv, gaze is taken from the top too, but not twice", () =>
  withStore(async (store) => {
    const rows = "image,reader,x,y,duration_ms\na,r1,5,5,200\nb,r1,4,4,100\n";
    const set = {
      "images/a.png": picture(20, 10, 1),
      "images/b.png": picture(20, 10, 2),
      "labels.csv": "image,label,patient\na,benign,p\nb,malignant,q\n",
      "notes.csv": "what,why\n1,2\n",
    };
    for (const name of ["gaze.csv", "fixations.csv"]) {
      const { report } = await load(store, { ...set, [name]: rows });
      assert.deepEqual([report.gaze, report.labels, report.skipped], [2, 2, 1], name);
      assert.deepEqual(report.warnings.map(({ file }) => file), ["notes.csv"]);
    }
    const { report } = await load(store, {
      ...set,
      "gaze/one.csv": "image,reader,x,y,duration_ms\na,r1,5,5,200\n",
      "fixations.csv": rows,
    });
    assert.deepEqual([report.gaze, report.skipped], [1, 2]);
  }));

Deno.test("labels.csv with name;class counts beside flat pictures, boxes do not", () =>
  withStore(async (store) => {
    const { report } = await load(store, {
      "a.png": picture(20, 10, 1),
      "b.png": picture(20, 10, 2),
      "labels.csv": "name;class\na.png;benign\nb.png;malignant\n",
      "boxes.csv": "path,x,y\na.png,1,2\n",
    });
    assert.deepEqual([report.labels, report.skipped], [2, 1]);
    assert.ok(
      report.warnings.some(({ message }) => /"name" was taken for the image/.test(message)),
    );
  }));
