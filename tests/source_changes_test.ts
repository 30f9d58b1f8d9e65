import assert from "node:assert/strict";
import { onSourceChange } from "@/lib/source_changes.ts";
import { withDirectory } from "./support/temporary.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("changes that come together are told once; what is read or is no part of the server, never", () =>
  withDirectory(async (root) => {
    for (const folder of ["routes", "lib/deep", "gpu", "kernels", "static", "tests"]) {
      Deno.mkdirSync(`${root}/${folder}`, { recursive: true });
    }
    Deno.writeTextFileSync(`${root}/main.ts`, "");
    Deno.writeTextFileSync(`${root}/lib/deep/a.ts`, "1");
    let told = 0;
    const watching = onSourceChange(root, () => told++);
    try {
      await pause(1000);
      told = 0;
      Deno.readTextFileSync(`${root}/lib/deep/a.ts`);
      Deno.writeTextFileSync(`${root}/tests/a_test.ts`, "");
      await pause(1000);
      assert.equal(told, 0);
      Deno.writeTextFileSync(`${root}/lib/deep/a.ts`, "2");
      Deno.writeTextFileSync(`${root}/kernels/new.wgsl`, "");
      while (told === 0) await pause(50);
      await pause(1000);
      assert.equal(told, 1);
    } finally {
      watching.stop();
    }
  }));
