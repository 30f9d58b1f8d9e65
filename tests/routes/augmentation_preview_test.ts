import assert from "node:assert/strict";
import { decodeImage } from "@/lib/images/decode.ts";
import { withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

Deno.test("augmented views of an image and of a data set, as a picture", () =>
  withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 4);
    const path = "/v1/datasets/breast";
    const picture = async (query: string) => {
      const response = await server.fetch(path + query);
      assert.equal(response.status, 200, server.log());
      assert.equal(response.headers.get("content-type"), "image/png");
      return await response.bytes();
    };
    const image = "/images/P001_CC/augmented.png?size=16&count=3";
    const first = await picture(image);
    const { width, height } = await decodeImage(first);
    assert.deepEqual([width, height], [4 * 18 - 2, 16]);
    assert.deepEqual(await picture(image), first, "the same seed, the same views");
    const wide = await decodeImage(
      await picture("/images/P001_CC/augmented.png?size=16x40&count=3"),
    );
    assert.deepEqual([wide.width, wide.height], [4 * 42 - 2, 16]);
    assert.notDeepEqual(await picture(`${image}&seed=1`), first);
    const settings = encodeURIComponent(JSON.stringify({ crop: null, solarise: 1 }));
    assert.notDeepEqual(await picture(`${image}&settings=${settings}`), first);
    const all = await decodeImage(await picture("/augmented.png?size=16&images=9&preset=mammo"));
    assert.deepEqual([all.width, all.height], [7 * 18 - 2, 4 * 18 - 2], "no more than there are");

    for (
      const [query, status, pointer] of [
        ["/images/none/augmented.png", 404, undefined],
        ["/images/P001_CC/augmented.png?preset=photo", 400, undefined],
        ["/images/P001_CC/augmented.png?settings=%7B", 422, "/settings"],
        ["/images/P001_CC/augmented.png?settings=%7B%22blurr%22:1%7D", 422, "/blurr"],
        ["/images/P001_CC/augmented.png?settings=3", 422, "/settings"],
        ["/augmented.png?images=16&count=16&size=512", 422, undefined],
      ] as const
    ) {
      const response = await server.fetch(path + query);
      const problem = await response.json();
      assert.equal(response.status, status, `${query} ${JSON.stringify(problem)}`);
      assert.equal(problem.errors?.[0]?.pointer, pointer, JSON.stringify(problem));
    }
  }));
