/** Keys on several servers: those of their environments while they differ, and that of a linked worker. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readCluster } from "@/lib/cluster_settings.ts";
import { codeVersion } from "@/lib/config.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { checkout } from "@/lib/launcher.ts";
import { openStore } from "@/lib/store/mod.ts";
import { type Child, startChild } from "../support/child.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { startServer, type TestServer, until } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

const program = fileURLToPath(new URL("../support/worker.ts", import.meta.url));
const config = fileURLToPath(new URL("../deno.json", import.meta.url));

const statusOf = async (server: TestServer, key: string) => {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${server.url}/v1/keys`, { headers });
  await response.body?.cancel();
  return response.status;
};

postgresTest(
  "keys of a cluster's servers and of the workers linked to them",
  async (postgres, t) => {
    const s3 = await startS3rver();
    const env = clusterEnvironment(s3, await postgres.database(), { MCGIP_WORKERS: "0" });
    await withDirectory(async (folder) => {
      const other = "the-key-of-the-other-server";
      const a = await startServer({ data: `${folder}/a`, env });
      const b = await startServer({ data: `${folder}/b`, env: { ...env, MCGIP_API_KEY: other } });
      const store = await openStore(`${folder}/test`, {
        shared: true,
        cluster: readCluster((name) => env[name]),
      });
      const started: Child[] = [];
      const log = () => [a, b, ...started].map((one) => one.log()).join("\n");
      try {
        await t.step(
          "both keys of their environments are valid on both, and both say so",
          async () => {
            await until(
              async () => {
                const asked = [a, b].flatMap((server) =>
                  [a.key, other].map((key) => statusOf(server, key))
                );
                return (await Promise.all(asked)).every((status) => status === 200);
              },
              20_000,
              log,
            );
            const said =
              /Another server of the cluster has another MCGIP_API_KEY: each key is valid/;
            await until(() => said.test(a.log()) && said.test(b.log()), 20_000, log);
          },
        );

        const { id, key } = await a.json<{ id: string; key: string }>("POST", "/v1/keys", {
          ...{ name: "gpu", scopes: ["work"] },
        });
        const link = (name: string) => {
          const args = ["run", "-A", "--no-check", "--quiet", `--config=${config}`, program];
          const apis = [a, b].map(({ url }) => url).join(",");
          const version = codeVersion(checkout());
          const worker = startChild(
            Deno.execPath(),
            [...args, `${folder}/${name}`, name, "elsewhere", apis, key, version],
            { stdin: true },
          );
          started.push(worker);
          return worker;
        };
        const told = async (name: string) => {
          const asked = [[a, a.key], [b, other]] as const;
          const lists = await Promise.all(asked.map(async ([{ url }, key]) => {
            const headers = { authorization: `Bearer ${key}` };
            const response = await fetch(`${url}/v1/workers`, { headers });
            const { data } = await response.json() as {
              data: { name: string; ready: boolean; predicts: boolean }[];
            };
            return data.filter((one) => one.name === name);
          }));
          return lists;
        };
        const linked = (name: string) =>
          until(
            async () => (await told(name)).every((list) => list.some(({ predicts }) => predicts)),
            60_000,
            log,
          );

        await t.step("who leaves in order is gone at both at once", async () => {
          const worker = link("leaver");
          await linked("leaver");
          await worker.stop();
          for (const server of [a, b]) {
            const left = "worker leaver is linked no more: it left";
            await until(() => server.log().includes(left), 20_000, log);
          }
          assert.deepEqual(await told("leaver"), [[], []], log());
          assert.doesNotMatch(worker.log(), /no link to/);
        });

        await t.step("a key that is removed at one server ends the links to both", async () => {
          const worker = link("boxed");
          await linked("boxed");
          const job = (await store.jobs.insert(newJob("count", { to: 100_000, ms: 20 }))).id;
          const running = async () => (await store.jobs.get(job)).progress.done > 20;
          await until(running, 60_000, log);
          const since = performance.now();
          const headers = { authorization: `Bearer ${other}` };
          const removed = await fetch(`${b.url}/v1/keys/${id}`, { method: "DELETE", headers });
          assert.equal(removed.status, 204);
          const cut = "worker boxed is linked no more: its key was revoked";
          await until(() => [a, b].every((server) => server.log().includes(cut)), 60_000, log);
          const seconds = (performance.now() - since) / 1000;
          console.log(`from the removal of a key to the end of the links: ${seconds.toFixed(1)} s`);
          await until(() => worker.log().includes("POST /v1/keys"), 60_000, log);
          await until(() => worker.log().includes(`job ${job}: Cannot`), 60_000, log);
          assert.doesNotMatch(worker.log(), /deno task keys/);
          assert.deepEqual(await told("boxed"), [[], []], log());
          const { state, error, attempts } = await store.jobs.get(job);
          assert.ok(state !== "failed" && error === null && attempts === 0, log());
        });
      } finally {
        for (const one of started) await one.stop();
        await store.close();
        for (const server of [a, b]) await server.stop();
      }
    });
    await s3.stop();
  },
);
