/** Data sets as people have them: every kind as an archive of its own, and what becomes of it. */
import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import { importArchive, type ImportOptions } from "@/lib/datasets/archive.ts";
import { putImage } from "@/lib/datasets/edit.ts";
import type { Store } from "@/lib/store/mod.ts";
import { picture, zipTo } from "../support/archives.ts";
import { workbook } from "../support/workbook.ts";
import { withStore } from "../support/temporary.ts";

type Files = Record<string, string | Uint8Array>;

async function load(store: Store, files: Files, options: ImportOptions = {}) {
  const path = await zipTo(`${store.directory}/upload.zip`, files);
  const report = await importArchive(store, "d", path, { names: "keep", ...options });
  const { id } = await store.datasets.byName("d");
  const rows = (await store.images.all(id)).map((i) => [i.name, i.label, i.patient, i.split]);
  const said = report.warnings.map(({ message }) => message).join("\n");
  return { report, rows, said, id };
}

async function refusal(store: Store, files: Files, options: ImportOptions = {}): Promise<string> {
  const path = await zipTo(`${store.directory}/upload.zip`, files);
  try {
    await importArchive(store, "d", path, options);
  } catch (error) {
    assert(error instanceof InvalidInput, String((error as Error).stack));
    return [error.message, ...error.problems.map(({ message }) => message)].join("\n");
  }
  throw new Error("the archive was taken");
}

/** Small pictures, each another one. */
function pictures(...names: string[]): Files {
  return Object.fromEntries(names.map((name, i) => [name, picture(8, 6, i + 1)]));
}

Deno.test("a tree of classes, with and without splits", () =>
  withStore(async (store) => {
    const plain = await load(store, pictures("benign/1.png", "benign/2.png", "malignant/1.png"));
    assert.deepEqual(plain.rows, [
      ["benign/1", "benign", null, null],
      ["benign/2", "benign", null, null],
      ["malignant/1", "malignant", null, null],
    ]);
    assert.match(plain.said, /folders "benign", "malignant" were taken for classes/);
    assert.match(plain.said, /No patient is known/);

    const split = await load(
      store,
      pictures(
        "set/train/NORMAL/a.jpeg.png",
        "set/train/PNEUMONIA/b.png",
        "set/val/NORMAL/c.png",
        "set/test/PNEUMONIA/d.png",
        "set/test/NORMAL/d.png",
      ),
    );
    assert.deepEqual(split.rows.map(([name, ...rest]) => [String(name).slice(-3), ...rest]), [
      ["L/d", "NORMAL", null, "test"],
      ["A/d", "PNEUMONIA", null, "test"],
      ["peg", "NORMAL", null, "train"],
      ["A/b", "PNEUMONIA", null, "train"],
      ["L/c", "NORMAL", null, "validation"],
    ]);
  }));

Deno.test("folders that are persons are no classes", () =>
  withStore(async (store) => {
    const { rows } = await load(
      store,
      pictures("patient_01/a.png", "patient_01/b.png", "patient_2/a.png"),
    );
    assert.deepEqual(rows.map(([, label, patient]) => [label, patient]), [
      [null, "patient_01"],
      [null, "patient_01"],
      [null, "patient_2"],
    ]);
  }));

Deno.test("outlines beside pictures are no pictures", () =>
  withStore(async (store) => {
    const { rows, said } = await load(
      store,
      pictures(
        "benign/benign (1).png",
        "benign/benign (1)_mask.png",
        "benign/benign (1)_mask_1.png",
        "normal/normal (1).png",
        "masks/x.png",
      ),
    );
    assert.deepEqual(rows.map(([name]) => name), ["benign/benign (1)", "normal/normal (1)"]);
    assert.match(said, /an outline, no picture/);
  }));

Deno.test("OAI's knees with MicEye's log: grades are classes, a person's two knees stay together", () =>
  withStore(async (store) => {
    const { rows, report } = await load(store, {
      ...pictures("0/9001695L.png", "0/9001695R.png", "3/9002316L.png"),
      "gaze/log.csv": "D:\\oai\\0\\9001695L.png;0;[[1, 2], [3, 2], [4, 4]];[];(1, 1)\n" +
        "D:\\oai\\3\\9002316L.png;3;[[5, 2], [3, 3]];[];(1, 1)\n",
    });
    assert.deepEqual(rows, [
      ["0/9001695L", "0", "9001695", null],
      ["0/9001695R", "0", "9001695", null],
      ["3/9002316L", "3", "9002316", null],
    ]);
    assert.equal(report.gaze, 2);
  }));

Deno.test("pictures flat at the top, labels and gaze beside them", () =>
  withStore(async (store) => {
    const { rows, report } = await load(store, {
      ...pictures("my set/a.png", "my set/b.png"),
      "my set/info.csv": "Filename;Diagnosis;Patient ID;Age\na.png;benign;7;50\nb.png;N/A;nan;61\n",
      "my set/eyes.csv": "image,reader,x,y,duration_ms\na,r1,1,2,100\nb.png,r1,2,2,100\n",
      "my set/README.txt": "hello",
      "my set/boxes.csv": "image,x,y,width,height\na,1,2,3,4\n",
      "my set/.DS_Store": "x",
      "__MACOSX/my set/._a.png": "x",
      "LICENSE": "free",
    });
    assert.deepEqual(rows, [["a", "benign", "7", null], ["b", null, null, null]]);
    assert.equal(report.gaze, 2);
    const said = report.warnings.map(({ message }) => message);
    assert.ok(said.some((text) => /Column not used: "age"/.test(text)), said.join("\n"));
    assert.ok(said.some((text) => /1 of 2 images have no patient/.test(text)), said.join("\n"));
    assert.ok(said.some((text) => /Passed over: 3 files/.test(text)), said.join("\n"));
  }));

Deno.test("labels and gaze in workbooks of Excel", () =>
  withStore(async (store) => {
    const { rows, report } = await load(store, {
      ...pictures("scans/a.png", "scans/b.png"),
      "findings.xlsx": await workbook({
        notes: [["hello"]],
        labels: [["image", "label", "Patient ID"], ["a", "x", 7], ["b.png", "y", 8]],
      }),
      "eyes.xlsx": await workbook({
        gaze: [["image", "reader", "x", "y", "duration_ms"], ["a.png", "r1", 2, 3, 200]],
      }),
      "budget.xlsx": await workbook({ costs: [["item", "price"], ["chair", 5]] }),
    });
    assert.deepEqual(rows.map(([, label, patient]) => [label, patient]), [["x", "7"], ["y", "8"]]);
    assert.equal(report.gaze, 1);
    const skipped = report.warnings.filter(({ message }) => message.startsWith("Skipped"));
    assert.deepEqual(skipped.map(({ file }) => file), ["budget.xlsx"]);
    assert.match(skipped[0].message, /an Excel table in which neither labels nor gaze were found/);
  }));

Deno.test("CBIS-DDSM: the whole view, the worst of its abnormalities, persons on one side", () =>
  withStore(async (store) => {
    const head = "patient_id,breast_density,left or right breast,image view,abnormality id," +
      "abnormality type,assessment,pathology,subtlety,image file path,cropped image file path\n";
    const line = (person: string, set: string, id: number, pathology: string) =>
      `${person},3,LEFT,CC,${id},mass,4,${pathology},4,` +
      `${set}_${person}_LEFT_CC/1.3.1/1.3.${person}.${set}/000000.dcm,x\n`;
    const csv = {
      "csv/mass_case_description_train_set.csv": head +
        line("P_00001", "Mass-Training", 1, "BENIGN_WITHOUT_CALLBACK") +
        line("P_00001", "Mass-Training", 2, "MALIGNANT") +
        line("P_00003", "Mass-Training", 1, "BENIGN"),
      "csv/calc_case_description_test_set.csv": head +
        line("P_00002", "Calc-Test", 1, "BENIGN") + line("P_00003", "Calc-Test", 1, "BENIGN"),
    };
    const tcia = await load(store, {
      ...csv,
      ...pictures(
        "CBIS/Mass-Training_P_00001_LEFT_CC/1.3.1/1.3.2/1-1.png",
        "CBIS/Mass-Training_P_00001_LEFT_CC_1/1.3.1/1.3.3/1-1.png",
        "CBIS/Mass-Training_P_00003_LEFT_CC/1.3.1/1.3.2/1-1.png",
        "CBIS/Calc-Test_P_00002_LEFT_CC/1.3.1/1.3.4/1-1.png",
        "CBIS/Calc-Test_P_00003_LEFT_CC/1.3.1/1.3.4/1-1.png",
      ),
    });
    const expected = [
      ["Calc-Test_P_00002_LEFT_CC", "benign", "P_00002", "test"],
      ["Calc-Test_P_00003_LEFT_CC", "benign", "P_00003", null],
      ["Mass-Training_P_00001_LEFT_CC", "malignant", "P_00001", "train"],
      ["Mass-Training_P_00003_LEFT_CC", "benign", "P_00003", null],
    ];
    assert.deepEqual(tcia.rows, expected);
    assert.match(tcia.said, /1 patients? stands? on both sides/);
    const kaggle = await load(store, {
      ...csv,
      ...pictures(
        "jpeg/1.3.P_00001.Mass-Training/1-007.png",
        "jpeg/1.3.P_00003.Mass-Training/1-007.png",
        "jpeg/1.3.P_00002.Calc-Test/1-007.png",
        "jpeg/1.3.P_00003.Calc-Test/1-007.png",
        "jpeg/1.3.crop/1-007.png",
      ),
    });
    assert.deepEqual(kaggle.rows, expected);
  }));

Deno.test("RSNA's tables: several rows of one picture, and the patient that is a picture", () =>
  withStore(async (store) => {
    const { rows, said } = await load(store, {
      ...pictures("stage_2_train_images/a1.png", "stage_2_train_images/b2.png"),
      "stage_2_train_labels.csv":
        "patientId,x,y,width,height,Target\na1,1,2,3,4,1\na1,5,2,3,4,1\nb2,,,,,0\n",
      "stage_2_detailed_class_info.csv":
        "patientId,class\na1,Lung Opacity\na1,Lung Opacity\nb2,Normal\n",
    });
    assert.deepEqual(rows.map(([, label, patient]) => [label, patient]), [["1", null], [
      "0",
      null,
    ]]);
    assert.match(said, /"patientid" was taken for the image.*stand in training and test at once/);
    assert.match(said, /The column "class" is not used: "target"/);
  }));

Deno.test("VinDr's tables: rows of findings by several readers", () =>
  withStore(async (store) => {
    const { rows, said } = await load(store, {
      ...pictures("train/a.png", "train/b.png", "test/c.png"),
      "train.csv": "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n" +
        "a,Cardiomegaly,3,R1,1,1,2,2\na,Aortic enlargement,0,R2,1,1,2,2\n" +
        "b,No finding,14,R1,,,,\nb,No finding,14,R2,,,,\n",
    });
    assert.deepEqual(rows.map(([name, label, , split]) => [name, label, split]), [
      ["test/c", null, null],
      ["train/a", "finding", null],
      ["train/b", "No finding", null],
    ]);
    assert.match(said, /1 image has rows of several classes/);
    assert.match(said, /split was not taken/);
  }));

Deno.test("EGD-CXR and REFLACX with pictures of MIMIC-CXR", () =>
  withStore(async (store) => {
    const egd = await load(store, {
      ...pictures("files/p10/p1/s1/aa-1.png", "files/p10/p1/s2/bb-2.png"),
      ...pictures("audio_segmentation_transcripts/aa-1/left_lung.png"),
      "master_sheet.csv": "patient_id,dicom_id,path,Normal,CHF,pneumonia\n" +
        "1,aa-1,files/x.dcm,1,0,0\n1,bb-2,files/y.dcm,0,0,1\n9,cc-3,files/z.dcm,0,1,0\n",
      "fixations.csv": "DICOM_ID,FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV,X_ORIGINAL,Y_ORIGINAL\n" +
        "aa-1,0.5,0.5,0,0.2,1,1,3,3\n",
    });
    assert.deepEqual(egd.rows, [["aa-1", "normal", "1", null], ["bb-2", "pneumonia", "1", null]]);
    assert.equal(egd.report.gaze, 1);
    assert.match(egd.said, /1 rows are of pictures that are not in the archive/);

    const fixations = "timestamp_start_fixation,timestamp_end_fixation,average_x_position," +
      "average_y_position\n0.1,0.4,3,3\n";
    const reflacx = await load(store, {
      ...pictures("mimic/aa-1.png", "mimic/bb-2.png"),
      "main_data/metadata_phase_2.csv": "id,split,eye_tracking_data_discarded,image,dicom_id," +
        "subject_id,Consolidation\nP2R1,train,False,x/aa-1.dcm,aa-1,77,3\n" +
        "P2R2,validate,False,x/bb-2.dcm,bb-2,78,0\nP2R3,train,True,x/aa-1.dcm,aa-1,77,0\n",
      "main_data/P2R1/fixations.csv": fixations,
      "main_data/P2R2/fixations.csv": fixations,
      "main_data/P2R3/fixations.csv": fixations,
      "main_data/P2R1/chest_bounding_box.csv": "xmin\n1\n",
    });
    assert.deepEqual(reflacx.rows, [
      ["aa-1", null, "77", "train"],
      ["bb-2", null, "78", "validation"],
    ]);
    assert.equal(reflacx.report.gaze, 2);
    assert.match(reflacx.said, /gaze of 1 files that the metadata call discarded/);
  }));

Deno.test("EGD-CXR with classes in dataset.json is multi-label, by these columns of its sheet", () =>
  withStore(async (store) => {
    const files = {
      ...pictures("files/aa-1.png", "files/bb-2.png"),
      "master_sheet.csv": "patient_id,dicom_id,path,Normal,CHF,pneumonia,edema__chx\n" +
        "1,aa-1,files/x.dcm,0,1,1,-1\n1,bb-2,files/y.dcm,1,0,0,\n",
      "fixations.csv": "DICOM_ID,FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV,X_ORIGINAL,Y_ORIGINAL\n" +
        "aa-1,0.5,0.5,0,0.2,1,1,3,3\n",
    };
    const named = (...classes: string[]) => ({
      ...files,
      "dataset.json": JSON.stringify({ classes }),
    });
    const { rows } = await load(store, named("CHF", "pneumonia", "edema__chx"));
    assert.deepEqual(rows, [["aa-1", null, "1", null], ["bb-2", null, "1", null]]);
    const [{ id, meta }] = (await store.datasets.list()).data;
    assert.deepEqual(meta.classes, ["CHF", "pneumonia", "edema__chx"]);
    assert.deepEqual((await store.images.all(id)).map(({ findings }) => findings), [
      { CHF: 1, pneumonia: 1 },
      { CHF: 0, pneumonia: 0 },
    ]);
    await assert.rejects(load(store, named("CHF", "mass")), (error) => {
      assert.match(JSON.stringify(error), /Cannot find the columns .*mass.*there are .*patient_id/);
      return true;
    });
  }));

Deno.test("INbreast two folders deep with the Excel table only: no labels, and what to do", () =>
  withStore(async (store) => {
    const top = "INbreast Release 1.0/INbreast Release 1.0";
    const { rows, said } = await load(store, {
      ...pictures(`${top}/AllDICOMs/20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm`),
      [`${top}/INbreast.xls`]: new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]),
      [`${top}/README.txt`]: "x",
    });
    assert.deepEqual(rows, [["20586908", null, "6c613a14b80a8591", null]]);
    assert.match(said, /No image has a label: .*save it as CSV under the name INbreast\.csv/);
  }));

Deno.test("a patient's column by any of its names; a column that only looks like one is called out", () =>
  withStore(async (store) => {
    const images = pictures("images/a.png", "images/b.png");
    for (
      const header of ["patient_id", "Patient ID", "PatientID", "subject", "Subject-Id", "case"]
    ) {
      const { rows } = await load(store, {
        ...images,
        "labels.csv": `image,label,${header}\na,x,7\nb,y,7\n`,
      });
      assert.deepEqual(rows.map(([, , patient]) => patient), ["7", "7"], header);
    }
    const study = await load(store, {
      ...images,
      "labels.csv": "image,label,study_id\na,x,1\nb,y,2\n",
    });
    assert.match(study.said, /"study_id" was taken for the patient: where one person has several/);
    const odd = await load(store, {
      ...images,
      "labels.csv": "image,label,pat_mrn\na,x,1\nb,y,1\n",
    });
    assert.match(odd.said, /"pat_mrn" looks like a patient's and is not understood/);
    const none = await load(store, {
      ...images,
      "labels.csv": "image,label,patient\na,NaN,N/A\nb,x,removed\n",
    });
    assert.deepEqual(none.rows, [["a", null, null, null], ["b", "x", null, null]]);
  }));

Deno.test("a row that names another folder's picture labels nothing", () =>
  withStore(async (store) => {
    const { rows, said } = await load(store, {
      ...pictures("images/malignant/1.png", "images/2.png", "images/3.png"),
      "labels.csv": "image,label,patient\nbenign/1.png,benign,p\nother/2.png,benign,p\n" +
        "images/3.png,benign,p\n",
    });
    assert.deepEqual(rows, [
      ["2", null, null, null],
      ["3", "benign", "p", null],
      ["malignant/1", null, null, null],
    ]);
    assert.match(said, /there is no image "benign\/1.png"/);
  }));

Deno.test("an archive without pictures: what was found, and the smallest that works", () =>
  withStore(async (store) => {
    const message = await refusal(store, {
      "scans/a.npy": "x",
      "scans/b.npy": "x",
      "notes.txt": "x",
    });
    assert.match(
      message,
      /2 \.npy, 1 \.txt, for instance "scans\/a\.npy".*smallest archive that works/,
    );
  }));

Deno.test("several archives into one set, and sets that begin with one picture", () =>
  withStore(async (store) => {
    await putImage(store, "d", "a.png", picture(8, 6, 1), { names: "keep" });
    const add = { mode: "add" } as const;
    const second = await load(store, {
      ...pictures("images/b.png"),
      "labels.csv": "image,label,patient\na,x,1\nb,y,2\n",
      "gaze/g.csv": "image,reader,x,y,duration_ms\na,r1,1,1,100\nb,r1,1,1,100\n",
    }, add);
    assert.deepEqual(second.rows, [["a", "x", "1", null], ["b", "y", "2", null]]);
    const digest = await store.datasets.digestOf(await store.datasets.byName("d"));
    assert.equal(second.report.digest, digest);
    assert.equal(await store.gaze.countOf(second.id), 2);

    const again = {
      ...pictures("images/b.png"),
      "labels.csv": "image,label,patient\na,z,1\nb,y,2\n",
    };
    assert.match(await refusal(store, again, add), /Cannot add "b": the data set has it/);
    assert.match(
      await refusal(store, { "labels.csv": "image,label\na,z\n" }, add),
      /the label "z": the data set has "x"/,
    );
    const gaze = { "gaze/g.csv": "image,reader,x,y,duration_ms\na,r1,1,1,100\n" };
    assert.match(await refusal(store, gaze, add), /Cannot add gaze on "a" of reader "r1"/);
    assert.equal(await store.datasets.digestOf(await store.datasets.byName("d")), digest);
    const third = await load(store, again, { ...add, same: "replace" });
    assert.deepEqual(third.rows, [["a", "z", "1", null], ["b", "y", "2", null]]);

    // Added piece by piece or sent at once: the same.
    await importArchive(
      store,
      "whole",
      await zipTo(`${store.directory}/whole.zip`, {
        "images/a.png": picture(8, 6, 1),
        ...pictures("images/b.png"),
        "labels.csv": "image,label,patient\na,z,1\nb,y,2\n",
        "gaze/g.csv": "image,reader,x,y,duration_ms\na,r1,1,1,100\n",
      }),
      { names: "keep" },
    );
    assert.equal(
      third.report.digest,
      await store.datasets.digestOf(await store.datasets.byName("whole")),
    );
    assert.equal((await store.reports.ofDataset(third.id)).length, 2);
  }));
