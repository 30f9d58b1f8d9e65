/** Kept pictures: made once, also by requests at one time; the oldest go first. */
import assert from "node:assert/strict";
import { PictureCache, pictureKey } from "@/lib/datasets/picture_cache.ts";

Deno.test("a picture is made once, and the least recently used go when there are too many", async () => {
  const cache = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  const place = { cache, temporaryPath: () => `${cache}/${crypto.randomUUID()}` };
  let made = 0;
  const make = async (bytes: number) => {
    made++;
    await Promise.resolve();
    return new Uint8Array(bytes).fill(made);
  };
  try {
    const pictures = new PictureCache(1000);
    const get = (key: string, bytes = 300) =>
      pictures.get(place, { dataset_id: "dat_1", key }, () => make(bytes));
    const [a, b] = await Promise.all([get("a"), get("a")]);
    assert.deepEqual([made, a, b], [1, await get("a"), a]);
    const age = (key: string, seconds: number) => {
      const time = new Date(Date.now() - seconds * 1000);
      Deno.utimeSync(`${cache}/dat_1/pictures/${key}.png`, time, time);
    };
    await get("b");
    await get("c");
    ["a", "b", "c"].forEach((key, i) => age(key, 100 - i));
    // A use makes it young.
    await get("a");
    await get("d");
    const kept = [...Deno.readDirSync(`${cache}/dat_1/pictures`)].map(({ name }) => name).sort();
    assert.deepEqual(kept, ["a.png", "d.png"]);
    const large = await get("large", 2000);
    assert.deepEqual([large.length, made], [2000, 5]);
    await get("large", 2000);
    assert.equal(made, 6);
    assert.deepEqual([...Deno.readDirSync(cache)].map(({ name }) => name), ["dat_1"]);
  } finally {
    Deno.removeSync(cache, { recursive: true });
  }
});

Deno.test("a picture that is damaged, another one's, or kept by an earlier version, is made again", async () => {
  const cache = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  try {
    const pictures = new PictureCache();
    const path = `${cache}/dat_1/pictures/a.png`;
    const place = { cache, temporaryPath: () => `${cache}/${crypto.randomUUID()}` };
    const made = Uint8Array.from({ length: 500 }, (_, i) => i);
    let times = 0;
    const get = () =>
      pictures.get(place, { dataset_id: "dat_1", key: "a" }, () => {
        times++;
        return Promise.resolve(made);
      });
    assert.deepEqual([await get(), await get(), times], [made, made, 1]);
    const good = Deno.readFileSync(path);
    await pictures.get(
      place,
      { dataset_id: "dat_1", key: "b" },
      () => Promise.resolve(made.with(0, 9)),
    );
    const harms = [
      Deno.readFileSync(path.replace("a.png", "b.png")),
      good.with(100, 7),
      good.with(510, 7),
      good.subarray(0, 300),
      made,
      good.slice(0, 9),
    ];
    for (const [i, harmed] of harms.entries()) {
      Deno.writeFileSync(path, harmed);
      assert.deepEqual([await get(), await get(), times], [made, made, i + 2]);
    }
    assert.deepEqual(Deno.readFileSync(path), good);
  } finally {
    Deno.removeSync(cache, { recursive: true });
  }
});

Deno.test("pictures of other things have other keys", () => {
  assert.equal(pictureKey({ file: "a", size: 1 }), pictureKey({ file: "a", size: 1 }));
  assert.notEqual(pictureKey({ file: "a", size: 1 }), pictureKey({ file: "a", size: 2 }));
});
