/** Queries: what is empty or given twice is refused, whichever the parameter; nothing is done by it. */
import assert from "node:assert/strict";
import { z } from "zod";
import { routes } from "@/routes/mod.ts";
import { withServer } from "../support/server.ts";
import { picture } from "../support/archives.ts";

/** What a parameter's text becomes where JavaScript reads it. */
const readsAsNumber = (schema: z.ZodType) =>
  typeof [schema.safeParse("1"), schema.safeParse("8"), schema.safeParse("16")]
    .find(({ success }) => success)?.data === "number";

Deno.test("a number without a value is refused everywhere by its name, as one that is given twice is", async () => {
  await withServer(async (server) => {
    const ask = async (method: string, path: string) => {
      const response = await server.fetch(path, { method });
      return { status: response.status, text: await response.text() };
    };
    const numbers = routes.flatMap(({ method, path, query, scope }) =>
      Object.entries(query?.shape ?? {}).filter(([, schema]) =>
        scope !== "work" && readsAsNumber(schema as z.ZodType)
      ).map(([name]) => ({ method, name, path: path.replace(/\{\w+\*?\}/g, "x") }))
    );
    for (const name of ["min_probability", "head", "frame", "seed", "after_step", "limit"]) {
      assert.ok(numbers.some((one) => one.name === name), name);
    }
    for (const { method, path, name } of numbers) {
      for (const value of ["", "%20"]) {
        const { status, text } = await ask(method, `${path}?${name}=${value}`);
        assert.equal(status, 400, `${method} ${path} ${name}: ${text}`);
        assert.match(text, new RegExp(`Cannot use the query: ${name}: `));
      }
    }
    for (
      const query of [
        "since=2026-01-01T00:00:00Z&since=2027-01-01T00:00:00Z",
        "fields=id&fields=kind",
      ]
    ) {
      const { status, text } = await ask("GET", `/v1/jobs?${query}`);
      assert.equal(status, 400);
      assert.match(text, /it is given 2 times; give it once, several values of a list with commas/);
    }
    for (const type of ["text/plain", "application/json"]) {
      const response = await server.fetch("/v1/preview.png", {
        method: "POST",
        headers: { "content-type": type },
        body: picture(32, 32),
      });
      assert.equal(response.status, 415, type);
      assert.match(await response.text(), /its Content-Type is .*, and a picture is needed/);
    }
    const window = await server.fetch("/v1/preview.png?window=0,0", {
      method: "POST",
      headers: { "content-type": "image/png" },
      body: picture(32, 32),
    });
    assert.equal(window.status, 400);
    assert.match(await window.text(), /the query: window: the width of a window is at least 1/);
  });
});
