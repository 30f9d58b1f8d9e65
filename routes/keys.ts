/** API keys: made with scopes, listed without what is secret, removed. */
import { z } from "zod";
import { Conflict, NotFound } from "@/lib/errors.ts";
import { keySchema, newKeySchema, scopeSchema, toKeyView } from "@/lib/access/key.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { reply } from "./reply.ts";
import { type Route, route } from "./route.ts";

export const keys: Route[] = [
  route({
    method: "GET",
    path: "/v1/keys",
    operationId: "listKeys",
    summary: "Lists keys, without what is secret",
    scope: "admin",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(keySchema) },
    handle: async ({ services: { store }, query }) =>
      await mapPage(await store.keys.list(query), toKeyView),
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
      scopes: z.array(scopeSchema).min(1).max(3),
    }),
    answers: { 201: newKeySchema },
    async handle({ services: { keyring }, body, request }) {
      // Its answer would be kept for the second request, and the key with it.
      if (request.headers.has("idempotency-key")) {
        throw new Conflict("Cannot make a key with an Idempotency-Key: its answer is never kept");
      }
      const made = await keyring.make(body.name, [...new Set(body.scopes)]);
      return reply(201, { ...toKeyView(made.row), key: made.key });
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
    async handle({ services: { keyring }, params: { id }, key }) {
      if (key?.id === id) throw new Conflict("Cannot remove the key of this request");
      if (!await keyring.remove(id)) throw new NotFound(`Cannot find key "${id}"`);
      return reply(204, null);
    },
  }),
];
