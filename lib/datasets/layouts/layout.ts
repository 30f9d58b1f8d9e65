/** How a data set is laid out in an archive. */
import type { Problem } from "@/lib/errors.ts";
import type { Description } from "../description.ts";
import type { ImageLabel } from "../labels.ts";

/** What is in the archive, by the roles of its files. */
export interface Plan {
  /** `name` is the image's id. */
  images: { name: string; path: string }[];
  labels: ImageLabel[];
  /** Where the labels come from, for problems. */
  labelsFile: string;
  gaze: string[];
  /** Ready-made maps; `names` are the readings of the path, the first that fits an image counts. */
  heatmaps: { path: string; names: { image: string; reader: string }[] }[];
  description: Description;
  /** Files that nothing is taken from. */
  skipped: Problem[];
}

export interface Source {
  /** Paths below the single top folder, if there is one. */
  names: string[];
  read(name: string): Promise<Uint8Array>;
  /** The path as problems name it. */
  full(name: string): string;
}

export interface Layout {
  title: string;
  detect(names: string[]): boolean;
  /** Throws InvalidInput. */
  plan(source: Source): Promise<Plan>;
}

/** What operating systems and archivers leave behind; passed over without a word. */
export function isJunk(path: string): boolean {
  const last = path.slice(path.lastIndexOf("/") + 1);
  return path.startsWith("__MACOSX/") || path.includes("/__MACOSX/") || last.startsWith("._") ||
    last === ".DS_Store" || last === "Thumbs.db" || last === "desktop.ini";
}
