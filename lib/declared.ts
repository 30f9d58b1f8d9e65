/** Answers out of rows: what a newer server has added to a table is no part of them. */
import type { z } from "zod";

/** Those fields of a row that the schema of an answer declares. */
export function declared<Row extends object>(schema: z.ZodObject, row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).filter(([name]) => Object.hasOwn(schema.shape, name)),
  ) as Row;
}
