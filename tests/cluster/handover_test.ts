/** A machine that is gone with all that it had on its disk: what it trained goes on under another server. */
import assert from "node:assert/strict";
import { readCluster } from "@/lib/cluster_settings.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import { openStore } from "@/lib/store/mod.ts";
import { doneJob, trainedNumbers } from "../support/jobs.ts";
import { pass } from "../support/passing.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { startServer, type TestServer, until } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { withDirectory } from "../support/temporary.ts";

const spec = {
  ...{ kind: "pretrain", dataset: "set", method: "byol", config: { hidden: 16, output: 8 } },
  ...{ width: 8, image_size: 16, batch_size: 8, epochs: 120 },
};

/** Everything of a server, at once: nobody saves anything. */
async function destroy(server: TestServer): Promise<void> {
  const { api, worker } = server.children();
  for (const pid of [api!, worker!]) Deno.kill(pid, "SIGSTOP");
  for (const pid of [server.pid, worker!, api!]) Deno.kill(pid, "SIGKILL");
  await server.stop("SIGKILL");
}

postgresTest("a training goes on under another server when its own is gone", async (postgres) => {
  const s3 = await startS3rver();
  const env = clusterEnvironment(s3, await postgres.database());
  await withDirectory(async (folder) => {
    const first = await startServer({ data: `${folder}/first`, env });
    let second: TestServer | undefined;
    const store = await openStore(`${folder}/second`, {
      shared: true,
      cluster: readCluster((name) => env[name]),
    });
    try {
      await first.ready(120_000);
      await upload(first, "set", 16);
      const submit = async (server: TestServer) =>
        (await server.json<{ id: string }>("POST", "/v1/jobs", spec)).id;
      const undisturbed = await submit(first);
      const wanted = await trainedNumbers(first, undisturbed);

      const id = await submit(first);
      await until(
        async () => (await store.checkpointRows.ofJob(id)).length > 0,
        60_000,
        first.log,
      );
      await destroy(first);
      const steps = (await store.checkpointRows.ofJob(id)).map(({ path }) =>
        Number(/^step-(\d+)-/.exec(path)![1])
      );
      const { state, progress: { done, total } } = await store.jobs.get(id);
      assert.equal(state, "running");
      assert.ok(done < total, `it had not ended yet: ${done} of ${total}`);
      second = await startServer({ data: `${folder}/second`, env });
      await pass(store, LEASE_MS);
      assert.deepEqual(await trainedNumbers(second, id), wanted);
      const { data } = await store.events.list(id, { limit: 1000 });
      const from = data.map(({ data }) =>
        /^goes on from step (\d+)$/.exec(String(data.message))?.[1]
      )
        .filter((step) => step !== undefined);
      assert.deepEqual(from.map(Number), [Math.max(...steps)]);
      const ended = data.filter(({ type, data }) => type === "state" && data.state === "succeeded");
      assert.equal(ended.length, 1);
      // What nobody goes on with is no reason to keep a file.
      const { file } = (await store.checkpointRows.ofJob(id))[0];
      const referred = "SELECT 1 FROM file_references WHERE sha256 = ?";
      assert.equal(await store.db.get(referred, file), undefined);
      await doneJob(second, undisturbed);
    } finally {
      await second?.stop();
      await first.stop("SIGKILL");
      await store.close();
    }
  });
  await s3.stop();
});
