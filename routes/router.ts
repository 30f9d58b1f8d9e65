/** Finds the route of a request in the table of routes, by Hono's pattern router. */
import { PatternRouter } from "hono/router/pattern-router";
import type { Route } from "./route.ts";

export interface Found {
  route?: Route;
  params: Record<string, string>;
  /** Methods of the path, when it is known and the method is not. */
  allowed?: string[];
}

export class RouteTable {
  // The only one of Hono's routers in which a placeholder may hold slashes before the path's end.
  readonly #router = new PatternRouter<Route>();

  /** Where two patterns fit a path, the first counts. */
  constructor(readonly routes: Route[]) {
    for (const route of routes) {
      const path = route.path.replace(
        /\{(\w+)(\*?)\}/g,
        (_, name, rest) => `:${name}${rest && "{.+}"}`,
      );
      this.#router.add(route.method, path, route);
    }
  }

  /** `path` as it came, percent-encoded; HEAD is answered by GET. */
  find(method: string, path: string): Found {
    // Hono takes a slash at the end for none; here it is another path.
    if (path.length > 1 && path.endsWith("/")) return { params: {} };
    const wanted = method === "HEAD" ? "GET" : method;
    const [[first]] = this.#router.match(wanted, path);
    if (!first) {
      const fitting = this.routes.filter((route) =>
        this.#router.match(route.method, path)[0].some(([other]) => other === route)
      );
      const allowed = [...new Set(fitting.map((route) => route.method))];
      return { params: {}, allowed: allowed.length > 0 ? allowed : undefined };
    }
    const [route, groups] = first;
    try {
      const params = Object.entries({ ...groups } as Record<string, string>)
        .map(([name, text]) => [name, decodeURIComponent(text)]);
      return { route, params: Object.fromEntries(params) };
    } catch {
      // Escapes that are none name nothing.
      return { params: {} };
    }
  }
}
