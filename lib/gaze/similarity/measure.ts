/** What a similarity measure is, and what it compares. */
import type { z } from "zod";
import type { Gpu } from "@/gpu/device.ts";
import type { Described } from "@/lib/choice.ts";
import type { Pairs } from "@/gpu/similarity/pairs.ts";
import type { Fixation } from "../gaze.ts";
import type { Raster } from "@/lib/images/raster.ts";

/** Loads a ready-made heatmap, of any size; only ratios of its greys count. */
export type LoadMap = () => Promise<Raster> | Raster;

/** One image with the gaze of its readers. */
export interface Item {
  /** Name of the image; matrices are keyed by it. */
  id: string;
  /** Image size, px. */
  width: number;
  height: number;
  /** Image px per degree of visual angle, where the screen's geometry is known. */
  pixelsPerDegree?: number;
  scanpaths: { reader: string; fixations: Fixation[] }[];
  /** Ready-made heatmaps; measures of heatmaps use them instead of the scanpaths. */
  heatmaps?: { reader: string; map: LoadMap }[];
}

/** What is compared with what: one reader's scanpath, or heatmap, of one image. */
export interface Comparand {
  /** Position of the image in the list of items. */
  item: number;
  width: number;
  height: number;
  pixelsPerDegree?: number;
  fixations: Fixation[];
  map?: LoadMap;
}

/** Comparands on the GPU; `valid` is false for gaze too short or empty: its pairs are NaN. */
export interface Prepared {
  pairs: Pairs;
  /** [comparands] */
  valid: boolean[];
  /** Parameters whose default depends on the data, as they were used. */
  used?: Record<string, unknown>;
  /** What the numbers may not be taken for, in sentences for the job's events. */
  warnings?: string[];
}

export interface Measure<Schema extends z.ZodType = z.ZodType> extends Described {
  /** Parameters, strict, with documented defaults. */
  params: Schema;
  /** Names of the values per pair; the first is the similarity, the others its parts. */
  components: string[];
  /** Least and greatest value; 0 and 1 where left out. */
  range?: [number, number];
  /** What it needs of gaze: with `heatmap`, ready-made maps stand in for scanpaths. */
  input: "scanpath" | "heatmap";
  /** `pause` is awaited now and then in long preparations; it may throw to stop them. */
  prepare(
    gpu: Gpu,
    comparands: Comparand[],
    params: z.output<Schema>,
    pause?: () => Promise<void>,
  ): Promise<Prepared>;
}
