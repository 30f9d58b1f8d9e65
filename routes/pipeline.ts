/** A request on its way to the handler of its route: query and body are parsed, the rest is Hono's. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Context } from "hono";
import { Unavailable } from "@/lib/errors.ts";
import { MOST_TOLD } from "@/lib/json_text.ts";
import { problemsOf } from "@/lib/problems.ts";
import { readJson } from "./body.ts";
import { formatOf } from "./format.ts";
import { once } from "./idempotency.ts";
import { isKnown } from "./kept_picture.ts";
import { HttpError } from "./problem.ts";
import { checkQuota, noteOwner } from "./quota.ts";
import { type Done, jsonOf, Reply, responseOf } from "./reply.ts";
import type { Call, Env, Route, Services } from "./route.ts";

/** Answers the requests of a route, once they are let through. */
export function respond(
  route: Route,
  services: Services,
): (c: Context<Env>) => Promise<Response> {
  return async (c) => {
    if (services.leaving.aborted) throw new Unavailable("Cannot answer: the server is leaving");
    const query = parseQuery(route, c.req.raw);
    const call: Call = {
      services,
      params: c.req.param(),
      query,
      format: route.formats ? formatOf(c, route.formats, query.format as string | undefined) : "",
      body: undefined,
      request: c.req.raw,
      key: c.get("key"),
      once: (body, work) =>
        once(call, body, async () => responseOf(await work())) as Promise<Done<never>>,
    };
    let settle = () => {};
    try {
      settle = await checkQuota(route, call);
      const response = await handle(route, call);
      await noteOwner(route, call, response);
      if (route.method !== "GET") services.written();
      return response;
    } catch (thrown) {
      // A request that was given up aborts with a text, which Hono would not take for an error.
      throw thrown instanceof Error ? thrown : new Error(String(thrown));
    } finally {
      settle();
    }
  };
}

async function handle(route: Route, call: Call): Promise<Response> {
  const { request, services: { store } } = call;
  const run = async () => {
    const given = await route.handle(call);
    return route.method === "GET" ? unlessKnown(request, given) : responseOf(given);
  };
  // Where other bodies are taken too, the type decides; curl's default is none of JSON's.
  const isJson = route.json &&
    (!route.accepts || /\bjson\b/i.test(request.headers.get("content-type") ?? ""));
  if (!isJson) {
    // Actions have no body; what is streamed is hashed by its handler.
    if (route.method === "POST" && !route.accepts) return once(call, "", run);
    if (route.method !== "DELETE") return run();
    return await store.reserve.freeing(run);
  }
  const { text, value } = await readJson(request);
  const parsed = route.json!.safeParse(value);
  if (!parsed.success) {
    const problems = problemsOf(parsed.error).slice(0, MOST_TOLD);
    throw new HttpError(422, "Cannot accept this request", {}, problems);
  }
  call.body = parsed.data;
  return route.method === "POST" ? once(call, text, run) : run();
}

/** JSON with its tag, or 304 where the client has it: who asks again and again gets what has changed. */
function unlessKnown(request: Request, given: unknown): Response {
  if (given instanceof Response) return given;
  const { status, value, headers } = given instanceof Reply ? given : new Reply(200, given);
  if (status !== 200 || value === null) return responseOf(given);
  const bytes = encoder.encode(JSON.stringify(value));
  const tag = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
  // Weak: it may go out compressed.
  const etag = `W/"${tag}"`;
  return isKnown(request, tag)
    ? new Response(null, { status: 304, headers: { etag } })
    : jsonOf(bytes, 200, { ...headers, etag });
}

const encoder = new TextEncoder();

/** @throws {HttpError} 400 that names what is wrong, and what there is */
function parseQuery(route: Route, request: Request): Record<string, unknown> {
  const { searchParams } = new URL(request.url);
  const given = Object.fromEntries(searchParams);
  const known = Object.keys(route.query?.shape ?? {});
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const which = known.length > 0 ? `this path knows ${known.join(", ")}` : "this path knows none";
    throw new HttpError(400, `Cannot use "${unknown}": no such parameter; ${which}`);
  }
  if (!route.query) return {};
  for (const [name, text] of Object.entries(given)) {
    const times = searchParams.getAll(name).length;
    if (times > 1) {
      throw new HttpError(
        400,
        `Cannot use the query: ${name}: it is given ${times} times; give it once, several values of a list with commas`,
      );
    }
    if (text.trim() === "" && isNumber(route.query.shape[name])) {
      const what = `Cannot use the query: ${name}: it is empty; give a number, or leave it out`;
      throw new HttpError(400, what);
    }
  }
  const parsed = route.query.safeParse(given);
  if (parsed.success) return parsed.data;
  const [{ pointer = "", message }] = problemsOf(parsed.error);
  const name = pointer.slice(1).split("/")[0];
  const about = (route.query.shape[name] as { description?: string } | undefined)?.description;
  throw new HttpError(
    400,
    given[name] === undefined
      ? `Cannot do this without the parameter ${name}${about ? ` (${about})` : ""}`
      : /received NaN$/.test(message)
      ? `Cannot use the query: ${name}: a number is needed, not "${given[name].slice(0, 40)}"`
      : `Cannot use the query: ${name}: ${message}`,
  );
}

/** Whether a parameter's text is read as a number: as JavaScript reads it, one without any characters is 0. */
function isNumber(schema: unknown): boolean {
  if (schema instanceof z.ZodPipe) return isNumber(schema.in);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return isNumber(schema.unwrap());
  }
  return schema instanceof z.ZodNumber;
}
