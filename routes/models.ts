/** The registry of models: where they come from, what they look at, what they are called. */
import { z } from "zod";
import { datasetName } from "@/lib/datasets/name.ts";
import { Conflict, NotFound } from "@/lib/errors.ts";
import type { ModelRow, Store } from "@/lib/store/mod.ts";
import { modelSchema, toModelView } from "@/lib/training/model_view.ts";
import { fieldsOf, mapPage, pageOf, pageQuery, wholePage, withFields } from "./pages.ts";
import { reply } from "./reply.ts";
import { type Route, route } from "./route.ts";

/** What a request to delete means. Throws NotFound, and Conflict where it could mean several. */
async function toDelete(
  store: Store,
  reference: string,
  versions?: "newest" | "all",
): Promise<ModelRow[]> {
  const { models } = store;
  const found = await models.find(reference);
  if (found) return [found];
  const aliased = await models.aliased(reference);
  if (aliased !== undefined) {
    throw new Conflict(
      `Cannot delete by the alias "${reference}": give the id "${aliased}" to delete the model, or remove the alias`,
    );
  }
  const named = await models.versionsOf(reference);
  if (named.length === 0) throw new NotFound(`Cannot find model "${reference}"`);
  if (named.length > 1 && versions === undefined) {
    throw new Conflict(
      `Cannot delete "${reference}": it has ${named.length} versions; give an id, or ?versions=newest or all`,
    );
  }
  return versions === "newest" ? named.slice(0, 1) : named;
}

/** Throws Conflict while a job needs one of them. */
async function assertUnused(store: Store, rows: ModelRow[]): Promise<void> {
  for (const { id } of rows) {
    const job = await store.db.get<{ id: string }>(
      `SELECT id FROM jobs WHERE state IN ('queued', 'running', 'paused')
       AND (spec ->> 'model' = ? OR spec ->> 'init' = ?) LIMIT 1`,
      id,
      id,
    );
    if (job) throw new Conflict(`Cannot delete model "${id}": job "${job.id}" needs it`);
  }
}

export const models: Route[] = [
  route({
    method: "GET",
    path: "/v1/models",
    operationId: "listModels",
    summary: "Lists models, the newest first",
    scope: "read",
    query: z.strictObject({
      ...pageQuery,
      fields: fieldsOf(modelSchema),
    }),
    answers: { 200: pageOf(modelSchema) },
    handle: async ({ services: { store }, query: { fields, ...query } }) => {
      const rows = await store.models.list(query);
      return withFields(await mapPage(rows, (row) => toModelView(store, row)), fields);
    },
  }),
  route({
    method: "GET",
    path: "/v1/models/{id}",
    operationId: "getModel",
    summary: "One model by id, alias or name (then the newest version)",
    scope: "read",
    answers: { 200: modelSchema },
    handle: async ({ services: { store }, params: { id } }) =>
      await toModelView(store, await store.models.resolve(id)),
  }),
  route({
    method: "GET",
    path: "/v1/models/{id}/aliases",
    operationId: "listModelAliases",
    summary: "Other names that stand for this one version",
    scope: "read",
    answers: { 200: pageOf(z.string()) },
    handle: async ({ services: { store }, params: { id } }) =>
      wholePage(await store.models.aliasesOf((await store.models.resolve(id)).id)),
  }),
  route({
    method: "PUT",
    path: "/v1/models/{id}/aliases/{alias}",
    operationId: "setModelAlias",
    errors: [409, 422],
    summary: "Lets an alias stand for this version; one that stood for another is moved",
    scope: "write",
    answers: { 200: modelSchema },
    async handle({ services: { store }, params }) {
      const row = await store.models.resolve(params.id);
      await store.models.setAlias(datasetName(params.alias, "alias"), row.id);
      return await toModelView(store, row);
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/models/{id}/aliases/{alias}",
    operationId: "removeModelAlias",
    summary: "Removes an alias; the model stays",
    scope: "write",
    answers: { 204: null },
    async handle({ services: { store }, params: { id, alias } }) {
      const row = await store.models.resolve(id);
      const name = alias.normalize("NFC");
      if (await store.models.aliased(name) !== row.id) {
        throw new NotFound(`Cannot find alias "${alias}" of model "${row.id}"`);
      }
      await store.models.removeAlias(name);
      return reply(204, null);
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/models/{id}",
    operationId: "deleteModel",
    errors: [409],
    summary: "Deletes a model by id, or by a name; its evaluations and predictions stay",
    description:
      "A name of one version means that version; of several, `versions` says which. An alias is refused: it is " +
      "moved too easily to say what is to be lost.",
    scope: "write",
    query: z.strictObject({
      versions: z.enum(["newest", "all"]).optional().describe("Of a name, which are deleted"),
    }),
    answers: { 204: null },
    async handle({ services: { store }, params: { id }, query: { versions } }) {
      const rows = await store.db.transaction(async () => {
        const rows = await toDelete(store, id, versions);
        await assertUnused(store, rows);
        for (const row of rows) await store.models.remove(row.id);
        return rows;
      });
      await store.collectGarbage(rows.map(({ file }) => file));
      return reply(204, null);
    },
  }),
];
