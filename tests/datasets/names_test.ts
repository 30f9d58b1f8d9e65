/** Tables whose names are none, or several, of the set's images: told at once, and by what the set calls them. */
import assert from "node:assert/strict";
import { importArchive } from "@/lib/datasets/archive.ts";
import { putGaze } from "@/lib/datasets/gaze_file.ts";
import type { Store } from "@/lib/store/mod.ts";
import { picture, zipTo } from "../support/archives.ts";
import { withStore } from "../support/temporary.ts";

async function load(store: Store, files: Record<string, string | Uint8Array>) {
  const path = await zipTo(`${store.directory}/upload.zip`, files);
  return await importArchive(store, "d", path);
}

const cases = Object.fromEntries(
  [0, 1, 2, 3, 4].map((i) => [`images/case0${i}.png`, picture(20, 10, i)]),
);
const gaze = (names: string[]) =>
  "image,reader,x,y,duration_ms\n" + names.map((name) => `${name},r,5,5,200\n`).join("");

Deno.test("labels and gaze that name no image of the set: one warning says so first", () =>
  withStore(async (store) => {
    const report = await load(store, {
      ...cases,
      "labels.csv": "image,label,patient\nimg_0.png,a,p\nimg_1.png,b,q\n",
      "gaze/g.csv": gaze(["img_0.png", "img_1.png", "img_1.png"]),
    });
    assert.deepEqual([report.labels, report.gaze], [0, 0]);
    const called = 'its images are called "case00", "case01", "case02", "case03", ...; ' +
      'the file says "img_0.png", "img_1.png"';
    assert.deepEqual(report.warnings.slice(0, 2), [
      {
        file: "gaze/g.csv",
        message: `None of the 2 images that gaze/g.csv names is in the set: ${called}`,
      },
      {
        file: "labels.csv",
        message: `None of the 2 images that labels.csv names is in the set: ${called}`,
      },
    ]);
    assert.ok(report.warning_kinds.some(({ kind, count }) => /no image/.test(kind) && count === 2));
    const bytes = new TextEncoder().encode(gaze(["img_0.png"]));
    const put = await putGaze(store, "d", bytes, { file: "g.csv" });
    assert.match(put.warnings[0].message, /^The one image that g.csv names is not in the set/);
    const some = await load(store, {
      ...cases,
      "labels.csv": "image,label,patient\nimg_0.png,a,p\ncase01.png,b,q\n",
      "gaze/g.csv": gaze(["img_0.png", "case01"]),
    });
    assert.ok(some.warnings.every(({ message }) => !/in the set/.test(message)));
  }));

Deno.test("a name that two folders have: the candidates are named", () =>
  withStore(async (store) => {
    const files = {
      "benign/1.png": picture(20, 10, 1),
      "malignant/1.png": picture(20, 10, 2),
      "malignant/2.png": picture(20, 10, 3),
    };
    const bytes = gaze(["1.png", "malignant/2.png", "3"]);
    const report = await load(store, { ...files, "gaze.csv": bytes });
    const said = report.warnings.map(({ message }) => message);
    const ambiguous = 'image "1.png" may mean "benign/1", "malignant/1": name its folder too; ' +
      "1 row left out";
    assert.ok(said.includes(ambiguous), said.join("\n"));
    assert.ok(said.includes('image "3" is not in the data set: 1 row left out'));
    const put = await putGaze(store, "d", new TextEncoder().encode(bytes), { file: "g.csv" });
    assert.ok(put.warnings.some(({ message }) => message === ambiguous));
    const labelled = await load(store, {
      "images/left/1.png": files["benign/1.png"],
      "images/right/1.png": files["malignant/1.png"],
      "labels.csv": "image,label,patient\n1,a,p\nleft/1,a,p\n",
    });
    const row = labelled.warnings.find(({ line }) => line === 2);
    assert.equal(row?.message, 'Skipped: "1" may mean "left/1", "right/1": name its folder too');
  }));
