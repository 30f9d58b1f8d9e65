/** What has been made from a data set, counted; a set that is made up. */
import assert from "node:assert/strict";
import { until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

interface Overview {
  jobs: Record<string, number>;
  similarities: { count: number; newest: { id: string; measure: string } | null };
  models: { pretrained: number; classifiers: number };
  evaluations: number;
  studies: { count: number; newest: { id: string } | null };
  predictions: number;
}

Deno.test("overview and made-up sets over HTTP", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast");
    const overview = (name: string) =>
      server.json<Overview>("GET", `/v1/datasets/${name}/overview`);

    await t.step("nothing is made at first", async () => {
      const { jobs, ...made } = await overview("breast");
      assert.deepEqual(new Set(Object.values(jobs)), new Set([0]));
      assert.deepEqual(made, {
        similarities: { count: 0, newest: null },
        models: { pretrained: 0, classifiers: 0 },
        evaluations: 0,
        studies: { count: 0, newest: null },
        predictions: 0,
      });
      const gone = await server.fetch("/v1/datasets/gone/overview");
      assert.equal(gone.status, 404, await gone.text());
    });

    await t.step("a set is made up once", async () => {
      const report = await server.json<{ images: number; gaze: number; warnings: unknown[] }>(
        "POST",
        "/v1/datasets/made-up/synthetic",
      );
      assert.deepEqual([report.images, report.gaze, report.warnings], [96, 288, []]);
      const again = await server.fetch("/v1/datasets/made-up/synthetic", { method: "POST" });
      const { detail } = await again.json();
      assert.equal(again.status, 409);
      assert.equal(detail, 'Cannot make "made-up" up: there is a data set of this name');
      const bad = await server.fetch("/v1/datasets/a%2Fb/synthetic", { method: "POST" });
      assert.equal(bad.status, 422, await bad.text());
    });

    await t.step("what is made of one set is counted there only", async () => {
      const run = async (spec: Record<string, unknown>) => {
        const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", spec);
        await until(
          async () => {
            const job = await server.json<{ state: string }>("GET", `/v1/jobs/${id}`);
            return job.state === "succeeded";
          },
          90_000,
          server.log,
        );
      };
      await run({ kind: "similarity", dataset: "made-up", measure: "cc" });
      await run({ kind: "similarity", dataset: "made-up", measure: "multimatch" });
      const shared = { width: 4, image_size: 16, epochs: 1, batch_size: 32 };
      await run({ kind: "finetune", dataset: "made-up", ...shared });
      const made = await overview("made-up");
      assert.equal(made.similarities.count, 2);
      assert.equal(made.similarities.newest?.measure, "multimatch");
      assert.deepEqual(made.models, { pretrained: 0, classifiers: 1 });
      assert.equal(made.evaluations, 1);
      assert.equal(made.jobs.succeeded, 3);
      const other = await overview("breast");
      assert.deepEqual([other.similarities.count, other.jobs.succeeded], [0, 0]);
    });
  });
});
