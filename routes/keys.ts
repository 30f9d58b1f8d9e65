/** API keys: made with scopes, listed without what is secret, removed. */
import { z } from "zod";
import { Conflict } from "@/lib/errors.ts";
import {
  keyChangesSchema,
  keyRequestSchema,
  keySchema,
  newKeySchema,
  toKeyView,
} from "@/lib/access/key.ts";
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
    description:
      "Its bounds are none where they are not given. `deno task keys` does the same on the machine.",
    scope: "admin",
    json: keyRequestSchema,
    answers: { 201: newKeySchema },
    async handle({ services: { keyring }, body, request }) {
      // Its answer would be kept for the second request, and the key with it.
      if (request.headers.has("idempotency-key")) {
        throw new Conflict("Cannot make a key with an Idempotency-Key: its answer is never kept");
      }
      const made = await keyring.make(body);
      return reply(201, { ...toKeyView(made.row), key: made.key });
    },
  }),
  route({
    method: "PATCH",
    path: "/v1/keys/{id}",
    operationId: "changeKey",
    errors: [409],
    summary: "Changes the fields that are given, of any key but that of MCGIP_API_KEY",
    description: "A `burst` goes with the `rate` that it was of: `rate` null takes both away.",
    scope: "admin",
    json: keyChangesSchema,
    answers: { 200: keySchema },
    handle: async ({ services: { keyring }, params: { id }, body }) =>
      toKeyView(await keyring.change(id, body)),
  }),
  route({
    method: "DELETE",
    path: "/v1/keys/{id}",
    operationId: "deleteKey",
    errors: [409],
    summary: "Removes a key; not the one that asks, nor the last one that can make keys",
    scope: "admin",
    answers: { 204: null },
    async handle({ services: { keyring }, params: { id }, key }) {
      if (key?.id === id) throw new Conflict("Cannot remove the key of this request");
      await keyring.remove(id);
      return reply(204, null);
    },
  }),
];
