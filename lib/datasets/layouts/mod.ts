/** Layouts of archives; the first that recognises the names is used. */
import { cbis_ddsm } from "./cbis_ddsm.ts";
import { egd_cxr } from "./egd_cxr.ts";
import { folders } from "./folders.ts";
import { inbreast } from "./inbreast.ts";
import type { Layout } from "./layout.ts";
import { reflacx } from "./reflacx.ts";
import { standard } from "./standard.ts";
import { tufts } from "./tufts.ts";

export const layouts: Record<string, Layout> = {
  inbreast,
  tufts,
  cbis_ddsm,
  egd_cxr,
  reflacx,
  standard,
  folders,
};

/** The layout of an archive whose files have these names. */
export function layoutOf(names: string[]): Layout {
  return Object.values(layouts).find((layout) => layout.detect(names))!;
}
