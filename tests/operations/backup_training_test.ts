/** A backup that is taken while a training runs: restored, the training goes on to the same weights. */
import assert from "node:assert/strict";
import { filesBelow } from "@/lib/operations/data_files.ts";
import { runTask } from "../support/program.ts";
import { trainedNumbers } from "../support/jobs.ts";
import { startServer, until } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

/** A step an epoch, and a checkpoint after some of them. */
const training = {
  ...{ kind: "pretrain", dataset: "breast", method: "byol", arm: "none", seed: 1 },
  ...{ width: 8, image_size: 32, epochs: 120, batch_size: 12, tuning: "off" },
};

Deno.test("a training goes on from the checkpoint in the backup, to the same weights", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  const [data, backup, restored] = ["data", "backup", "restored"].map((name) =>
    `${folder}/${name}`
  );
  let server = await startServer({ data });
  try {
    await server.ready();
    await upload(server, "breast");
    const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", training);
    const saved = async (directory: string) => {
      const names = await filesBelow(`${directory}/checkpoints/${id}`);
      return Math.max(...names.map((name) => Number(/^step-(\d+)/.exec(name)?.[1] ?? -1)));
    };
    await until(async () => await saved(data) > 0, 120_000, server.log);
    const made = await runTask("backup", [backup, "--data", data]);
    assert.equal(made.code, 0, made.error);
    assert.match(made.last, /checkpoints of 1 job;/);
    const expected = await trainedNumbers(server, id, 180_000);
    await server.stop();

    assert.equal((await runTask("restore", [backup, "--data", restored])).code, 0);
    assert.ok(await saved(restored) > 0);
    server = await startServer({ data: restored });
    await server.ready();
    assert.deepEqual(await trainedNumbers(server, id, 180_000), expected);
  } finally {
    await server.stop("SIGKILL");
    Deno.removeSync(folder, { recursive: true });
  }
});
