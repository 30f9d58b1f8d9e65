/** Idempotency-Key: the same POST twice does its work once, and gets the same answer. */
import { digestOf, ownerOf } from "./auth.ts";
import { HttpError } from "./problem.ts";
import type { Call } from "./route.ts";
import { Conflict, InvalidInput } from "@/lib/errors.ts";

const kept = ["content-type", "location"];

/**
 * Runs `work` unless this key was used for the same request before; `body` is what was sent, or
 * makes a digest of it, where one is needed. Only answers of success are kept. Throws Conflict while the first request runs, and
 * InvalidInput when the key was used for another request.
 */
export async function once(
  { request, services: { store }, key: apiKey }: Pick<Call, "request" | "services" | "key">,
  body: string | (() => Promise<string>),
  work: () => Response | Promise<Response>,
): Promise<Response> {
  const key = request.headers.get("idempotency-key");
  if (key === null) return await work();
  if (key === "" || key.length > 255) {
    throw new HttpError(400, "Cannot use this Idempotency-Key: 1 to 255 characters are needed");
  }
  const { pathname, search } = new URL(request.url);
  const owner = ownerOf(apiKey);
  const state = await store.idempotency.begin(
    owner,
    key,
    await digestOf(
      request.method,
      pathname,
      search,
      typeof body === "string" ? body : await body(),
    ),
  );
  if (state.state === "running") {
    throw new Conflict("Cannot answer: the first request with this Idempotency-Key still runs");
  }
  if (state.state === "mismatch") {
    throw new InvalidInput("Cannot use this Idempotency-Key again: it came with another request");
  }
  if (state.state === "finished") {
    const { status, headers, body } = state.answer;
    return new Response(body, { status, headers: { ...headers, "idempotency-replayed": "true" } });
  }
  try {
    const response = await work();
    if (!response.ok) {
      await store.idempotency.forget(owner, key);
      return response;
    }
    const body = await response.text();
    const headers = Object.fromEntries(
      [...response.headers].filter(([name]) => kept.includes(name)),
    );
    await store.idempotency.finish(owner, key, { status: response.status, headers, body });
    return new Response(body, { status: response.status, headers: response.headers });
  } catch (error) {
    await store.idempotency.forget(owner, key);
    throw error;
  }
}
