/** What a reader's eyes did on one image. Times are seconds, positions image pixels (origin top left, y down). */
import { z } from "zod";
import type { Size } from "@/lib/images/image_size.ts";

/** One measurement of the eye tracker. */
export interface Sample {
  /** s */
  t: number;
  /** image px; NaN where the eye was not found */
  x: number;
  y: number;
  valid: boolean;
}

/** A span in which the eye rested. */
export const fixationSchema = z.object({
  x: z.number().describe("image px"),
  y: z.number().describe("image px"),
  start: z.number().describe("s"),
  duration: z.number().describe("s"),
}).meta({ id: "Fixation" });
export type Fixation = z.output<typeof fixationSchema>;

/** Many samples: [n, 4], each row t (s), x, y (image px), valid (0 or 1). */
export type Samples = Float64Array<ArrayBuffer>;

/** Numbers in one row of `Samples`. */
export const SAMPLE_STRIDE = 4;

/** From a file's positions to image px: x -> x ax + bx, y -> y ay + by. */
export const mappingSchema = z.object({
  ax: z.number(),
  bx: z.number(),
  ay: z.number(),
  by: z.number(),
}).describe("From the file's positions to image px: x -> x ax + bx, y -> y ay + by");
export type Mapping = z.output<typeof mappingSchema>;

/** What was assumed of one recording, and what came of it: for reports. */
export const recordingFactsSchema = z.object({
  format: z.string().describe("Name of the parser that read it"),
  positions: z.string().describe(
    "What the file's positions are: `px of the screen`, `share of the image`, ...",
  ),
  time: z.string().describe("The file's unit of time; `order` where points have none"),
  eye: z.string().describe(
    "`average` of both, `left`, `right`, or `as recorded` where the file tells of one position only",
  ),
  filter: z.string().nullable().describe(
    "What made the fixations; null where the file held them",
  ),
  filter_parameters: z.record(z.string(), z.unknown()).nullable().describe("Defaults filled in"),
  px_per_degree: z.number().nullable().describe(
    "Image px per degree of visual angle that the filter used; null where it used none",
  ),
  origin_s: z.number().describe(
    "Time on the file's clock at which the recording's time 0 lies, s; 0 where times are the file's own",
  ),
  mapping: mappingSchema.describe(
    "How the file's positions became image px (the first, where it changed within the recording)",
  ),
  share_in_fixations: z.number().nullable().describe(
    "Share of the samples with gaze that lie in a fixation; null without samples",
  ),
  share_off_image: z.number().nullable().describe(
    "Share of the gaze off the image: of samples with gaze, without samples of fixations by duration; " +
      "null where it is not known",
  ),
}).meta({ id: "RecordingFacts" });
export type RecordingFacts = z.output<typeof recordingFactsSchema>;

/** One reader's gaze on one image: what every format is parsed into. */
export interface Gaze {
  /** Image id or file name, as the file has it (or as `imageSize` resolved it). */
  image: string;
  /**
   * The reader's name as the file has it, "" where it names none. It may be a person's name: whoever stores it
   * puts a keyed hash in its place.
   */
  reader: string;
  /** In the order of time. */
  fixations: Fixation[];
  /** Present where the file held samples. Samples off the image are kept. */
  samples?: Samples;
  /** Name of the parser that read it. */
  format: string;
  /** What was assumed: unit, eye, filter and its parameters, mapping. */
  assumptions: string[];
  /** How the file's positions became image px. */
  mapping: Mapping;
  /** Fixations off the image, whether dropped or clamped. */
  off_image: number;
  /** Fixations left out: off the image, or without a position. */
  dropped: number;
  /** Share of the recording without gaze, 0 to 1 (of samples by count, of fixations lost by count). */
  data_loss: number;
  facts: RecordingFacts;
}

export type { Size };

/** px; origin top left */
export interface Rectangle extends Size {
  x: number;
  y: number;
}

/** Samples as columns, in the shape of `Samples`. */
export function samplesOf(samples: Iterable<Sample>): Samples {
  const rows = [...samples];
  const table = new Float64Array(rows.length * SAMPLE_STRIDE);
  rows.forEach(({ t, x, y, valid }, i) => table.set([t, x, y, valid ? 1 : 0], i * SAMPLE_STRIDE));
  return table;
}

/** The `i`-th of `samples`. */
export function sampleAt(samples: Samples, i: number): Sample {
  const at = i * SAMPLE_STRIDE;
  return { t: samples[at], x: samples[at + 1], y: samples[at + 2], valid: samples[at + 3] === 1 };
}
