/** The way of every request: checks, the route's handler, headers, one line in the log. */
import { Unavailable } from "@/lib/errors.ts";
import { readJson } from "./body.ts";
import { checkHost, checkKey, checkOrigin, securityHeaders } from "./auth.ts";
import { once } from "./idempotency.ts";
import { problemsOf } from "@/lib/problems.ts";
import { HttpError, problem } from "./problem.ts";
import { type Done, responseOf } from "./reply.ts";
import type { Call, Route, Services } from "./route.ts";
import type { Found } from "./router.ts";

/** Answers `request` by the route that was found for it. */
export async function answer(
  found: Found,
  services: Services,
  request: Request,
): Promise<Response> {
  const { route } = found;
  const id = crypto.randomUUID();
  const started = performance.now();
  let response: Response;
  try {
    response = await handle(found, services, request);
  } catch (error) {
    response = problem(error, id, { inference: route?.path.startsWith("/v2") });
    // What the file system says may hold a name; it stays here.
    if (response.status >= 500 && response.status !== 503) console.error(`request ${id}:`, error);
  }
  for (const [name, value] of Object.entries(securityHeaders)) response.headers.set(name, value);
  response.headers.set("x-request-id", id);
  if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
  const seconds = (performance.now() - started) / 1000;
  const pattern = route?.path ?? "(unknown)";
  services.traffic.count(request.method, pattern, response.status, seconds);
  // Probes and the page's own files would drown the rest.
  if (route?.scope !== null) {
    // The pattern, not the path: names in paths may say who a patient is.
    const took = `${(seconds * 1000).toFixed(1)} ms`;
    services.log(`${request.method} ${pattern} ${response.status} ${took} ${id}`);
  }
  if (request.method !== "HEAD") return response;
  await response.body?.cancel();
  return new Response(null, response);
}

async function handle(
  { route, params, allowed }: Found,
  services: Services,
  request: Request,
): Promise<Response> {
  checkHost(request, services.config.allowedHosts);
  checkOrigin(request);
  // Unknown paths need a key too: without one nothing is told about what there is.
  const scope = route === undefined ? "read" : route.scope;
  const key = scope === null ? undefined : checkKey(request, services, scope);
  if (allowed) {
    const headers = { allow: allowed.join(", ") };
    throw new HttpError(405, "Cannot do this here: the method is not known", headers);
  }
  if (!route) throw new HttpError(404, "Cannot find this: no such route");
  if (services.leaving.aborted) throw new Unavailable("Cannot answer: the server is leaving");
  const call: Call = {
    services,
    params,
    query: parseQuery(route, request),
    body: undefined,
    request,
    key,
    once: (body, work) =>
      once(call, body, async () => responseOf(await work())) as Promise<Done<never>>,
  };
  const run = async () => responseOf(await route.handle(call));
  // Where other bodies are taken too, the type decides; curl's default is none of JSON's.
  const isJson = route.json &&
    (!route.accepts || /\bjson\b/i.test(request.headers.get("content-type") ?? ""));
  if (!isJson) {
    // Actions have no body; what is streamed is hashed by its handler.
    return route.method === "POST" && !route.accepts
      ? once(call, "", run)
      : route.method === "DELETE"
      ? services.store.reserve.freeing(run)
      : run();
  }
  const { text, value } = await readJson(request, route.jsonBytes);
  const parsed = route.json!.safeParse(value);
  if (!parsed.success) {
    throw new HttpError(422, "Cannot accept this request", {}, problemsOf(parsed.error));
  }
  call.body = parsed.data;
  return route.method === "POST" ? once(call, text, run) : run();
}

function parseQuery(route: Route, request: Request): unknown {
  const given = Object.fromEntries(new URL(request.url).searchParams);
  if (!route.query) {
    const [name] = Object.keys(given);
    if (name !== undefined) throw new HttpError(400, `Cannot use "${name}": no such parameter`);
    return {};
  }
  const parsed = route.query.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = problemsOf(parsed.error);
  throw new HttpError(
    400,
    `Cannot use the query: ${problems[0].pointer?.slice(1)}: ${problems[0].message}`,
  );
}
