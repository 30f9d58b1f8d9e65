/** The description of the API for programs; `/docs` shows it. */
import { describe } from "./openapi.ts";
import { json } from "./reply.ts";
import { type Resource, type Route, route } from "./route.ts";

/** The routes of the description itself; `all` are the resources described. */
export function description(all: () => Resource[]): Route[] {
  let made: ReturnType<typeof describe> | undefined;
  const document = () => made ??= describe(all());
  return [
    route({
      method: "GET",
      path: "/openapi.json",
      operationId: "getDescription",
      summary: "This description as OpenAPI 3.1",
      scope: null,
      answers: { 200: ["application/json"] },
      handle: () => json(document()),
    }),
  ];
}
