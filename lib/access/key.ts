/** A key as it is told and asked for: without what is secret. */
import { z } from "zod";
import { declared } from "@/lib/declared.ts";
import { plainName } from "@/lib/plain_name.ts";
import { type KeyRow, scopes } from "@/lib/store/mod.ts";

/** Name of the key that comes from MCGIP_API_KEY. */
export const environment = "environment";

export const scopeSchema = z.enum(scopes);

const limits = {
  expires_at: z.iso.datetime().nullable().describe("After it the key is refused; null: never"),
  rate: z.number().gt(0).max(100_000).nullable()
    .describe("Requests a second over a longer time; null: any"),
  burst: z.int().min(1).max(1_000_000).nullable()
    .describe("Requests at once before `rate` counts; null: as many as `rate`, at least one"),
  max_bytes: z.int().min(0).max(2 ** 50).nullable()
    .describe("Bytes that its data sets, models, uploads and jobs' results may take; null: any"),
  max_jobs: z.int().min(0).max(1_000).nullable()
    .describe("Jobs of it that may wait, run or pause at a time; null: any"),
};

export const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(scopeSchema),
  ...limits,
  created_at: z.iso.datetime(),
  last_used_at: z.iso.datetime().nullable().describe(
    "Exact to a minute; null before the first use",
  ),
}).meta({ id: "Key" });
export type Key = z.output<typeof keySchema>;

export const newKeySchema = keySchema.extend({
  key: z.string().describe("Shown in this answer only"),
}).meta({ id: "NewKey" });

/** The fields of a key that people choose. */
const chosen = {
  name: plainName,
  scopes: z.array(scopeSchema).min(1).max(scopes.length).transform((all) => [...new Set(all)]),
  ...limits,
};

export const keyRequestSchema = z.strictObject({
  name: chosen.name,
  scopes: chosen.scopes,
  ...z.object(limits).partial().shape,
});
export const keyChangesSchema = z.strictObject(chosen).partial();
export type KeyRequest = z.output<typeof keyRequestSchema>;
export type KeyChanges = z.output<typeof keyChangesSchema>;

/** That of an environment ends with the servers that have it, which prolong it: no time of its end is known. */
export const toKeyView = ({ hash: _, ...row }: KeyRow): Key =>
  declared(keySchema, row.name === environment ? { ...row, expires_at: null } : row);
