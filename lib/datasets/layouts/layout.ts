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
  /** Whether the set is known to have one image of each person, or to have named all persons. */
  patientsKnown?: boolean;
  /** Whether the split is that of folders, which often have no labels on one side. */
  splitByFolder?: boolean;
  gaze: string[];
  /** Ready-made maps; `names` are the readings of the path, the first that fits an image counts. */
  heatmaps: { path: string; names: { image: string; reader: string }[] }[];
  /** Tables of readers' decisions. */
  readings: string[];
  description: Description;
  /** The findings that a table of labels has, where it is of several an image. */
  classes?: string[];
  /** Files that nothing is taken from. */
  skipped: Problem[];
  /** What was taken for granted, and what the user should look at. */
  notes: Problem[];
}

export interface Source {
  /** Whether it comes to a data set, and may have no pictures of its own. */
  adding: boolean;
  /** The findings of the multi-label set that it comes to. */
  classes?: string[];
  /** Paths below the single top folder, if there is one. */
  names: string[];
  /** Whole paths of what is none of the data set: documents beside the top folder, junk of systems. */
  strays: string[];
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Uncompressed bytes of a file, as the archive claims them. */
  bytes(name: string): number;
  /** The path as problems name it. */
  full(name: string): string;
}

export interface Layout {
  title: string;
  /** A set that was published: its names name nobody, and are how others speak of it. */
  published?: boolean;
  detect(names: string[]): boolean;
  /** Throws InvalidInput. */
  plan(source: Source): Promise<Plan>;
}

/** What operating systems and archivers leave behind. */
export function isJunk(path: string): boolean {
  const last = path.slice(path.lastIndexOf("/") + 1);
  return path.startsWith("__MACOSX/") || path.includes("/__MACOSX/") || last.startsWith("._") ||
    last === ".DS_Store" || last === "Thumbs.db" || last === "desktop.ini";
}
