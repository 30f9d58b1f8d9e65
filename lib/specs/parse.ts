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
  const lost = prototypeKey(request);
  if (lost !== undefined) {
    throw new InvalidInput("Cannot accept the spec of this job", [
      { pointer: lost, message: "this field is not known" },
    ]);
  }
  const parsed = schema.safeParse(request);
  if (parsed.success) return parsed.data;
  throw new InvalidInput(
    "Cannot accept the spec of this job",
    problemsOf(parsed.error),
  );
}

/** Pointer to a field called `__proto__`, which a schema passes over without a word; undefined where there is none. */
function prototypeKey(value: unknown, pointer = ""): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const at = `${pointer}/${key}`;
    const found = key === "__proto__" ? at : prototypeKey(inner, at);
    if (found !== undefined) return found;
  }
}
