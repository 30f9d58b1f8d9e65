/** Idempotency-Key: the same POST twice does its work once, and gets the same answer. */
import { digestOf, ownerOf } from "./auth.ts";
import { HttpError } from "./problem.ts";
import type { Reply } from "./reply.ts";
import type { Call } from "./route.ts";
import { Conflict, InvalidInput } from "@/lib/errors.ts";

const kept = ["content-type", "location"];

/**
 * Runs `work` unless this key was used for the same request before; `body` is what was sent, or
 * makes a digest of it, where one is needed. Only answers of success are kept. Throws Conflict while the first request runs, and
 * InvalidInput when the key was used for another request.
 */
export async function once(
  call: Pick<Call, "request" | "services" | "key" | "keep" | "kept">,
  body: string | (() => Promise<string>),
  work: () => Response | Promise<Response>,
): Promise<Response> {
  const { request, services: { store }, key: apiKey } = call;
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
  call.keep = (answer) => store.idempotency.finish(owner, key, answer);
  try {
    const response = await work();
    if (call.kept) return response;
    if (!response.ok) {
      await store.idempotency.forget(owner, key);
      return response;
    }
    const body = await response.text();
    const headers = Object.fromEntries(
      [...response.headers].filter(([name]) => kept.includes(name)),
    );
    await call.keep({ status: response.status, headers, body });
    return new Response(body, { status: response.status, headers: response.headers });
  } catch (error) {
    // What was made stays made, and is answered when it is asked for again.
    if (!call.kept) await store.idempotency.forget(owner, key);
    throw error;
  }
}

/**
 * Makes something and keeps the answer about it, where the request has an Idempotency-Key: both in one transaction,
 * so that a server that dies in between has made nothing.
 */
export async function inOneWith<Given extends Reply<number, unknown>>(
  call: Pick<Call, "keep" | "kept" | "services">,
  work: () => Promise<Given>,
): Promise<Given> {
  const made = await call.services.store.db.transaction(async () => {
    const given = await work();
    await call.keep?.({
      status: given.status,
      headers: { "content-type": "application/json", ...given.headers },
      body: JSON.stringify(given.value),
    });
    return given;
  });
  call.kept = call.keep !== undefined;
  return made;
}
