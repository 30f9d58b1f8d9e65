/** The table of rules: for every format and every rule a test of our own, or why the rule cannot apply. */
import assert from "node:assert/strict";
import type { GazeOptions, ParsedGaze } from "@/lib/gaze/formats/format.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import { sampleAt } from "@/lib/gaze/gaze.ts";

export const FORMATS = [
  "bids",
  "eyelink_asc",
  "eyelink_dataviewer",
  "eyetribe",
  "gazepoint",
  "i2mc",
  "imotions",
  "mcgip",
  "miceye",
  "plain",
  "pupil_core",
  "pupil_neon",
  "reflacx",
  "remodnav",
  "smi_begaze",
  "tobii_prolab",
  "tobii_sdk",
  "webgazer",
] as const;
export type FormatName = typeof FORMATS[number];

/** A test, or the reason why there is none. */
export type Cell = (() => Promise<void>) | { cannot: string };
export type Rule = Record<FormatName, Cell>;

/** A file with what is beside it. */
export interface File {
  file: string;
  text: string;
  beside?: Record<string, string>;
  options?: Partial<GazeOptions>;
}

/** The data set that all files are of: one image, under its name and its file's name. */
export const IMAGE = { width: 800, height: 600 };
export const OTHER = { width: 400, height: 300 };

export function parse(
  { file, text, beside = {}, options = {} }: File,
  change: Partial<GazeOptions> = {},
  bytes: Uint8Array = new TextEncoder().encode(text),
): Promise<ParsedGaze> {
  return parseGaze(bytes, {
    file,
    imageSize: (name) =>
      /^a(\.png)?$/.test(name)
        ? { ...IMAGE, name: "a" }
        : /^b(\.png)?$/.test(name)
        ? { ...OTHER, name: "b" }
        : undefined,
    beside: {
      names: [file, ...Object.keys(beside)],
      read: (name) => Promise.resolve(new TextEncoder().encode(beside[name])),
    },
    ...options,
    ...change,
  });
}

/** Places of the only recording, to a hundredth of a px: of its samples, or of its fixations where it has none. */
export function places({ gaze }: ParsedGaze, which = 0): (number[] | null)[] {
  const { samples, fixations } = gaze[which];
  const rounded = (...values: number[]) => values.map((value) => Math.round(value * 100) / 100);
  if (!samples) return fixations.map(({ x, y }) => rounded(x, y));
  return Array.from({ length: samples.length / 4 }, (_, i) => {
    const { x, y, valid } = sampleAt(samples, i);
    return valid ? rounded(x, y) : null;
  });
}

export const messages = ({ warnings }: ParsedGaze) => warnings.map(({ message }) => message);

export function warned(parsed: ParsedGaze, pattern: RegExp): void {
  assert.ok(
    messages(parsed).some((message) => pattern.test(message)),
    `${pattern} in ${messages(parsed)}`,
  );
}

export function assumed({ assumptions }: ParsedGaze, pattern: RegExp): void {
  assert.ok(assumptions.some((one) => pattern.test(one)), `${pattern} in ${assumptions}`);
}

export async function refused(file: File, pattern: RegExp, change: Partial<GazeOptions> = {}) {
  await assert.rejects(
    () => parse(file, change),
    (error: Error & { problems?: { message: string }[] }) =>
      pattern.test(error.message) ||
      (error.problems ?? []).some(({ message }) => pattern.test(message)),
  );
}

/** Rows of a table. */
export const rows = (...lines: (string | number)[][]) => lines.map((line) => line.join(","));
export const tabs = (...lines: (string | number)[][]) => lines.map((line) => line.join("\t"));
