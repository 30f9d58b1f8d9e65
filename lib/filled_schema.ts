/** What is kept of settings: all of them, whatever the request left to its defaults. */
import { z } from "zod";

type Filled<Shape extends z.ZodRawShape> = {
  [Field in keyof Shape]: Shape[Field] extends z.ZodDefault<infer Inner extends z.ZodType> ? Inner
    : Shape[Field];
};

/** The object of `schema` after its defaults were filled in: they are no longer optional. */
export function filled<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
): z.ZodObject<Filled<Shape>, z.core.$strict> {
  const fields = Object.entries(schema.shape).map(([name, field]) => [
    name,
    field instanceof z.ZodDefault || field instanceof z.ZodPrefault ? field.unwrap() : field,
  ]);
  return z.strictObject(Object.fromEntries(fields) as Filled<Shape>);
}
