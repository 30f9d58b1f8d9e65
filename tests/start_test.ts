/** What each process loads when it starts: the rest comes with the first request or job that needs it. */
import assert from "node:assert/strict";
import { importsOf, reach, readText } from "./support/imports.ts";

/** By the file in which each process or thread begins; what main.ts itself loads is in all but the threads. */
const begins = {
  launcher: ["main.ts", "lib/launcher.ts"],
  api: ["main.ts", "routes/server.ts"],
  worker: ["main.ts", "lib/worker/worker_process.ts"],
  "GPU thread": ["lib/worker/gpu_thread.ts"],
};
type Process = keyof typeof begins;

/** Most modules of each, and what is not among them: the start of a path, or a package. */
const promised: Record<Process, { most: number; without: string[] }> = {
  launcher: { most: 15, without: ["routes/", "gpu/", "lib/store/", "lib/worker/", "zod"] },
  api: {
    most: 485,
    without: [
      ...["gpu/", "kernels/", "cluster/", "lib/demo/walkthrough.ts"],
      ...["routes/openapi.ts", "routes/examples.json", "zod-openapi"],
      ...["lib/datasets/archive.ts", "lib/datasets/importer.ts", "lib/datasets/layouts/"],
      ...["ws", "umap-js", "ml-pca", "@cornerstonejs/"],
    ],
  },
  worker: {
    most: 25,
    without: [
      ...["gpu/", "kernels/", "lib/jobs/", "lib/models/", "lib/ssl/", "lib/specs/", "lib/store/"],
      ...["lib/training/estimate.ts", "lib/worker/link.ts", "routes/", "zod", "ulid"],
    ],
  },
  "GPU thread": {
    most: 30,
    without: [
      ...["gpu/ops/", "gpu/convolution/", "gpu/tape.ts", "kernels/", "lib/jobs/kinds/"],
      ...["lib/models/", "lib/ssl/", "lib/training/", "lib/store/mod.ts", "routes/"],
      ...["zod", "ulid", "webgpu-utils"],
    ],
  },
};

/** Files of the project and packages that come with the start. */
function loaded(process: Process): { files: string[]; packages: string[] } {
  const files = new Set(begins[process].flatMap((file) => [...reach(file, { dynamic: false })]));
  const packages = [...files].filter((file) => file.endsWith(".ts")).flatMap((file) =>
    importsOf(file).filter((made) => !made.file && !made.dynamic && !made.type)
      .map(({ specifier }) => specifier)
  );
  return { files: [...files], packages: [...new Set(packages)] };
}

for (const [process, { most, without }] of Object.entries(promised)) {
  Deno.test(`the start of the ${process} loads what it needs then, and no more`, () => {
    const { files, packages } = loaded(process as Process);
    const needless = [...files, ...packages].filter((module) =>
      without.some((one) => module === one || (/[/]$/.test(one) && module.startsWith(one)))
    );
    assert.deepEqual(needless, []);
    assert.ok(files.length <= most, `${files.length} modules, ${most} at most`);
    // What has gone from the project is promised no more.
    for (const file of without.filter((one) => one.endsWith(".ts"))) readText(file);
  });
}

Deno.test("what is imported where it is used is not read before", () => {
  for (const folder of ["", "cluster/"]) {
    const { unstable } = JSON.parse(readText(`${folder}deno.json`));
    assert.ok(unstable.includes("lazy-dynamic-imports"), `${folder}deno.json`);
  }
});
