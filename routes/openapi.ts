/** The description of the API as OpenAPI 3.1, made from the table of routes. */
import { z } from "zod";
import {
  createDocument,
  type CreateDocumentOptions,
  type ZodOpenApiContentObject,
  type ZodOpenApiMediaTypeObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from "zod-openapi";
import { version } from "@/lib/version.ts";
import { details, examples } from "./examples.ts";
import { bare } from "./format.ts";
import { headers } from "./headers.ts";
import { problemSchema, titles } from "./problem.ts";
import type { Answer } from "./reply.ts";
import type { Resource, Route } from "./route.ts";

const INTRODUCTION = `Medical images with eye-tracking: similarity of gaze, contrastive
pre-training, evaluation, predictions.

- **Key**: \`Authorization: Bearer KEY\`, with the scope that \`x-scope\` of an operation names.
- **Errors** are problems of RFC 9457 and say what was found and what to do. Parameters and fields
  that are not known are errors.
- **Lists** come in pages: \`next\` of one is \`after\` of the following.
- **Bounds** of a key: more requests than its \`rate\` are answered 429, with \`Retry-After\`; \`RateLimit\`
  tells how many are left. More bytes than its \`max_bytes\` are refused with 403.
- **ETag**: JSON answers to GET have one; sent back as \`If-None-Match\` it is answered with 304 while
  nothing has changed. \`fields\` of a list leaves out what is not looked at.
- **Idempotency-Key**: a POST that is sent again with its key and body does its work once.
- Every answer has an **X-Request-Id**, which the server's log and \`instance\` of a problem name.`;

/** The schema of what has no schema of its own, by media type. */
function schemaOfType(type: string): ZodOpenApiMediaTypeObject["schema"] {
  if (/\bjson$/.test(type)) return { type: ["object", "array"] };
  if (/^text\/|-tex$|jsonl$/.test(type)) return { type: "string" };
  return { type: "string", format: "binary" };
}

const contentOfTypes = (types: readonly string[]): ZodOpenApiContentObject =>
  Object.fromEntries(types.map((type) => [bare(type), { schema: schemaOfType(bare(type)) }]));

/** With the examples that there are, by media type. */
const exemplified = (
  content: ZodOpenApiContentObject,
  known: Record<string, object> = {},
): ZodOpenApiContentObject =>
  Object.fromEntries(
    Object.entries(content).map(([type, media]) => [type, { ...media, ...known[type] }]),
  );

function contentOf(
  route: Route,
  status: string,
  answer: Answer,
): Pick<ZodOpenApiResponseObject, "content"> {
  if (answer === null) return {};
  const content = Object.fromEntries(
    [answer].flat().map((one) => [
      typeof one === "string" ? bare(one) : "application/json",
      { schema: typeof one === "string" ? schemaOfType(bare(one)) : one as z.ZodType },
    ]),
  );
  return { content: exemplified(content, examples[route.operationId]?.answers?.[status]) };
}

function bodyOf(route: Route): ZodOpenApiOperationObject["requestBody"] {
  const { json, described = json, accepts = [], form, operationId } = route;
  if (!described && accepts.length === 0) return undefined;
  const content = contentOfTypes(accepts);
  if (described) content["application/json"] = { schema: described };
  if (form) content["multipart/form-data"] = { schema: form };
  return {
    // A picture or an upload may be named in the query instead.
    required: route.query?.shape.image === undefined && route.query?.shape.upload === undefined,
    content: exemplified(content, examples[operationId]?.bodies),
  };
}

/** Statuses of errors that follow from what the row says, and those that it names itself. */
function errorsOf(route: Route): number[] {
  const { method, scope, path, json, accepts, errors = [] } = route;
  const statuses = new Set([400, 403, 503, ...errors]);
  if (scope !== null) [401, 429].forEach((status) => statuses.add(status));
  if (path.includes("{")) statuses.add(404);
  if (json || accepts) [408, 413].forEach((status) => statuses.add(status));
  if (json) [415, 422].forEach((status) => statuses.add(status));
  // Of the Idempotency-Key.
  if (method === "POST") [409, 422].forEach((status) => statuses.add(status));
  if (method !== "GET") statuses.add(507);
  return [...statuses].sort((a, b) => a - b);
}

const nameOf = (status: number) =>
  titles[status].replace(/ (\w)/g, (_, letter) => letter.toUpperCase());

const example = (status: string) => ({
  type: "about:blank",
  title: titles[Number(status)],
  status: Number(status),
  detail: details[status],
  instance: "urn:uuid:3d1f1a52-6c2e-4b0e-9a3c-5d1c3f0b7a11",
});

/** The answer to each error, as a component. */
const problems: Record<string, ZodOpenApiResponseObject> = Object.fromEntries(
  // A method that a path does not know belongs to no operation; a client that has gone reads none.
  Object.entries(titles).filter(([status]) => !["405", "499"].includes(status)).map((
    [status, title],
  ) => [
    nameOf(Number(status)),
    {
      description: title,
      content: { "application/problem+json": { schema: problemSchema, example: example(status) } },
      ...(["429", "503"].includes(status) ? { headers: headers.retryAfter } : {}),
    },
  ]),
);

function responsesOf(route: Route): ZodOpenApiResponsesObject {
  const given = Object.entries(route.answers).map(([status, answer]) => [status, {
    description: descriptions[status] ?? "Done",
    ...headers.ofAnswer(route, Number(status)),
    ...contentOf(route, status, answer),
  }]);
  const errors = errorsOf(route)
    .filter((status) => !(status in route.answers))
    .map((status) => [status, { $ref: `#/components/responses/${nameOf(status)}` }]);
  return {
    ...(hasTag(route) ? { 304: { description: descriptions[304] } } : {}),
    ...Object.fromEntries([...given, ...errors]),
    default: { $ref: `#/components/responses/${nameOf(500)}` },
  };
}

/** Whether what it answers is compared with what the client knows. */
const hasTag = ({ method, answers }: Route) =>
  method === "GET" && [answers[200] ?? []].flat().some((one) => one instanceof z.ZodType);

const descriptions: Record<string, string> = {
  200: "Done",
  201: "Made",
  202: "Queued",
  204: "Done; there is no body",
  304: "As the client knows it",
  503: "Not ready",
};

function operationOf(route: Route, tag: string): ZodOpenApiOperationObject {
  const { operationId, summary, description, scope, path, query } = route;
  const names = [...path.matchAll(/\{(\w+)\*?\}/g)].map(([, name]) => name);
  return {
    operationId,
    summary,
    ...(description ? { description } : {}),
    tags: [tag],
    ...(scope === null ? { security: [] } : { "x-scope": scope }),
    requestParams: {
      path: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))),
      ...(query ? { query } : {}),
      header: headers.ofRequest(route),
    },
    requestBody: bodyOf(route),
    responses: responsesOf(route),
  };
}

/** What zod says, in the words that clients are best made from. */
const override: CreateDocumentOptions["override"] = ({ jsonSchema, zodSchema, io }) => {
  const { def } = zodSchema._zod;
  const { propertyNames, required, additionalProperties, anyOf } = jsonSchema;
  if (io === "input" && def.type === "pipe" && isFlag(def as z.core.$ZodPipeDef)) {
    // It is sent as text, which clients need not know.
    jsonSchema.type = "boolean";
  } else if (def.type === "record" && propertyNames && required) {
    // All names are known.
    delete jsonSchema.propertyNames;
    jsonSchema.properties = Object.fromEntries(
      required.map((name) => [name, additionalProperties as Record<string, unknown>]),
    );
    jsonSchema.additionalProperties = false;
  } else if (def.type === "union" && anyOf) {
    // Parts may come out the same; those that are still empty are filled in later.
    const texts = anyOf.map((part) => JSON.stringify(part));
    jsonSchema.anyOf = anyOf.filter((_, i) => texts[i] === "{}" || texts.indexOf(texts[i]) === i);
  }
};

const isFlag = ({ out }: z.core.$ZodPipeDef) => out._zod.def.type === "boolean";

/** OpenAPI 3.1 of the routes of `resources`. */
export function describe(resources: Resource[]) {
  const paths: ZodOpenApiPathsObject = {};
  for (const { tag, routes } of resources) {
    for (const route of routes) {
      const path = paths[route.path.replaceAll("*}", "}")] ??= {};
      path[route.method.toLowerCase() as "get"] = operationOf(route, tag);
    }
  }
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "McGIP Server",
      version,
      description: INTRODUCTION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "The server that gave this description" }],
    security: [{ key: [] }],
    tags: resources.map(({ tag, description }) => ({ name: tag, description })),
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      responses: problems,
    },
  }, { override, allowEmptySchema: { custom: true } });
}
