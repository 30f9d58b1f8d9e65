/** Clients generated from the description: they compile, and go the whole way on a real server. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { resources } from "@/routes/mod.ts";
import { describe } from "@/routes/openapi.ts";
import { withTools } from "../support/client_tools.ts";
import { withServer } from "../support/server.ts";
import { smallArchive } from "../support/small_set.ts";

const fixture = (name: string) =>
  Deno.readTextFile(fileURLToPath(new URL(`../fixtures/clients/${name}.ts.txt`, import.meta.url)));

Deno.test("the description passes the recommended rules of Redocly", () =>
  withTools(async ({ tool, write }) => {
    await write("redocly.yaml", "extends:\n  - recommended\n");
    await write("openapi.json", JSON.stringify(describe(resources), null, 1));
    const found = await tool("@redocly/cli", "lint", "openapi.json", "--format=json");
    const { totals, problems } = JSON.parse(found.slice(found.indexOf("{")));
    assert.deepEqual([totals.errors, totals.warnings], [0, 0], JSON.stringify(problems));
  }));

Deno.test("generated clients upload a set, start a job and send a picture", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await withTools(async ({ deno, write, path }) => {
      await write("openapi.json", await (await fetch(`${server.url}/openapi.json`)).text());
      await write("breast.zip", await smallArchive(12));
      for (const name of ["generate", "hey_api", "openapi_typescript"]) {
        await write(`${name}.ts`, await fixture(name));
      }
      await deno("run", "-A", "--no-lock", "generate.ts");
      for (const name of ["hey_api", "openapi_typescript"]) {
        await t.step(name, async () => {
          const told = await deno(
            ...["run", "-A", "--no-lock", "--check", `${name}.ts`],
            ...[server.url, server.key, `${path}/breast.zip`],
          );
          const { label, ...rest } = JSON.parse(told);
          assert.ok(["benign", "malignant"].includes(label), label);
          assert.deepEqual(rest, {
            images: 12,
            state: "succeeded",
            map: 1,
            refused: 'Cannot find job "job_none"',
          });
        });
      }
    });
  });
});
