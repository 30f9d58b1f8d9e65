/** Lists: `?limit=&after=`, `{data, has_more, next}`; `?fields=` leaves out what is not looked at. */
import { z } from "zod";
import type { Page } from "@/lib/store/mod.ts";

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(1000).default(100)
    .describe("Most entries of the answer"),
  after: z.string().min(1).max(600).optional()
    .describe("The `next` of the page before"),
};

/** The schema of a page of `entry`. */
export const pageOf = <Entry extends z.ZodType>(entry: Entry) =>
  z.object({ data: z.array(entry), has_more: z.boolean(), next: z.string().nullable() });

/** A list that comes in one piece. */
export const wholePage = <Entry>(data: Entry[]): Page<Entry> => ({
  data,
  has_more: false,
  next: null,
});

/** A page whose entries are shaped for the answer. */
export async function mapPage<A, B>(
  page: Page<A>,
  shape: (entry: A) => B | Promise<B>,
): Promise<Page<B>> {
  return { ...page, data: await Promise.all(page.data.map(shape)) };
}

/** The query of a list whose entries are so; a dot leads into an object. */
export function fieldsOf(entry: z.ZodObject | z.ZodDiscriminatedUnion<z.ZodObject[]>) {
  const { shape } = entry instanceof z.ZodObject ? entry : entry.options[0];
  const message = `Fields with commas, each of ${Object.keys(shape).join(", ")}; ` +
    "a dot leads into an object, as in a.b, to a field that it has";
  return z.string().max(2000).transform((text) => text.split(","))
    .refine((names) => names.every((name) => leads(entry, name.split("."))), message)
    .optional().describe(
      "Only these fields of each entry, with commas; a dot leads into one: `metrics.auc`",
    );
}

/** Whether a path of names leads to something in values of a schema. */
function leads(schema: unknown, [name, ...rest]: string[]): boolean {
  if (name === undefined) return true;
  if (
    schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  ) return leads(schema.unwrap(), [name, ...rest]);
  if (schema instanceof z.ZodUnion) {
    return schema.options.some((option) => leads(option, [name, ...rest]));
  }
  if (schema instanceof z.ZodPipe) return leads(schema.out, [name, ...rest]);
  if (schema instanceof z.ZodLazy) return leads(schema.unwrap(), [name, ...rest]);
  if (schema instanceof z.ZodRecord) return name !== "" && leads(schema.valueType, rest);
  if (!(schema instanceof z.ZodObject)) return schema instanceof z.ZodUnknown;
  return Object.hasOwn(schema.shape, name) && leads(schema.shape[name], rest);
}

/**
 * A page whose entries keep these fields alone. Its type stays that of the whole entries: who asks for a part
 * knows which.
 */
export function withFields<Page extends { data: object[] }>(
  page: Page,
  fields: string[] | undefined,
): Page {
  return fields ? { ...page, data: page.data.map((entry) => part(entry, fields)) } : page;
}

function part(entry: object, fields: string[]): object {
  const from = entry as Record<string, unknown>;
  const groups = Map.groupBy(fields, (field) => field.split(".")[0]);
  return Object.fromEntries(
    [...groups].map(([name, paths]) => {
      const inner = paths.map((path) => path.slice(name.length + 1));
      const value = from[name];
      const whole = inner.includes("") || value === null || typeof value !== "object" ||
        Array.isArray(value);
      return [name, whole ? value : part(value, inner)];
    }),
  );
}
