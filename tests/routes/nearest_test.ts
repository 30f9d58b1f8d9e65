import assert from "node:assert/strict";
import { routes } from "@/routes/mod.ts";
import { nearest } from "@/routes/nearest.ts";

Deno.test("the nearest path is named, and none where nothing is near", () => {
  const paths = routes.map(({ path }) => path);
  const cases: Record<string, string | undefined> = {
    "/v1/dataset": "/v1/datasets",
    "/v1/Datasets/": "/v1/datasets",
    "/V1/jobs": "/v1/jobs",
    "/v1/jbos/job_1": "/v1/jobs/{id}",
    "/v1/jobs/job_1/metric": "/v1/jobs/{id}/metrics",
    "/healtz": "/healthz",
    "/v1/datasets/x/image/P001/overlay.png": "/v1/datasets/{name}/images/{image*}/overlay.png",
    "/wp-admin/setup.php": undefined,
    "/v1/jobs/a/b/c/d": undefined,
  };
  for (const [path, expected] of Object.entries(cases)) {
    assert.equal(nearest(path, paths), expected, path);
  }
});
