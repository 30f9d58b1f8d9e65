/** Two whole servers on one database and one bucket: what is done on one is so on the other. */
import assert from "node:assert/strict";
import { postgresTest, startPostgres, withoutPostgres } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { startServer, type TestServer, until } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { withDirectory } from "../support/temporary.ts";

/** What one that asked again and again waited for, ms. */
async function timed(test: () => Promise<boolean>, ms: number): Promise<number> {
  const started = performance.now();
  await until(test, ms);
  return performance.now() - started;
}

const statusOf = async (response: Promise<Response>) => {
  const { status, body } = await response;
  await body?.cancel();
  return status;
};

postgresTest("two servers of one cluster", async (postgres, t) => {
  const s3 = await startS3rver();
  const env = clusterEnvironment(s3, await postgres.database(), {
    MCGIP_FILES: "s3://mcgip/lab",
    MCGIP_CACHE_BYTES: "100000000",
  });
  await withDirectory(async (folder) => {
    // Three on an empty database, at once; the third is there to start.
    const [third, ...servers] = await Promise.all(
      ["c", "a", "b"].map((name) =>
        startServer({
          data: `${folder}/${name}`,
          env: name === "c" ? { ...env, MCGIP_WORKERS: "0" } : env,
        })
      ),
    );
    const [a, b] = servers;
    const jobOf = async (server: TestServer, id: string) =>
      await server.json<{ state: string; result: { similarity: string } }>("GET", `/v1/jobs/${id}`);
    try {
      await Promise.all(servers.map((server) => server.ready(120_000)));
      for (const server of [third, a, b]) {
        assert.deepEqual((await server.json<{ data: unknown[] }>("GET", "/v1/datasets")).data, []);
        assert.doesNotMatch(server.log(), /ended (by|with)/, "none was started a second time");
      }
      await third.stop();

      await t.step("a data set that came to one is read from the other, pictures too", async () => {
        await upload(a, "breast");
        const images = await b.json<{ data: { name: string }[] }>(
          "GET",
          "/v1/datasets/breast/images?limit=3",
        );
        const bytes = await Promise.all(servers.map(async (server) => {
          const path = `/v1/datasets/breast/images/${images.data[0].name}/image.png`;
          return new Uint8Array(await (await server.fetch(path)).arrayBuffer());
        }));
        assert.ok(bytes[0].length > 100);
        assert.deepEqual(bytes[0], bytes[1]);
      });

      await t.step(
        "a job asked of one gives its result on both, and its news to the other",
        async () => {
          const spec = { kind: "similarity", dataset: "breast", measure: "multimatch" };
          const { id } = await a.json<{ id: string }>("POST", "/v1/jobs", spec);
          const events = await b.fetch(`/v1/jobs/${id}/events`, {
            headers: { accept: "text/event-stream" },
          });
          let seen = "";
          for await (const text of events.body!.pipeThrough(new TextDecoderStream())) {
            seen += text;
            if (seen.includes("succeeded")) break;
          }
          for (const server of servers) {
            const { state, result } = await jobOf(server, id);
            assert.equal(state, "succeeded");
            const path = `/v1/similarities/${result.similarity}/matrix?format=csv`;
            const matrix = await (await server.fetch(path)).text();
            assert.equal(matrix.trim().split("\n").length, 13);
            const audit = `/v1/similarities/${result.similarity}/audit`;
            assert.equal(await statusOf(server.fetch(audit)), 200);
          }
        },
      );

      await t.step("one Idempotency-Key at both at once is one job", async () => {
        const spec = JSON.stringify({ kind: "similarity", dataset: "breast", measure: "dtw" });
        const answers = await Promise.all([a, b, a, b].map(async (server) => {
          const response = await server.fetch("/v1/jobs", {
            method: "POST",
            body: spec,
            headers: { "content-type": "application/json", "idempotency-key": "once" },
          });
          await response.body?.cancel();
          return response.status;
        }));
        assert.ok(answers.every((status) => status < 500), `${answers}`);
        const jobs = await b.json<{ data: { spec: { measure: string } }[] }>("GET", "/v1/jobs");
        assert.equal(jobs.data.filter(({ spec }) => spec.measure === "dtw").length, 1);
      });

      await t.step("a key made on one is good on the other, and dies there too", async () => {
        const { id, key } = await a.json<{ id: string; key: string }>("POST", "/v1/keys", {
          name: "reader",
          scopes: ["read"],
        });
        const ask = () =>
          statusOf(fetch(`${b.url}/v1/datasets`, { headers: { authorization: `Bearer ${key}` } }));
        const made = await timed(async () => await ask() === 200, 10_000);
        await a.fetch(`/v1/keys/${id}`, { method: "DELETE" });
        const removed = await timed(async () => await ask() === 401, 10_000);
        console.log(
          `a key at the other server: valid after ${made.toFixed(0)} ms, refused after ${
            removed.toFixed(0)
          } ms`,
        );
      });

      await t.step(
        "while PostgreSQL is away both say so, and come back by themselves",
        async () => {
          postgres.kill("SIGKILL");
          await postgres.ended();
          for (const server of servers) {
            const response = await server.fetch("/v1/datasets");
            assert.equal(response.status, 503, await response.text());
            assert.equal(response.headers.get("retry-after"), "5");
            assert.equal(await statusOf(server.fetch("/healthz")), 200);
          }
          await new Promise((resolve) => setTimeout(resolve, 5_000));
          await postgres.start();
          for (const server of servers) {
            const ms = await timed(
              async () => await statusOf(server.fetch("/v1/datasets")) === 200,
              10_000,
            );
            console.log(`answers ${ms.toFixed(0)} ms after PostgreSQL is back`);
            assert.ok(server.children().api, "still the same process");
          }
        },
      );

      await t.step("a job goes on being done after that", async () => {
        const spec = { kind: "similarity", dataset: "breast", measure: "dhash" };
        const { id } = await b.json<{ id: string }>("POST", "/v1/jobs", spec);
        await until(async () => (await jobOf(a, id)).state === "succeeded", 60_000);
      });
    } finally {
      await Promise.all([third, ...servers].map((server) => server.stop()));
    }
  });
  await s3.stop();
});

if (!withoutPostgres) {
  Deno.test("a server of a cluster refuses a directory with a database of its own", async () => {
    const postgres = await startPostgres();
    try {
      await withDirectory(async (data) => {
        Deno.writeTextFileSync(`${data}/mcgip.db`, "");
        await assert.rejects(
          async () =>
            await startServer({
              data,
              env: {
                MCGIP_DATABASE: await postgres.database(),
                MCGIP_FILES: "s3://mcgip",
                AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1",
                AWS_ACCESS_KEY_ID: "a",
                AWS_SECRET_ACCESS_KEY: "b",
              },
            }),
          /has a database of its own, and MCGIP_DATABASE names another/,
        );
      });
    } finally {
      await postgres.stop();
    }
  });
}
