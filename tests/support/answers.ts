/** Whether JSON answers of a server are what its routes declare, to the last field. */
import assert from "node:assert/strict";
import { z } from "zod";
import { routes } from "@/routes/mod.ts";
import { problemSchema } from "@/routes/problem.ts";
import type { Route } from "@/routes/route.ts";

const patterns = routes.map((route) => ({
  route,
  pattern: new RegExp(
    `^${
      route.path.replaceAll(".", "\\.").replace(/\{\w+\*\}/g, ".+").replace(/\{\w+\}/g, "[^/]+")
    }$`,
  ),
}));

/** Answers with JSON that were looked at: method, path as in the table of routes, status. */
export const answered = new Set<string>();

const nameOf = ({ method, path }: Route, status: number) => `${method} ${path} ${status}`;

const schemaOf = ({ answers }: Route, status: number): z.ZodType | undefined =>
  [answers[status] ?? []].flat().find((one) => one instanceof z.ZodType);

/** All answers with JSON that routes declare. */
export const declared: string[] = routes.flatMap((route) =>
  Object.keys(route.answers).map(Number).filter((status) => schemaOf(route, status))
    .map((status) => nameOf(route, status))
);

/**
 * Throws unless `value` parses, and comes out as it went in: a field that the schema does not declare would be gone,
 * one that it takes for granted would be added.
 */
export function assertDeclared(schema: z.ZodType, value: unknown, place: string): void {
  const { data, error } = schema.safeParse(value);
  assert.ok(!error, `${place} is not as declared: ${error && z.prettifyError(error)}`);
  assert.deepEqual(data, value, `${place} has other fields than are declared`);
}

/** Looks at an answer whose body is JSON, or a problem. The body can still be read afterwards. */
export async function checkAnswer(method: string, url: string, response: Response): Promise<void> {
  const [type] = (response.headers.get("content-type") ?? "").split(";");
  const { pathname, searchParams } = new URL(url);
  const place = `${method} ${pathname} ${response.status}`;
  if (method === "HEAD" || pathname === "/openapi.json") return;
  if (type === "application/problem+json") {
    const problem = await response.clone().json();
    assertDeclared(problemSchema, problem, place);
    assert.equal(problem.status, response.status, place);
  }
  if (type !== "application/json") return;
  const found = patterns.find(({ route, pattern }) =>
    route.method === method && pattern.test(pathname)
  );
  const schema = found && schemaOf(found.route, response.status);
  assert.ok(schema, `${place} answers JSON that is not declared`);
  const value = await response.clone().json();
  const fields = searchParams.get("fields")?.split(",").map((field) => field.split(".")[0]);
  // Entries that were asked for in part are no whole ones.
  if (fields && response.ok) {
    for (const entry of value.data) {
      assert.deepEqual(Object.keys(entry).filter((name) => !fields.includes(name)), [], place);
    }
    value.data = [];
  }
  assertDeclared(schema, value, place);
  answered.add(nameOf(found.route, response.status));
}
