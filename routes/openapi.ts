/** The description of the API, made from the table of routes: `/openapi.json` and `/docs`. */
import { z } from "zod";
import { version } from "@/lib/version.ts";
import { type JobKind, specs } from "@/lib/specs/mod.ts";
import { docsPage } from "./docs.ts";
import { type Answer, json } from "./reply.ts";
import { type Route, route } from "./route.ts";

type Json = Record<string, unknown>;

/** Named schemas met on the way, by name. */
type Named = Record<string, Json>;

/** JSON Schema of `schema`; what has a name in it goes to `named` and is referred to. */
function schemaOf(schema: z.ZodType, io: "input" | "output", named: Named): Json {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Json;
  const { $defs = {}, ...own } = JSON.parse(
    JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/'),
  );
  for (const [name, { id: __, ...definition }] of Object.entries($defs as Named)) {
    named[name] = definition;
  }
  const { id, ...rest } = own;
  if (id === undefined) return own;
  named[id] = rest;
  return { $ref: `#/components/schemas/${id}` };
}

const problemSchema = {
  type: "object",
  required: ["type", "title", "status", "detail", "instance"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    instance: { type: "string" },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["message"],
        properties: {
          pointer: { type: "string" },
          file: { type: "string" },
          line: { type: "integer" },
          column: { type: "integer" },
          message: { type: "string" },
        },
      },
    },
  },
};

function contentOf(answer: Answer, named: Named): Json {
  if (answer === null) return {};
  const content = [answer].flat().map((one) =>
    typeof one === "string"
      ? [one, {}]
      : ["application/json", { schema: schemaOf(one as z.ZodType, "output", named) }]
  );
  return { content: Object.fromEntries(content) };
}

function parametersOf({ path, query }: Route, named: Named): Json[] {
  const inPath = [...path.matchAll(/\{(\w+)\*?\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: !(schema as z.ZodType).safeParse(undefined).success,
    schema: schemaOf(schema as z.ZodType, "input", named),
  }));
  return [...inPath, ...inQuery];
}

function bodyOf({ json, accepts, path }: Route, named: Named): Json | undefined {
  if (!json && !accepts) return undefined;
  // The body of a job is that of its kind.
  const schema = path === "/v1/jobs"
    ? { oneOf: Object.keys(specs).map((kind) => ({ $ref: `#/components/schemas/${kind}` })) }
    : json && schemaOf(json, "input", named);
  return {
    required: true,
    content: {
      ...(schema ? { "application/json": { schema } } : {}),
      ...Object.fromEntries((accepts ?? []).map((type) => [type, {}])),
    },
  };
}

function operationOf(one: Route, named: Named): Json {
  return {
    summary: one.summary,
    tags: [one.path.split("/")[2] ?? "server"],
    ...(one.scope === null ? { security: [] } : { "x-scope": one.scope }),
    parameters: parametersOf(one, named),
    requestBody: bodyOf(one, named),
    responses: {
      ...Object.fromEntries(
        Object.entries(one.answers).map(([status, answer]) => [
          status,
          {
            description: Number(status) < 300 ? "Done" : "See the summary",
            ...contentOf(answer, named),
          },
        ]),
      ),
      default: {
        description: "Problem (RFC 9457)",
        content: {
          "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
        },
      },
    },
  };
}

/** The spec of a job as a request gives it, with `kind`. */
function jobSchema(kind: string, named: Named): Json {
  const spec = schemaOf(specs[kind as JobKind].schema, "input", named);
  const withKind = { type: "object", properties: { kind: { const: kind } }, required: ["kind"] };
  if (spec.type !== "object") return { allOf: [withKind, spec] };
  return {
    ...spec,
    properties: { kind: { const: kind }, ...spec.properties as Json },
    required: ["kind", ...(spec.required as string[] ?? [])],
  };
}

/** OpenAPI 3.1 of `routes`. */
export function describe(routes: Route[]): Json {
  const paths: Record<string, Json> = {};
  const named: Named = { Problem: problemSchema };
  for (const kind of Object.keys(specs)) named[kind] = jobSchema(kind, named);
  for (const one of routes) {
    const path = one.path.replaceAll("*}", "}");
    (paths[path] ??= {})[one.method.toLowerCase()] = operationOf(one, named);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "McGIP Server",
      version: version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: named,
    },
  };
}

/** The routes of the description itself; `all` are the routes described. */
export function openapi(all: () => Route[]): Route[] {
  let made: Json | undefined;
  const document = () => made ??= describe(all());
  return [
    route({
      method: "GET",
      path: "/openapi.json",
      summary: "This description as OpenAPI 3.1",
      scope: null,
      answers: { 200: ["application/json"] },
      handle: () => json(document()),
    }),
    route({
      method: "GET",
      path: "/docs",
      summary: "This description as a page",
      scope: null,
      answers: { 200: ["text/html"] },
      handle: () =>
        new Response(docsPage(document()), {
          headers: { "content-type": "text/html; charset=utf-8" },
        }),
    }),
  ];
}
