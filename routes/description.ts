/** The description of the API for programs; `/docs` shows it. */
import { json } from "./reply.ts";
import { type Resource, type Route, route } from "./route.ts";

/** The routes of the description itself; `all` are the resources described. */
export function description(all: () => Resource[]): Route[] {
  // Made for the first who asks: its examples and the package that it is made by are most of what is loaded.
  let made: object | undefined;
  const document = async () => {
    const { describe } = await import("./openapi.ts");
    return made ??= describe(all());
  };
  return [
    route({
      method: "GET",
      path: "/openapi.json",
      operationId: "getDescription",
      summary: "This description as OpenAPI 3.1",
      scope: null,
      answers: { 200: ["application/json"] },
      handle: async () => json(await document()),
    }),
  ];
}
