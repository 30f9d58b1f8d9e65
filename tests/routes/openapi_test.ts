/** The description of the API: it holds every route, what it refers to is there, and answers agree with it. */
import assert from "node:assert/strict";
import { z } from "zod";
import { specs } from "@/lib/specs/mod.ts";
import { resources, routes } from "@/routes/mod.ts";
import { describe } from "@/routes/openapi.ts";
import { problemSchema } from "@/routes/problem.ts";
import { assertDeclared } from "../support/answers.ts";
import { withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

type Json = Record<string, unknown>;

const document = describe(resources);
const { schemas, responses, parameters, headers } = document.components as Record<string, Json>;
const operations = Object.entries(document.paths as Record<string, Record<string, Json>>)
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
  );
const operationOf = (id: string) =>
  operations.find(({ operation }) => operation.operationId === id)!.operation;
const bodyOf = (id: string) =>
  (operationOf(id).requestBody as { content: Record<string, { schema: Json }> }).content;
const answersOf = (id: string) =>
  operationOf(id).responses as Record<string, { content: Json; headers?: Json }>;

function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === "$ref" ? [inner as string] : references(inner)
  );
}

Deno.test("every route is described, under a name and a tag; every reference is there", () => {
  assert.equal(operations.length, routes.length);
  const tags = new Map(document.tags!.map(({ name, description }) => [name, description]));
  const ids = new Set<string>();
  for (const { path, operation } of operations) {
    const { summary, operationId, tags: [tag], parameters = [] } = operation as {
      summary: string;
      operationId: string;
      tags: string[];
      parameters: Json[];
    };
    assert.ok(summary, path);
    assert.match(operationId, /^[a-z]+([A-Z][a-z]*)*$/, path);
    assert.ok(!ids.has(operationId), operationId);
    ids.add(operationId);
    assert.match(tags.get(tag)!, /\.$/, tag);
    assert.deepEqual(
      parameters.filter((one) => one.in === "path").map(({ name }) => name),
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
    );
  }
  for (const name of ["Problem", "Job", "Dataset"]) assert.ok(schemas[name], name);
  const components: Record<string, Json> = { schemas, responses, parameters, headers };
  for (const reference of references(document)) {
    const [, kind, name] = /^#\/components\/(\w+)\/(\w+)$/.exec(reference) ?? [];
    assert.ok(kind && name in components[kind], reference);
  }
  const names = Object.keys(schemas).map((name) => name.toLowerCase());
  assert.equal(new Set(names).size, names.length, "names that differ by case only");
});

Deno.test("bodies: jobs by kind, bytes as bytes, forms with their fields", () => {
  const { oneOf, discriminator } = bodyOf("createJob")["application/json"].schema as {
    oneOf: Json[];
    discriminator: { propertyName: string; mapping: Record<string, string> };
  };
  assert.equal(discriminator.propertyName, "kind");
  assert.deepEqual(Object.keys(discriminator.mapping), Object.keys(specs));
  assert.deepEqual(oneOf.map((one) => one.$ref), Object.values(discriminator.mapping));
  const binary = { type: "string", format: "binary" };
  assert.deepEqual(bodyOf("putDataset")["application/zip"].schema, binary);
  assert.deepEqual(bodyOf("predict")["image/png"].schema, binary);
  const form = bodyOf("createDataset")["multipart/form-data"].schema;
  assert.deepEqual(Object.keys(form.properties as Json), ["file", "name"]);
  assert.equal((form.properties as Record<string, Json>).file.format, "binary");
  assert.deepEqual(form.required, ["file"]);
  const pictures = bodyOf("predict")["multipart/form-data"].schema.properties;
  assert.equal((pictures as { file: { items: Json } }).file.items.format, "binary");
});

Deno.test("answers: every media type, headers, the errors that occur", () => {
  const types = (id: string, status = 200) => Object.keys(answersOf(id)[status].content);
  assert.deepEqual(types("getSimilarityMatrix"), [
    "application/json",
    "text/csv",
    "application/octet-stream",
  ]);
  assert.deepEqual(types("computeSaliency"), ["application/json", "image/png"]);
  assert.deepEqual(types("listJobEvents"), ["application/json", "text/event-stream"]);
  assert.equal(types("getStudyTable").length, 5);
  assert.ok(answersOf("createJob")[202].headers!.Location);
  assert.ok(!answersOf("createJob")[200].headers!.Location);
  assert.ok((responses.TooMuchAtOnce as { headers: Json }).headers["Retry-After"]);
  const named = (id: string) => JSON.stringify(operationOf(id).parameters);
  assert.match(named("listJobEvents"), /LastEventId/);
  assert.match(named("createJob"), /IdempotencyKey/);
  assert.doesNotMatch(named("createKey") ?? "", /IdempotencyKey/);
  const errors = (id: string) =>
    Object.keys(answersOf(id)).filter((status) => /^[45]/.test(status)).join(" ");
  assert.equal(errors("getHealth"), "400 403 503");
  assert.equal(errors("getJob"), "400 401 403 404 429 503");
  assert.equal(errors("deleteDataset"), "400 401 403 404 409 429 503 507");
});

Deno.test("every body that is text has one example, which its schema takes as it is", () => {
  let checked = 0;
  for (const { operation } of operations) {
    const { operationId: id, tags: [tag], requestBody } = operation as {
      operationId: string;
      tags: string[];
      requestBody?: { content: Json };
    };
    // Pages are files.
    if (tag === "Pages") continue;
    const route = routes.find(({ operationId }) => operationId === id)!;
    const bodies = { body: requestBody?.content, ...answersOf(id) } as Record<string, Json>;
    for (const [status, answer] of Object.entries(bodies)) {
      const content = (status === "body" ? answer : answer?.content) as Record<string, Json>;
      for (const [type, { schema, example, examples }] of Object.entries(content ?? {})) {
        if (!/json$|^text\/csv|^text\/event|^text\/markdown/.test(type)) continue;
        // A gaze file in JSON is of no schema of ours.
        if (id === "addGaze" && type === "application/json") continue;
        const place = `${id} ${status} ${type}`;
        const given = examples
          ? Object.values(examples as Record<string, { value: unknown }>).map(({ value }) => value)
          : [example];
        assert.ok(given.length > 0 && given.every((one) => one !== undefined), place);
        assert.ok(schema, place);
        if (type !== "application/json") continue;
        const known = status === "body"
          ? route.described ?? route.json
          : [route.answers[Number(status)]].flat().find((one) => one instanceof z.ZodType);
        for (const one of given) {
          if (status === "body") assert.ok((known as z.ZodType).safeParse(one).success, place);
          else assertDeclared(known as z.ZodType, one, place);
          checked++;
        }
      }
    }
  }
  assert.ok(checked > 60, `${checked}`);
  for (
    const [name, { content }] of Object.entries(responses as Record<string, { content: Json }>)
  ) {
    const { example } = content["application/problem+json"] as Json;
    assertDeclared(problemSchema, example, name);
    assert.ok((example as { detail?: string }).detail, name);
  }
});

Deno.test("answers are as described", async () => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 4);
    await server.json("PUT", "/v1/datasets/breast/readings", {
      readings: [{ image: "P001_CC", reader: "R1", label: "benign" }],
    });
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
  });
});
