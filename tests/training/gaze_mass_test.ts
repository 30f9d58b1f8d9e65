import assert from "node:assert/strict";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { newId } from "@/lib/store/mod.ts";
import { loadGazeMass } from "@/lib/training/gaze_mass.ts";
import { insertClasses } from "../support/classes.ts";
import { withStore } from "../support/temporary.ts";

Deno.test("gaze is fixations by duration, else a ready-made map, else nothing", () =>
  withStore(async (store) => {
    const { images } = await insertClasses(store, { images: 3, side: 20 });
    const fixation = (x: number, y: number, duration: number) => ({ x, y, duration, start: 0 });
    for (
      const [reader, fixations] of Object.entries({
        a: [fixation(5, 10, 0.2), fixation(30, 10, 9)],
        b: [fixation(20, 0, 0.6)],
      })
    ) {
      await store.gaze.insert({
        ...{ id: newId("gz"), image_id: images[0].id, reader, fixations, format: "csv" },
        ...{ samples_file: null, assumptions: [], dropped: 0, data_loss: 0 },
      });
    }
    const data = new Uint8Array(64 * 64);
    for (let y = 32; y < 64; y++) data.fill(200, y * 64, y * 64 + 32);
    const png = encodePng({ width: 64, height: 64, channels: 1, bits: 8, data });
    const { sha256 } = await store.files.put(png);
    await store.commitFiles([sha256], async () => {
      for (const { id } of images.slice(0, 2)) {
        await store.heatmaps.insert({ id: newId("hm"), image_id: id, reader: "", file: sha256 });
      }
    });
    const [fixated, mapped, unseen] = await loadGazeMass(store, images);
    const near = (values: Float32Array, expected: number[]) =>
      values.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-6, `${values}`));
    assert.equal(fixated!.length, 6, "what lies off the image does not count");
    near(fixated!, [0.25, 0.5, 0.25, 1, 0, 0.75]);
    assert.equal(mapped!.length, 3 * 16 * 16);
    near(mapped!.subarray(0, 3), [0.5 / 32, 16.5 / 32, 1 / 256]);
    assert.equal(unseen, undefined);
  }));
