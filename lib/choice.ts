/** One name of a registry, as a request gives it. */
import { z } from "zod";

/** What every entry of a registry tells people of itself. */
export interface Described {
  title: string;
  /** What it is, in a sentence. */
  about: string;
}

/** A schema of the registry's names; the description of the API tells title and sentence of each beside them. */
export function choice<Registry extends Record<string, Described>>(registry: Registry) {
  const entries = Object.values(registry);
  return z.enum(Object.keys(registry) as (keyof Registry & string)[]).meta({
    "x-enum-titles": entries.map(({ title }) => title),
    "x-enum-descriptions": entries.map(({ about }) => about),
  });
}

/**
 * Settings whose fields depend on another field: any object here, and parsed by the schema that the other
 * field chooses. The description of the API tells the schemas beside it.
 * @param field whose value is a name of `schemas`
 */
export function settingsBy(field: string, schemas: Record<string, z.ZodType>) {
  const described = Object.entries(schemas).map(([name, schema]) => {
    const { $schema: _, ...made } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
    return [name, made];
  });
  return z.record(z.string(), z.unknown())
    .meta({ "x-fields-by": { field, schemas: Object.fromEntries(described) } });
}

/** One part of every entry of a registry, by name. */
export function partOf<Entry, Part extends keyof Entry>(
  registry: Record<string, Entry>,
  part: Part,
): Record<string, Entry[Part]> {
  return Object.fromEntries(Object.entries(registry).map(([name, entry]) => [name, entry[part]]));
}
