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
