/** A full disk, on a small file system of its own: what is read, written, deleted and trained meanwhile. */
import assert from "node:assert/strict";
import { trainedNumbers } from "../support/jobs.ts";
import { startServer, until } from "../support/server.ts";
import { fill, mountSmallDisk, unmountSmallDisk } from "../support/small_disk.ts";
import { upload } from "../support/small_set.ts";

const training = {
  kind: "pretrain",
  dataset: "breast",
  method: "byol",
  arm: "none",
  width: 8,
  image_size: 32,
  epochs: 12,
  batch_size: 12,
  seed: 1,
};

Deno.test("a full disk: reads answer, deletes make room, a start works, and training goes on by itself", async () => {
  const data = mountSmallDisk(192);
  if (!data) {
    console.log("skipped: mounting a small file system needs root");
    return;
  }
  let server = await startServer({ data });
  try {
    await server.ready();
    await upload(server, "breast", 24);
    await upload(server, "other", 6);
    const first = await server.json<{ id: string }>("POST", "/v1/jobs", training);
    const expected = await trainedNumbers(server, first.id, 60_000);
    const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", {
      ...training,
      name: "again",
    });
    fill(`${data}/filler`);
    await until(() => /disk is full: jobs wait/.test(server.log()), 30_000, server.log);
    const { worker } = server.children();

    assert.equal((await server.json<{ id: string }>("GET", `/v1/jobs/${id}`)).id, id);
    await server.json("GET", "/v1/datasets/breast/images");
    const picture = await server.fetch("/v1/datasets/breast/images/P001_CC/image.png");
    assert.equal(picture.status, 200);
    const again = { method: "PUT", body: await picture.bytes() };
    const put = await server.fetch("/v1/datasets/other/images/new", again);
    await put.body?.cancel();
    assert.equal(put.status, 507);
    const removed = await server.fetch("/v1/datasets/other", { method: "DELETE" });
    assert.equal(removed.status, 204, await removed.text());
    assert.equal(server.children().worker, worker, "the worker was started anew");

    // What was freed is used up again; a start must do with the reserve.
    fill(`${data}/filler2`);
    await server.stop();
    server = await startServer({ data });
    await server.json("GET", "/v1/datasets/breast");
    await until(() => /disk is full: jobs wait|GPU:/.test(server.log()), 30_000, server.log);

    for (const name of ["filler", "filler2"]) Deno.removeSync(`${data}/${name}`);
    assert.deepEqual(await trainedNumbers(server, id, 60_000), expected);
  } finally {
    await server.stop();
    unmountSmallDisk(data);
  }
});
