/**
 * How a picture is to be shown: which frame, which values are black and white. DICOM files have all
 * of it; of other pictures the grey values as they stand in the file can be windowed.
 */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { type Raster, raster } from "./raster.ts";

export interface ViewOptions {
  /** Which of several frames, from 0. */
  frame?: number;
  /** Centre and width of what lies between black and white, in place of the file's own window. */
  window?: [centre: number, width: number];
  /** Passes over the file's window, and shows all values between its smallest and largest. */
  fullRange?: boolean;
  /** Takes a file that says that patient data are burned into its pixels. */
  force?: boolean;
}

const frame = z.int().min(0).max(1e6);
const centre = z.number().min(-1e6).max(1e6);
const width = z.number().min(1, "the width of a window is at least 1").max(1e6);

/** As fields of `dataset.json`. */
export const viewFields = {
  /** Of DICOM files with several: which is taken, from 0. */
  frame: frame.optional(),
  /** Centre and width in place of DICOM files' own window. */
  window: z.tuple([centre, width]).optional(),
  /** "full": all values between the smallest and largest, in place of DICOM files' own window. */
  voi: z.enum(["file", "full"]).optional(),
  /** Takes DICOM files that say that patient data are burned into their pixels. */
  force: z.boolean().optional(),
};

/** The same in a query. */
export const viewQuery = {
  frame: z.coerce.number().pipe(frame).optional()
    .describe("Of a DICOM file with several frames: which, from 0"),
  window: z.string().regex(/^-?\d+(\.\d+)?,\d+(\.\d+)?$/, "CENTRE,WIDTH")
    .transform((text) => text.split(",").map(Number)).pipe(z.tuple([centre, width])).optional()
    .describe("Centre and width of what lies between black and white, in place of the file's own"),
  voi: viewFields.voi
    .describe("full: all values between the smallest and largest, in place of the file's window"),
  force: z.stringbool().optional()
    .describe("Takes a DICOM file that says that patient data are burned into its pixels"),
};

export type ViewFields = z.output<z.ZodObject<typeof viewFields>>;

/** Undefined where nothing is asked for. Throws InvalidInput for two windows. */
export function viewOf({ frame, window, voi, force }: ViewFields): ViewOptions | undefined {
  if (window && voi === "full") {
    throw new InvalidInput('Cannot use both a window and "voi": "full"');
  }
  const view: ViewOptions = {
    ...(frame === undefined ? {} : { frame }),
    ...(window === undefined ? {} : { window }),
    ...(voi === "full" ? { fullRange: true } : {}),
    ...(force ? { force } : {}),
  };
  return Object.keys(view).length > 0 ? view : undefined;
}

/** A window as DICOM's function LINEAR has it (PS3.3, C.11.2.1.2), to 0..1 and beyond. */
export function linearWindow([centre, width]: [number, number]): (value: number) => number {
  if (width === 1) return (value) => value <= centre - 0.5 ? 0 : 1;
  return (value) => (value - (centre - 0.5)) / (width - 1) + 0.5;
}

/** A picture of a kind that has one frame and no window of its own. Throws InvalidInput. */
export function viewed(source: Raster, { frame = 0, window, fullRange }: ViewOptions): Raster {
  if (frame > 0) {
    throw new InvalidInput(`Cannot take frame ${frame}: the picture has one frame, 0`);
  }
  if (!window && !fullRange) return source;
  if (source.channels === 3) {
    throw new InvalidInput(
      "Cannot use a window or the full range: these are for grey pictures, this one has colours",
    );
  }
  const { width, height, bits, data } = source;
  const map = window ? linearWindow(window) : rangeMap(data);
  const most = 2 ** bits - 1;
  // Each value is computed once.
  const table = Array.from(
    { length: most + 1 },
    (_, value) => Math.round(most * Math.min(1, Math.max(0, map(value)))),
  );
  const out = raster(width, height, 1, bits);
  for (let i = 0; i < data.length; i++) out.data[i] = table[data[i]];
  return out;
}

function rangeMap(data: Raster["data"]): (value: number) => number {
  let low = Infinity, high = -Infinity;
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high > low ? (value) => (value - low) / (high - low) : () => 0;
}
