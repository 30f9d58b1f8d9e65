/** What a writer of a format gives: the file, what is beside it, the options, and what must come back. */
import { gzipSync } from "node:zlib";
import type { GazeOptions } from "@/lib/gaze/formats/format.ts";
import type { Dice } from "./dice.ts";
import type { Point, Scene, SceneFixation, SceneImage, SceneTrial } from "./scene.ts";

export interface Expected {
  image: SceneImage;
  reader: string;
  /** Undefined: a filter makes them. */
  fixations?: SceneFixation[];
  /** Undefined: the file holds none. `undefined` in place of a point: no gaze. */
  samples?: { t: number; point?: Point; slack?: number }[];
  /** Precision of the file: image px, s. */
  px: number;
  s: number;
}

export interface Written {
  /** Path of the file that is read. */
  file: string;
  /** Lines of the file, without their ends. */
  lines: string[];
  /** Other files of the archive. */
  beside?: Record<string, string[]>;
  options?: Partial<GazeOptions>;
  expected: Expected[];
  /** Whether the file is one that is always UTF-8 with LF (JSON lines, gz). */
  gzip?: boolean;
  /** Whether comments or `sep=` may stand before it. */
  table?: string;
}

export type Writer = (scene: Scene, dice: Dice) => Written;

/** Samples as formats with one position tell them: the mean, or where one eye was found that one. */
export function meanSamples({ samples }: SceneTrial, offset = 0): Expected["samples"] {
  return samples.map(({ t, mean, slack }) => ({ t: t + offset, point: mean, slack }));
}

export const ENCODINGS = [
  "utf-8",
  "utf-8 with BOM",
  "utf-16le",
  "utf-16be",
  "windows-1252",
] as const;
export type Encoding = typeof ENCODINGS[number];
export const LINE_ENDS = ["\n", "\r\n", "\r"] as const;

export function bytesOf(text: string, encoding: Encoding): Uint8Array {
  switch (encoding) {
    case "utf-8":
      return new TextEncoder().encode(text);
    case "utf-8 with BOM":
      return new TextEncoder().encode("\ufeff" + text);
    case "utf-16le":
      return new Uint8Array(Buffer.from("\ufeff" + text, "utf16le"));
    case "utf-16be":
      return new Uint8Array(Buffer.from("\ufeff" + text, "utf16le").swap16());
    case "windows-1252":
      return new Uint8Array(Buffer.from(text, "latin1"));
  }
}

/** The file in random clothes: line ends, encoding, a comment or `sep=` before a table. */
export function dressed(written: Written, dice: Dice): Uint8Array {
  const lines = [...written.lines];
  if (written.table !== undefined) {
    if (dice.chance(0.2)) lines.unshift("# made by a program, on a day", "");
    if (dice.chance(0.2)) lines.unshift(`sep=${written.table}`);
  }
  const end = dice.pick(LINE_ENDS);
  const text = lines.join(end) + (dice.chance(0.8) ? end : "");
  if (written.gzip) {
    const bytes = bytesOf(text, dice.pick(["utf-8", "utf-8 with BOM"]));
    return new Uint8Array(gzipSync(bytes));
  }
  return bytesOf(text, dice.pick(ENCODINGS));
}

/** Numbers of one file: how many decimals, point or comma, and how a missing one is written. */
export function numbers(
  { decimals, comma = false, missing = "" }: {
    decimals: number;
    comma?: boolean;
    missing?: string;
  },
) {
  return (value: number | undefined): string => {
    if (value === undefined || Number.isNaN(value)) return missing;
    const text = value.toFixed(decimals);
    return comma ? text.replace(".", ",") : text;
  };
}

/** A row of a table, its cells quoted now and then, or where they must be. */
export function row(cells: (string | number)[], delimiter: string, quoted = false): string {
  return cells.map(String).map((cell) =>
    quoted || cell.includes(delimiter) || cell.includes('"')
      ? `"${cell.replaceAll('"', '""')}"`
      : cell
  ).join(delimiter);
}
