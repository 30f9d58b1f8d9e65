/** Servers of one version on a schema that a newer one has brought up: one that ran before, and one that starts. */
import assert from "node:assert/strict";
import { migrate, schemaVersions } from "@/cluster/migrate.ts";
import { TABLES } from "@/cluster/move.ts";
import { readDatabase } from "@/lib/cluster_settings.ts";
import { doneJob, runJob } from "../support/jobs.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { withDirectory } from "../support/temporary.ts";
import { uploadModel } from "../support/uploaded_model.ts";

/** What a later version may bring: columns everywhere, with and without a value, and tables of its own. */
const LATER =
  [...Object.keys(TABLES), "workers", "checkpoints", "blobs"].map((table) =>
    `ALTER TABLE ${table} ADD COLUMN later TEXT;
   ALTER TABLE ${table} ADD COLUMN later_number BIGINT NOT NULL DEFAULT 7;`
  ).join("\n") +
  "CREATE TABLE later (job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE);";

/** The ways of a user, of which every answer is held against the description. */
async function use(server: TestServer, name: string): Promise<void> {
  await upload(server, name);
  await server.json("GET", `/v1/datasets/${name}`);
  await server.json("GET", `/v1/datasets/${name}/images?limit=3`);
  await server.json("GET", `/v1/datasets/${name}/report`);
  const { result } = await runJob(server, {
    ...{ kind: "similarity", dataset: name, measure: "multimatch" },
  });
  await server.json("GET", `/v1/similarities/${result.similarity}`);
  const tuned = await runJob(server, {
    ...{ kind: "finetune", dataset: name, width: 4, image_size: 16, epochs: 2, batch_size: 8 },
  });
  await server.json("GET", `/v1/models/${tuned.result.model}`);
  await server.json("GET", `/v1/evaluations/${tuned.result.evaluation}`);
  const { result: { study } } = await runJob(server, {
    ...{ kind: "study", dataset: name, methods: ["byol"], arms: ["none"], seeds: [0] },
    pretrain: {
      ...{ epochs: 1, width: 8, image_size: 16, channels: 1, batch_size: 4 },
      config: { hidden: 16, output: 8 },
    },
    finetune: { epochs: 1, batch_size: 4, split: { validation: 0.2, test: 0.4 } },
  });
  await server.json("GET", `/v1/studies/${study}`);
  const picture = await (await server.fetch(`/v1/datasets/${name}/images/P001_CC/image.png`))
    .bytes();
  const predicted = await server.fetch(`/v1/models/${tuned.result.model}/predictions`, {
    ...{ method: "POST", body: picture, headers: { "content-type": "image/png" } },
  });
  assert.equal(predicted.status, 200, await predicted.text());
  for (const path of ["jobs", "models", "predictions", "workers", "keys", "datasets", "studies"]) {
    const text = JSON.stringify(await server.json("GET", `/v1/${path}`));
    assert.ok(!text.includes("later"), path);
  }
  const { key, id } = await server.json<{ key: string; id: string }>("POST", "/v1/keys", {
    name: "reader",
    scopes: ["read"],
  });
  assert.ok(key);
  assert.equal((await server.fetch(`/v1/keys/${id}`, { method: "DELETE" })).status, 204);
  const gone = await server.fetch(`/v1/jobs/${tuned.id}`, { method: "DELETE" });
  assert.equal(gone.status, 204);
}

postgresTest("an old server goes on, and starts, on a newer schema", async (postgres, t) => {
  const s3 = await startS3rver();
  const database = await postgres.database();
  const env = clusterEnvironment(s3, database);
  await withDirectory(async (folder) => {
    const servers = [await startServer({ data: `${folder}/a`, env })];
    try {
      await servers[0].ready(120_000);
      await upload(servers[0], "before");
      const { id } = await servers[0].json<{ id: string }>("POST", "/v1/jobs", {
        ...{ kind: "pretrain", dataset: "before", method: "byol", width: 8, image_size: 16 },
        ...{ batch_size: 4, epochs: 60, config: { hidden: 16, output: 8 } },
      });
      const { address, schema } = readDatabase(database);
      await migrate(address, schema, [...schemaVersions, LATER]);

      await t.step("one that runs meanwhile, with its job", async () => {
        await doneJob(servers[0], id);
        await use(servers[0], "while");
        await uploadModel(servers[0], "own", { classes: ["a", "b"], image_size: 32 });
      });

      await t.step("one that starts afterwards", async () => {
        servers.push(await startServer({ data: `${folder}/b`, env }));
        await servers[1].ready(120_000);
        await use(servers[1], "after");
        assert.doesNotMatch(servers[1].log(), /"level":"error"|error:/i);
      });
    } finally {
      for (const server of servers) await server.stop();
    }
  });
  await s3.stop();
});
