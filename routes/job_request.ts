/** The description of what `POST /v1/jobs` takes: the spec of each kind, told apart by `kind`. */
import { z } from "zod";
import { specs } from "@/lib/specs/mod.ts";

const requests = Object.entries(specs).map(([kind, spec]) => {
  const schema: z.ZodType = spec.schema;
  if (!(schema instanceof z.ZodObject)) throw new Error(`Cannot describe jobs of kind "${kind}"`);
  const name = `${kind[0].toUpperCase()}${kind.slice(1)}Request`;
  return z.strictObject({ kind: z.literal(kind), ...schema.shape })
    .meta({ ...schema.meta(), id: name, title: spec.title, description: spec.about });
});

/** It has no name of its own: whoever reads the description finds the kinds where the body is. */
export const jobRequest = z.discriminatedUnion("kind", requests as [typeof requests[number]]);
