/** Layouts of archives; the first that recognises the names is used. */
import { inbreast } from "./inbreast.ts";
import type { Layout } from "./layout.ts";
import { standard } from "./standard.ts";
import { tufts } from "./tufts.ts";

export const layouts: Record<string, Layout> = { inbreast, tufts, standard };

/** The layout of an archive whose files have these names. */
export function layoutOf(names: string[]): Layout {
  return Object.values(layouts).find((layout) => layout.detect(names))!;
}
