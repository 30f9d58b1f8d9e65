import type { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { problemsOf } from "@/lib/problems.ts";
import { addedFields } from "./spec.ts";

/** What a kind's own schema does not know. */
const ADDED = ["kind", ...Object.keys(addedFields)];

/**
 * A spec by its schema, without what queueing added.
 * @throws {InvalidInput} with a pointer to each field that is wrong
 */
export function parseSpec<S extends z.ZodType>(schema: S, spec: unknown): z.output<S> {
  const request = Object.fromEntries(
    Object.entries(spec as object).filter(([field]) => !ADDED.includes(field)),
  );
  const parsed = schema.safeParse(request);
  if (parsed.success) return parsed.data;
  throw new InvalidInput(
    "Cannot accept the spec of this job",
    problemsOf(parsed.error),
  );
}
