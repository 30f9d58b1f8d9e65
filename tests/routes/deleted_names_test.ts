/** Names that were deleted or replaced are in no file of the data directory soon after. */
import assert from "node:assert/strict";
import { writeZip } from "@/lib/datasets/zip_writer.ts";
import { filesBelow } from "@/lib/operations/data_files.ts";
import { type TestServer, until, withServer } from "../support/server.ts";

/** A data set of some images, all of whose names hold the word. */
async function archive(word: string): Promise<Uint8Array<ArrayBuffer>> {
  const text = (value: string) => new TextEncoder().encode(value);
  const ids = Array.from({ length: 40 }, (_, i) => `${word}_image_${i}`);
  const files = [
    ...ids.map((id, i) => ({ name: `images/${id}.pgm`, data: text(`P2\n1 1\n255\n${i}\n`) })),
    {
      name: "labels.csv",
      data: text(`image,label,patient\n${ids.map((id) => `${id},x,${word}^patient\n`).join("")}`),
    },
  ];
  return await new Response(ReadableStream.from(writeZip(ReadableStream.from(files)))).bytes();
}

/** Files of the data directory that hold the word. */
async function holding(server: TestServer, word: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of await filesBelow(server.data)) {
    const bytes = await Deno.readFile(`${server.data}/${path}`).catch(() => new Uint8Array());
    if (new TextDecoder("latin1").decode(bytes).includes(word)) found.push(path);
  }
  return found;
}

Deno.test("after DELETE and after a replacement no file holds the names, also while others read", async () => {
  await withServer(async (server) => {
    await server.ready();
    const put = async (name: string, word: string) => {
      const body = await archive(word);
      const response = await server.fetch(`/v1/datasets/${name}`, { method: "PUT", body });
      assert.equal(response.status, 201, await response.text());
    };
    let reading = true;
    const readers = [1, 2].map(async () => {
      while (reading) {
        await (await server.fetch("/v1/datasets?limit=1000")).body?.cancel();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    const goneWithin = async (word: string) => {
      let left: string[] = [];
      await until(
        async () => (left = await holding(server, word)).length === 0,
        5_000,
        () => left.join(),
      );
    };
    try {
      await put("one", "Zebedee");
      await put("two", "Yolanda");
      assert.notDeepEqual(await holding(server, "Zebedee"), [], "the test finds what is there");
      const deleted = await server.fetch("/v1/datasets/one", { method: "DELETE" });
      assert.equal(deleted.status, 204);
      await goneWithin("Zebedee");
      await put("two", "Xanthippe");
      await goneWithin("Yolanda");
      assert.notDeepEqual(await holding(server, "Xanthippe"), []);
    } finally {
      reading = false;
      await Promise.all(readers);
    }
  });
});
