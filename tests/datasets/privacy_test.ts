import assert from "node:assert/strict";
import { importArchive } from "@/lib/datasets/archive.ts";
import { sharedTest } from "../support/shared.ts";
import { zipTo } from "../support/archives.ts";
import { withStore } from "../support/temporary.ts";

sharedTest(
  "of a DICOM file nothing but its pixels is found afterwards",
  ["data/dicom/MR_small_implicit.dcm"],
  (path) =>
    withStore(async (store) => {
      const file = Deno.readFileSync(path);
      const name = "CompressedSamples";
      assert(new TextDecoder("latin1").decode(file).includes(name));
      const zip = await zipTo(`${store.directory}/upload.zip`, { "images/a.dcm": file });
      const report = await importArchive(store, "d", zip);
      Deno.removeSync(zip);
      const [image] = await store.images.all((await store.datasets.byName("d")).id);
      assert.deepEqual(
        [image.format, image.width, image.height, image.channels, image.bits],
        ["dicom", 64, 64, 1, 16],
      );
      assert(!JSON.stringify([report, image]).includes(name));
      const folders = [store.directory];
      let files = 0;
      for (const folder of folders) {
        for (const entry of Deno.readDirSync(folder)) {
          const found = `${folder}/${entry.name}`;
          if (entry.isDirectory) folders.push(found);
          else {
            files++;
            const content = new TextDecoder("latin1").decode(Deno.readFileSync(found));
            assert(!content.includes(name), found);
          }
        }
      }
      assert(files >= 3);
    }),
);
