/** API keys: made with scopes, listed without what is secret, removed. */
import { z } from "zod";
import { Conflict, NotFound } from "@/lib/errors.ts";
import type { KeyRow } from "@/lib/store/mod.ts";
import { json } from "./pipeline.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { type Route, route } from "./route.ts";

const scope = z.enum(["read", "write", "admin"]);
const key = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(scope),
  created_at: z.iso.datetime(),
});

const view = ({ hash: _, ...row }: KeyRow) => row;

export const keys: Route[] = [
  route({
    method: "GET",
    path: "/v1/keys",
    operationId: "listKeys",
    summary: "Lists keys, without what is secret",
    scope: "admin",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(key) },
    handle: ({ services: { store }, query }) => json(mapPage(store.keys.list(query), view)),
  }),
  route({
    method: "POST",
    path: "/v1/keys",
    operationId: "createKey",
    idempotent: false,
    errors: [409],
    summary: "Makes a key; it is shown in this answer only",
    scope: "admin",
    json: z.strictObject({
      name: z.string().min(1).max(200),
      scopes: z.array(scope).min(1).max(3),
    }),
    answers: { 201: key.extend({ key: z.string() }) },
    handle({ services: { keyring }, body, request }) {
      // Its answer would be kept for the second request, and the key with it.
      if (request.headers.has("idempotency-key")) {
        throw new Conflict("Cannot make a key with an Idempotency-Key: its answer is never kept");
      }
      const made = keyring.make(body.name, [...new Set(body.scopes)]);
      return json({ ...view(made.row), key: made.key }, 201);
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/keys/{id}",
    operationId: "deleteKey",
    errors: [409],
    summary: "Removes a key; not the one that asks",
    scope: "admin",
    answers: { 204: null },
    handle({ services: { keyring }, params: { id }, key }) {
      if (key?.id === id) throw new Conflict("Cannot remove the key of this request");
      if (!keyring.remove(id)) throw new NotFound(`Cannot find key "${id}"`);
      return new Response(null, { status: 204 });
    },
  }),
];
