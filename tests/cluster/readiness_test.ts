/** What a server says of its places: at its start, to proxies while they are away, and to who uploads meanwhile. */
import assert from "node:assert/strict";
import { S3 } from "@/cluster/s3.ts";
import { root } from "../support/imports.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { BucketProxy } from "../support/bucket_proxy.ts";
import { startServer, until } from "../support/server.ts";
import { smallArchive } from "../support/small_set.ts";
import { withDirectory } from "../support/temporary.ts";

postgresTest("a server and its places", async (postgres, t) => {
  const s3 = await startS3rver();
  const proxy = await BucketProxy.start(s3.settings.endpoint);
  const env = clusterEnvironment(
    { settings: { ...s3.settings, endpoint: proxy.endpoint } },
    await postgres.database(),
    { MCGIP_WORKERS: "0" },
  );
  try {
    await withDirectory(async (folder) => {
      await t.step(
        "a bucket that is not there is refused at the start, with what to type",
        async () => {
          const { code, stderr } = await new Deno.Command(Deno.execPath(), {
            args: ["task", "--quiet", "start", "--port", "0", "--data", `${folder}/wrong`],
            cwd: root,
            env: { ...env, MCGIP_FILES: "s3://mcgpi", NO_COLOR: "1" },
          }).output();
          const text = new TextDecoder().decode(stderr);
          assert.notEqual(code, 0);
          assert.match(text, /"mcgpi" at http.*make the bucket first \(deno task bucket\)/);
          assert.doesNotMatch(text, /listens on/);
        },
      );

      proxy.trouble = "503";
      const server = await startServer({ data: `${folder}/a`, env });
      try {
        const asked = async () => {
          const response = await server.fetch("/readyz?without=gpu");
          return { code: response.status, ...await response.json() };
        };
        const upload = async () => {
          const response = await server.fetch("/v1/datasets/breast", {
            method: "PUT",
            body: await smallArchive(),
            headers: { "content-type": "application/zip" },
          });
          return { response, text: await response.text() };
        };

        await t.step(
          "one that is away is waited for: 503 until then, with the reason",
          async () => {
            assert.match(server.log(), /does not answer .*: uploads are refused until it is back/);
            const { code, bucket, detail } = await asked();
            assert.deepEqual([code, bucket], [503, false]);
            assert.match(detail, /^The bucket does not answer\. /);
            const { response, text } = await upload();
            assert.equal(response.status, 503, text);
            assert.ok(Number(response.headers.get("retry-after")) > 0);
            assert.match(text, /does not answer/);
            proxy.trouble = null;
            await until(async () => (await asked()).code === 200, 20_000, server.log);
            const again = await upload();
            assert.ok(again.response.ok, again.text);
            assert.equal(await new S3(s3.settings).getText("owner.json") === undefined, false);
          },
        );

        await t.step("one that is silent is away, too, until it answers", async () => {
          s3.kill("SIGSTOP");
          await until(async () => (await asked()).bucket === false, 20_000, server.log);
          s3.kill("SIGCONT");
          await until(async () => (await asked()).code === 200, 20_000, server.log);
        });

        await t.step("while the database is away it is not ready, and alive", async () => {
          postgres.kill("SIGKILL");
          await postgres.ended();
          await until(async () => (await asked()).code === 503, 20_000, server.log);
          const { database, bucket, detail } = await asked();
          assert.deepEqual([database, bucket], [false, true]);
          assert.match(detail, /^The database does not answer\. /);
          assert.equal((await server.json("GET", "/healthz")).status, "ok");
          await postgres.start();
          await until(async () => (await asked()).code === 200, 30_000, server.log);
        });
      } finally {
        await server.stop();
      }
    });
  } finally {
    await proxy.stop();
    await s3.stop();
  }
});
