/** Quotas of a key where requests come in: what may be stored, and who made what. */
import { assertMayStore } from "@/lib/access/quota.ts";
import type { Call, Route } from "./route.ts";

/** What was made, as the answer's Location names it. */
const made = /^\/v1\/(datasets|models|jobs|uploads)\/([^/]+)$/;

/** Bytes of requests under way, by key: those that come at once must fit together. */
const coming = new Map<string, number>();

const stores = (route: Route, query: unknown) =>
  typeof route.stores === "function"
    ? route.stores(query as Record<string, unknown>)
    : route.stores === true;

/**
 * Refuses a request that would store more than its key may, with all that is on its way.
 * @returns to be called when the request is over
 * @throws {QuotaReached}
 */
export async function checkQuota(
  route: Route,
  { key, request, query, services: { store } }: Call,
): Promise<() => void> {
  if (!stores(route, query) || !key || key.max_bytes === null) return () => {};
  const { headers } = request;
  // An upload counts as long as it will be, once: its parts are paid for.
  if (route.method === "PATCH") return () => {};
  const text = headers.get("upload-length") ?? headers.get("content-length") ??
    (request.body ? undefined : "0");
  const bytes = text === undefined ? undefined : Number(text);
  const { id } = key;
  const before = coming.get(id) ?? 0;
  const add = (more: number) => {
    const sum = (coming.get(id) ?? 0) + more;
    if (sum > 0) coming.set(id, sum);
    else coming.delete(id);
  };
  add(bytes ?? 0);
  try {
    await assertMayStore(store, key, bytes === undefined ? undefined : bytes + before);
  } catch (error) {
    add(-(bytes ?? 0));
    throw error;
  }
  return () => add(-(bytes ?? 0));
}

/** Notes whose key made what the request has made. */
export async function noteOwner(route: Route, call: Call, response: Response): Promise<void> {
  const { key, params, query, services: { store } } = call;
  if (!stores(route, query) || !key || !response.ok) return;
  const [, kind, name] = made.exec(response.headers.get("location") ?? "") ?? [];
  const dataset = kind === "datasets" ? decodeURIComponent(name) : kind ? undefined : params.name;
  if (dataset !== undefined) await noteDataset(call, dataset);
  else if (name !== undefined) await store.owners.note(name, key.id);
}

/** The same of a data set by its name. */
export async function noteDataset(
  { key, services: { store } }: Omit<Call, "body" | "query">,
  name: string,
): Promise<void> {
  const dataset = await store.datasets.findByName(name);
  if (key && dataset) await store.owners.note(dataset.id, key.id);
}
