/** A key as it is told: without what is secret. */
import { z } from "zod";
import { type KeyRow, scopes } from "@/lib/store/mod.ts";

export const scopeSchema = z.enum(scopes);

export const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(scopeSchema),
  created_at: z.iso.datetime(),
}).meta({ id: "Key" });
export type Key = z.output<typeof keySchema>;

export const newKeySchema = keySchema.extend({
  key: z.string().describe("Shown in this answer only"),
}).meta({ id: "NewKey" });

export const toKeyView = ({ hash: _, ...row }: KeyRow): Key => row;
