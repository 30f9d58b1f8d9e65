/** A training that was interrupted, and one that was paused, go on after a move as if nothing had been. */
import assert from "node:assert/strict";
import { readCluster } from "@/lib/cluster_settings.ts";
import { openStore } from "@/lib/store/mod.ts";
import { runTask } from "../support/program.ts";
import { trainedNumbers } from "../support/jobs.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { startServer, type TestServer, until } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { withDirectory } from "../support/temporary.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";

const training = {
  ...{ kind: "pretrain", dataset: "set", method: "byol", config: { hidden: 16, output: 8 } },
  ...{ width: 8, image_size: 16, batch_size: 8, epochs: 120, tuning: "off" },
};

interface JobView {
  state: string;
  attempts: { from_step: number | null; outcome: string | null }[];
}

/** Everything of a server at once: nobody saves anything. */
async function destroy(server: TestServer): Promise<void> {
  const { api, worker } = server.children();
  for (const pid of [api!, worker!]) Deno.kill(pid, "SIGSTOP");
  for (const pid of [server.pid, worker!, api!]) Deno.kill(pid, "SIGKILL");
  await server.stop("SIGKILL");
}

postgresTest("trainings go on after a move into a cluster, and back", async (postgres, t) => {
  const s3 = await startS3rver();
  const env = clusterEnvironment(s3, await postgres.database());
  await withDirectory(async (folder) => {
    const [first, back] = [`${folder}/first`, `${folder}/back`];
    const jobOf = (server: TestServer, id: string) => server.json<JobView>("GET", `/v1/jobs/${id}`);
    const submit = async (server: TestServer) =>
      (await server.json<{ id: string }>("POST", "/v1/jobs", training)).id;
    const began = (server: TestServer, id: string) =>
      until(
        async () =>
          (await server.json<{ data: { data: { step: number } }[] }>(
            "GET",
            `/v1/jobs/${id}/events?types=checkpoint&limit=1000`,
          )).data.some(({ data }) => data.step > 5),
        120_000,
        server.log,
      );
    const move = async (data: string, ...args: string[]) => {
      const { code, out, error } = await runTask("move", args, { ...env, MCGIP_DATA: data });
      assert.equal(code, 0, out + error);
      assert.match(out, /^checkpoints of \d jobs?$/m);
    };
    const ids: string[] = [];
    let wanted: Uint8Array;
    let server = await startServer({ data: first });
    try {
      await server.ready(120_000);
      await upload(server, "set", 16);

      await t.step("one is paused, another one interrupted, and both are moved", async () => {
        wanted = await trainedNumbers(server, await submit(server));
        ids.push(await submit(server));
        await began(server, ids[0]);
        await server.json("POST", `/v1/jobs/${ids[0]}/pause`);
        await until(async () => (await jobOf(server, ids[0])).state === "paused", 60_000);
        ids.push(await submit(server));
        await began(server, ids[1]);
        await destroy(server);
        await move(first);
      });

      await t.step("in the cluster the interrupted one goes on to the same weights", async () => {
        server = await startServer({ data: `${folder}/server`, env });
        await server.ready(120_000);
        assert.deepEqual(await trainedNumbers(server, ids[1]), wanted);
        const { attempts } = await jobOf(server, ids[1]);
        assert.deepEqual(attempts.map(({ outcome }) => outcome), ["lost", "succeeded"]);
        assert.equal(attempts[0].from_step, null);
        assert.ok(attempts[1].from_step! > 5, `it went on from ${attempts[1].from_step}`);
      });

      await t.step("the paused one goes on there, is interrupted, and is moved back", async () => {
        await server.json("POST", `/v1/jobs/${ids[0]}/resume`);
        const store = await openStore(`${folder}/test`, {
          shared: true,
          cluster: readCluster((name) => env[name]),
        });
        try {
          const steps = async () =>
            (await store.checkpointRows.ofJob(ids[0])).map(({ path }) =>
              Number(/^step-(\d+)-/.exec(path)![1])
            );
          const before = Math.max(...await steps());
          await until(async () => Math.max(...await steps()) > before, 120_000, server.log);
          await destroy(server);
          // So much time goes by: nobody is taken for alive any more.
          await store.db.run("UPDATE workers SET lease_until = lease_until - ?", LEASE_MS);
        } finally {
          await store.close();
        }
        await move(back, "--back");
        server = await startServer({ data: back });
        await server.ready(120_000);
        assert.deepEqual(await trainedNumbers(server, ids[0]), wanted);
        const { attempts } = await jobOf(server, ids[0]);
        assert.deepEqual(attempts.map(({ outcome }) => outcome), ["paused", "lost", "succeeded"]);
        assert.ok(attempts[2].from_step! > attempts[1].from_step!, JSON.stringify(attempts));
      });
    } finally {
      await server.stop("SIGKILL");
    }
  });
  await s3.stop();
});
