/** The Hono application: what every request goes through, and the table of routes. */
import { type Context, Hono } from "hono";
import { compress } from "hono/compress";
import { requestId } from "hono/request-id";
import { PatternRouter } from "hono/router/pattern-router";
import { secureHeaders } from "hono/secure-headers";
import { withoutNames } from "@/lib/log.ts";
import { guard } from "./auth.ts";
import { nearest } from "./nearest.ts";
import { respond } from "./pipeline.ts";
import { clientGone, HttpError, problem } from "./problem.ts";
import type { Env, Method, Route, Services } from "./route.ts";

/** Nothing from elsewhere is loaded, nothing is framed or guessed. */
const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", "blob:", "data:"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: "DENY",
  permissionsPolicy: { camera: [], microphone: [], geolocation: [] },
  // Whether there is TLS is the business of the proxy that ends it.
  strictTransportSecurity: false,
});

/** `{name}` and `{name*}` as Hono writes them. */
const patternOf = (path: string) =>
  path.replace(/\{(\w+)(\*?)\}/g, (_, name, rest) => `:${name}${rest && "{.+}"}`);

/** Where two patterns fit a path, the first of `routes` counts. */
export function createApp(routes: Route[], services: Services): Hono<Env> {
  const app = new Hono<Env>({
    // The only one of Hono's routers in which a placeholder may hold slashes before the path's end.
    router: new PatternRouter(),
    // As it came, percent-encoded: an escaped slash is part of a name.
    getPath: (request) => new URL(request.url).pathname,
  });

  // Without the header's name: a client's own id is none of ours.
  app.use(requestId({ headerName: "" }));
  app.use(async (c, next) => {
    const started = performance.now();
    await next();
    finish(c, services, (performance.now() - started) / 1000);
    // Hono drops the body of an answer to HEAD; one that streams must hear of it.
    if (c.req.method === "HEAD") await c.res.body?.cancel();
  });
  app.use(headers);
  // Pictures, weights and event streams are none of the types that it takes.
  app.use(compress());
  app.use(async (c, next) => isExact(c.req.path) ? await next() : await c.notFound());

  for (const route of routes) {
    const admit = guard(services, route.scope);
    const answer = respond(route, services);
    // One handler, for the router looks at every one that there is.
    app.on(route.method, patternOf(route.path), async (c) => {
      c.set("route", route);
      await admit(c);
      return await answer(c);
    });
  }
  // Reached by methods that no route before has taken.
  for (const [path, methods] of methodsByPath(routes)) {
    app.all(patternOf(path), async (c, next) => {
      c.set("allowed", [...c.get("allowed") ?? [], ...methods]);
      await next();
    });
  }

  // Unknown paths need a key too: without one nothing is told about what there is.
  const guardUnknown = guard(services, "read");
  app.notFound(async (c) => {
    await guardUnknown(c);
    const allowed = c.get("allowed");
    if (!allowed) {
      const meant = nearest(c.req.path, routes.map(({ path }) => path));
      throw new HttpError(
        404,
        `Cannot find this: no such path; ${
          meant ? `the nearest is ${meant}, ` : ""
        }/docs has them all`,
      );
    }
    const allow = [...new Set(allowed)].join(", ");
    throw new HttpError(
      405,
      `Cannot take ${c.req.method} here: this path takes ${allow} (see /docs)`,
      { allow },
    );
  });
  app.onError((error, c) => {
    const id = c.get("requestId");
    const inference = c.get("route")?.path.startsWith("/v2");
    // Nobody reads what a client that has gone is answered; its going is no fault of the server.
    const gone = c.req.raw.signal.aborted && !(error instanceof HttpError);
    const response = problem(gone ? clientGone() : error, id, { inference });
    if (response.status >= 500 && response.status !== 503) {
      services.log(`request ${id}: ${withoutNames(error)}`, { level: "error", request: id });
    }
    return response;
  });
  return app;
}

/** Headers of every answer, its count, its line in the log. */
function finish(c: Context<Env>, { traffic, log }: Services, seconds: number): void {
  const { res: { headers, status }, req: { method } } = c;
  const [id, route] = [c.get("requestId"), c.get("route")];
  headers.set("x-request-id", id);
  for (const [name, value] of Object.entries(c.get("rate") ?? {})) headers.set(name, value);
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  // The pattern, not the path: names in paths may say who a patient is.
  const pattern = route?.path ?? "(unknown)";
  traffic.count(method, pattern, status, seconds);
  // Probes and the page's own files would drown the rest.
  if (route?.scope === null) return;
  const ms = Number((seconds * 1000).toFixed(1));
  const fields = { method, route: pattern, status, ms, request: id };
  log(`${method} ${pattern} ${status} ${ms.toFixed(1)} ms ${id}`, fields);
}

/** Hono's router takes a slash at the end for none, and broken escapes for text; here both name nothing. */
function isExact(path: string): boolean {
  if (path.length > 1 && path.endsWith("/")) return false;
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

function methodsByPath(routes: Route[]): Map<string, Method[]> {
  const groups = Map.groupBy(routes, ({ path }) => path);
  return new Map([...groups].map(([path, group]) => [path, group.map(({ method }) => method)]));
}
