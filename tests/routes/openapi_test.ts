/** The description of the API: it holds every route, what it refers to is there, and answers agree with it. */
import assert from "node:assert/strict";
import { z } from "zod";
import { specs } from "@/lib/specs/mod.ts";
import { routes } from "@/routes/mod.ts";
import { describe } from "@/routes/openapi.ts";
import { RouteTable } from "@/routes/router.ts";
import { withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

type Json = Record<string, unknown>;

function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === "$ref" ? [inner as string] : references(inner)
  );
}

Deno.test("every route is described; every reference is there", () => {
  const document = describe(routes);
  const paths = document.paths as Record<string, Record<string, Json>>;
  for (const { method, path } of routes) {
    const described = paths[path.replaceAll("*}", "}")][method.toLowerCase()];
    assert.ok(described.summary, `${method} ${path}`);
    const named = (described.parameters as Json[]).filter((one) => one.in === "path");
    assert.deepEqual(
      named.map(({ name }) => name),
      [...path.matchAll(/\{(\w+)\*?\}/g)].map(([, name]) => name),
    );
  }
  const { schemas } = document.components as Record<string, Json>;
  for (const name of ["Problem", "Job", "Dataset", ...Object.keys(specs)]) assert.ok(schemas[name]);
  for (const reference of references(document)) {
    const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1];
    assert.ok(name && name in schemas, reference);
  }
});

Deno.test("paths are found: the first that fits, escapes decoded, other methods told", () => {
  const table = new RouteTable(routes);
  const found = (method: string, path: string) => {
    const { route, params, allowed } = table.find(method, path);
    return [route?.path, params, allowed];
  };
  const image = "/v1/datasets/{name}/images/{image*}";
  assert.deepEqual(found("GET", "/v1/datasets/a%2Fb/images/x/y"), [
    image,
    { name: "a/b", image: "x/y" },
    undefined,
  ]);
  assert.deepEqual(found("GET", "/v1/datasets/a/images/x/y/overlay.png"), [
    `${image}/overlay.png`,
    { name: "a", image: "x/y" },
    undefined,
  ]);
  assert.deepEqual(found("HEAD", "/healthz"), ["/healthz", {}, undefined]);
  assert.deepEqual(found("POST", "/healthz"), [undefined, {}, ["GET"]]);
  assert.deepEqual(found("GET", "/v1/datasets/%E0%A4"), [undefined, {}, undefined]);
  assert.deepEqual(found("GET", "/v1/datasets/"), [undefined, {}, undefined]);
  assert.deepEqual(found("GET", "/v1x/jobs"), [undefined, {}, undefined]);
});

Deno.test("answers are as described", async () => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 4);
    const job = await server.json<{ id: string }>("POST", "/v1/jobs", {
      kind: "similarity",
      dataset: "breast",
      measure: "dhash",
    });
    const stream = await server.fetch(`/v1/jobs/${job.id}/events`, {
      headers: { accept: "text/event-stream" },
    });
    await stream.text();
    const { result } = await server.json<{ result: { similarity: string } }>(
      "GET",
      `/v1/jobs/${job.id}`,
    );
    const values: Record<string, string> = { name: "breast", "image*": "P001_CC" };
    const ids: Record<string, string> = { jobs: job.id, similarities: result.similarity };
    let checked = 0;
    for (const { method, path, answers } of routes) {
      const schema = [answers[200] ?? []].flat().find((one) => one instanceof z.ZodType);
      if (method !== "GET" || !schema) continue;
      const id = ids[path.split("/")[2]];
      if (path.includes("{id}") && !id) continue;
      const url = path.replace(/\{(\w+\*?)\}/g, (_, name) => values[name] ?? id);
      const answer = await server.json("GET", url);
      const { error } = schema.safeParse(answer);
      assert.ok(!error, `${url}: ${error?.message}`);
      checked++;
    }
    assert.ok(checked >= 18, `${checked}`);
    const docs = await (await fetch(`${server.url}/docs`)).text();
    assert.doesNotMatch(docs, /<script|style=|https?:\/\/(?!127)/);
    for (const { summary } of routes) {
      if (!/[<>&"'`]/.test(summary)) assert.ok(docs.includes(summary), summary);
    }
  });
});
