/** A full disk, on a small file system of its own: what is read, written, deleted and trained meanwhile. */
import assert from "node:assert/strict";
import { startServer, type TestServer, until } from "../support/server.ts";
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

interface Job {
  id: string;
  state: string;
  error: string | null;
  result: { model: string } | null;
}

/** A tmpfs of so many MiB; undefined where this user may not mount one. */
function mounted(mebibytes: number): string | undefined {
  const directory = Deno.makeTempDirSync({ prefix: "mcgip_full_" });
  const { success } = new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", directory],
    stderr: "null",
  }).outputSync();
  if (success) return directory;
  Deno.removeSync(directory);
}

/** Writes until nothing more fits. */
function fill(path: string): void {
  const file = Deno.openSync(path, { write: true, create: true });
  try {
    for (let size = 2 ** 20; size >= 1; size >>= 1) {
      const chunk = new Uint8Array(size);
      try {
        while (true) file.writeSync(chunk);
      } catch { /* no more of this size */ }
    }
  } finally {
    file.close();
  }
}

async function weights(server: TestServer, id: string): Promise<Uint8Array> {
  let job!: Job;
  await until(
    async () => {
      job = await server.json<Job>("GET", `/v1/jobs/${id}`);
      assert.notEqual(job.state, "failed", job.error ?? "");
      return job.state === "succeeded";
    },
    60_000,
    () => JSON.stringify(job) + server.log(),
  );
  return await (await server.fetch(`/v1/models/${job.result!.model}/weights`)).bytes();
}

const numbers = (bytes: Uint8Array) =>
  bytes.subarray(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)));

Deno.test("a full disk: reads answer, deletes make room, a start works, and training goes on by itself", async () => {
  const data = mounted(192);
  if (!data) {
    console.log("skipped: mounting a small file system needs root");
    return;
  }
  let server = await startServer({ data });
  try {
    await server.ready();
    await upload(server, "breast", 24);
    await upload(server, "other", 6);
    const first = await server.json<Job>("POST", "/v1/jobs", training);
    const expected = await weights(server, first.id);
    const { id } = await server.json<Job>("POST", "/v1/jobs", { ...training, name: "again" });
    fill(`${data}/filler`);
    await until(() => /disk is full: jobs wait/.test(server.log()), 30_000, server.log);
    const { worker } = server.children();

    assert.equal((await server.json<Job>("GET", `/v1/jobs/${id}`)).id, id);
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
    assert.deepEqual(numbers(await weights(server, id)), numbers(expected));
  } finally {
    await server.stop();
    new Deno.Command("umount", { args: [data] }).outputSync();
    Deno.removeSync(data);
  }
});
