/** Structured values in a query: JSON, or a short form. */
import { z } from "zod";

/** Reads a short form; undefined where the text is none. */
const shortForms = {
  /** `role:header,role:header` */
  pairs(text: string): unknown {
    const pairs = text.split(",").map((part) => part.split(":"));
    if (pairs.some(({ length }) => length !== 2)) return undefined;
    return Object.fromEntries(pairs.map((pair) => pair.map((word) => word.trim())));
  },
  /** `ivt` */
  kind(text: string): unknown {
    return /^\w+$/.test(text) ? { kind: text } : undefined;
  },
  /** `1920x1080` */
  size(text: string): unknown {
    const found = /^(\d+)x(\d+)$/i.exec(text);
    return found ? { width_px: Number(found[1]), height_px: Number(found[2]) } : undefined;
  },
};

/** A field whose text is JSON of `schema`, or its short form. */
export function fromText<Schema extends z.ZodType>(schema: Schema, form: keyof typeof shortForms) {
  return z.string().min(1).max(10_000).transform((text, context): unknown => {
    if (!text.trimStart().startsWith("{")) {
      const value = shortForms[form](text);
      if (value !== undefined) return value;
    }
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: `"${text.slice(0, 40)}" is not JSON` });
      return z.NEVER;
    }
  }).pipe(schema);
}
