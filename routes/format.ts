/** In which of its forms an answer goes out: by `?format=`, or else by Accept. */
import type { Context } from "hono";
import { accepts } from "hono/accepts";

/** Media types of the forms by name. The first form is the default; of several types one is sent. */
export type Formats<Name extends string = string> = Record<Name, string | readonly string[]>;

/** Where Accept names none of the types, the default is answered. */
export function formatOf<Name extends string>(
  c: Context,
  formats: Formats<Name>,
  asked?: Name,
): Name {
  if (asked !== undefined) return asked;
  const byType = new Map<string, Name>();
  for (const [name, types] of Object.entries<string | readonly string[]>(formats)) {
    for (const type of [types].flat().map(bare)) {
      if (!byType.has(type)) byType.set(type, name as Name);
    }
  }
  const [first] = byType.keys();
  const supports = [...byType.keys()];
  return byType.get(accepts(c, { header: "Accept", supports, default: first }))!;
}

/** A media type without its parameters. */
export const bare = (type: string): string => type.split(";")[0];
