import assert from "node:assert/strict";
import { clearPixels, loadPixels } from "@/lib/datasets/pixel_cache.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { withStore } from "../support/temporary.ts";
import { sizeOf } from "@/lib/images/image_size.ts";

/** A picture of one colour. */
function plain(width: number, height: number, bits: 8 | 16, ...colour: number[]) {
  const out = raster(width, height, colour.length as 1 | 3, bits);
  for (let i = 0; i < out.data.length; i++) out.data[i] = colour[i % colour.length];
  return encodePng(out);
}

Deno.test("pictures of any depth, colour and shape become one array with its statistics", () =>
  withStore(async (store) => {
    const images = [];
    for (
      const [name, png] of Object.entries({
        grey8: plain(10, 4, 8, 100),
        grey16: plain(3, 9, 16, 40_000),
        colour: plain(5, 5, 8, 200, 100, 50),
      })
    ) images.push({ dataset_id: "ds_a", name, file: (await store.files.put(png)).sha256 });

    const grey = await loadPixels(store, images, { size: sizeOf(2), channels: 1 });
    const luma = Math.round((0.299 * 200 + 0.587 * 100 + 0.114 * 50) * 257);
    assert.deepEqual([...grey.data], [
      ...new Array(4).fill(25_700),
      ...new Array(4).fill(40_000),
      ...new Array(4).fill(luma),
    ]);
    assert.deepEqual(grey.names, ["grey8", "grey16", "colour"]);
    const mean = (25_700 + 40_000 + luma) / 3;
    const variance = [25_700, 40_000, luma].reduce((sum, v) => sum + (v - mean) ** 2, 0) / 3;
    assert(Math.abs(grey.mean[0] - mean / 65535) < 1e-12);
    assert(Math.abs(grey.std[0] - Math.sqrt(variance) / 65535) < 1e-9);

    const colour = await loadPixels(store, images, { size: sizeOf(1), channels: 3 });
    assert.deepEqual([...colour.data], [
      ...[25_700, 25_700, 25_700],
      ...[40_000, 40_000, 40_000],
      ...[51_400, 25_700, 12_850],
    ]);
    assert.equal(colour.mean.length, 3);
  }));

Deno.test("a second loading comes from the cache; a torn or damaged one, or another's, is made again", () =>
  withStore(async (store) => {
    const { sha256 } = await store.files.put(plain(4, 4, 8, 9));
    const images = [{ dataset_id: "ds_a", name: "a", file: sha256 }];
    const first = await loadPixels(store, images, { size: sizeOf(4), channels: 1 });
    store.files.remove(sha256);
    assert.deepEqual(await loadPixels(store, images, { size: sizeOf(4), channels: 1 }), first);
    await assert.rejects(
      loadPixels(store, images, { size: sizeOf(3), channels: 1 }),
      { name: "Damaged" },
    );

    const folder = `${store.cache}/ds_a`;
    const [{ name }] = [...Deno.readDirSync(folder)];
    Deno.truncateSync(`${folder}/${name}`, 5);
    await store.files.put(plain(4, 4, 8, 9));
    assert.deepEqual(await loadPixels(store, images, { size: sizeOf(4), channels: 1 }), first);
    const bytes = Deno.readFileSync(`${folder}/${name}`);
    for (const at of [0, bytes.length - 1]) {
      Deno.writeFileSync(`${folder}/${name}`, bytes.with(at, bytes[at] ^ 1));
      assert.deepEqual(await loadPixels(store, images, { size: sizeOf(4), channels: 1 }), first);
      assert.deepEqual(Deno.readFileSync(`${folder}/${name}`), bytes);
    }
    const other = await store.files.put(plain(4, 4, 8, 200));
    await loadPixels(store, [{ dataset_id: "ds_b", name: "a", file: other.sha256 }], {
      size: sizeOf(4),
      channels: 1,
    });
    const [{ name: of }] = [...Deno.readDirSync(`${store.cache}/ds_b`)];
    Deno.copyFileSync(`${store.cache}/ds_b/${of}`, `${folder}/${name}`);
    assert.deepEqual(await loadPixels(store, images, { size: sizeOf(4), channels: 1 }), first);
  }));

Deno.test("a picture that does not decode is named", () =>
  withStore(async (store) => {
    const { sha256 } = await store.files.put(new TextEncoder().encode("no picture"));
    await assert.rejects(
      loadPixels(store, [{ dataset_id: "ds_a", name: "x/y", file: sha256 }], {
        size: sizeOf(4),
        channels: 1,
      }),
      (error) => error instanceof InvalidInput && /Cannot load image "x\/y"/.test(error.message),
    );
  }));

Deno.test("arrays of one data set outlive changes to others, and go with their own", () =>
  withStore(async (store) => {
    const { sha256 } = await store.files.put(plain(4, 4, 8, 9));
    const of = (dataset_id: string) => [{ dataset_id, name: "a", file: sha256 }];
    const load = (dataset_id: string) =>
      loadPixels(store, of(dataset_id), { size: sizeOf(4), channels: 1 });
    const first = await load("ds_a");
    // Another set is changed without pause while this one is loaded in new shapes.
    const changing: Promise<void>[] = [];
    const changes = setInterval(() => changing.push(clearPixels(store, "ds_b")), 0);
    try {
      for (let side = 1; side < 40; side++) {
        await loadPixels(store, of("ds_a"), { size: sizeOf(side), channels: 1 });
        await load("ds_b");
      }
    } finally {
      clearInterval(changes);
    }
    await Promise.all(changing);
    store.files.remove(sha256);
    store.files.unpin([sha256]);
    assert.deepEqual(await load("ds_a"), first);
    assert.deepEqual([...Deno.readDirSync(store.files.temporary)], []);
    await clearPixels(store, "ds_a");
    await assert.rejects(load("ds_a"), { name: "Damaged" });
  }));
