/** What goes into a gaze format and what comes out of it; the ground on which all files of this folder stand. */
import type { Problem } from "@/lib/errors.ts";
import type { FilterSpec } from "../filters/mod.ts";
import type { Gaze, Size } from "../gaze.ts";
import type { Screen } from "../screen.ts";

/** The other files of an archive: sidecars and tables that a format may need. */
export interface Beside {
  /** Paths in the archive. */
  names: string[];
  read(name: string): Promise<Uint8Array>;
}

export interface GazeOptions {
  /** Name of the file, with its folders; problems name it. */
  file: string;
  /** Name of a parser; `auto` (the default) looks at the head of the file. */
  format?: string;
  /** Role to header, for tables with headers of their own: `{"x": "FixX", "duration_ms": "Dur"}`. */
  columns?: Record<string, string>;
  /**
   * Size of the image that a file calls `name` (an id or a file name), undefined if there is none; `name` in the
   * answer is the name to keep. Without this function nothing is known of images: no gaze is left out, and
   * normalised positions cannot be read.
   */
  imageSize?(name: string): (Size & { name?: string }) | undefined;
  /** Of a name for which `imageSize` finds none: the images among which it does not decide. */
  candidates?(name: string): string[];
  /** Image and reader where the file names none (otherwise found in the file's name). */
  image?: string;
  reader?: string;
  screen?: Screen;
  viewing_distance_mm?: number;
  /**
   * Plain tables: whether positions are px (or shares) of the image or of the screen; without it of the screen
   * where `screen` is given, else of the image.
   */
  coordinates?: "image" | "screen";
  /** MicEye's version 1: height at which pictures were shown (its `image height`), px. */
  shown_height_px?: number;
  /** What to do with fixations off the image; default `drop`. */
  off_image?: "drop" | "clamp";
  /** How samples become fixations; default I-VT. */
  filter?: FilterSpec;
  /** Which eye, where there are two; default `average` (or the valid one). */
  eye?: "average" | "left" | "right";
  /** EyeLink, SMI: the message that names the image, as words: `SHOW * {image}`, where `*` is any word. */
  image_pattern?: string;
  beside?: Beside;
}

export interface ParsedGaze {
  /** One per image and reader, in the order of the file. */
  gaze: Gaze[];
  /** Name of the parser that read it. */
  format: string;
  /** Role to header of the columns that were found, for tables. */
  columns: Record<string, string>;
  /** What was assumed for the whole file. */
  assumptions: string[];
  /** Images that the file names and the data set has not: the first thousand. */
  unknown: string[];
  /** What the user should look at; none of it stops the import. */
  warnings: Problem[];
}

/** The beginning of a file, for detection. */
export interface Head {
  file: string;
  /** The first 64 KiB, decoded. */
  text: string;
  /** The first line that holds something: no comment, no `sep=;`. */
  first: string;
  /** Its number, from 1. */
  line: number;
  /** What a line `sep=;` says, "" without one. */
  separator: string;
}
