/** How gaze files are read, where they do not say it themselves: in dataset.json and with a single file. */
import { z } from "zod";
import { filterSpec } from "@/lib/gaze/filters/mod.ts";

const pixels = z.number().positive().max(100_000);
const millimetres = z.number().positive().max(100_000);
const name = z.string().min(1).max(512);

/** Where the image stood on what display. */
export const screenSchema = z.strictObject({
  width_px: pixels,
  height_px: pixels,
  width_mm: millimetres.optional(),
  height_mm: millimetres.optional(),
  image: z.union([
    z.enum(["auto", "centre", "fit", "stretch", "top_left"]),
    z.strictObject({ x: z.number(), y: z.number(), width: pixels, height: pixels }),
  ]).optional(),
});

/** Role to header of gaze tables: {"x": "FixX", "duration_ms": "Dur"}. */
export const columnsSchema = z.record(name, name);

export const gazeOptions = {
  screen: screenSchema.optional(),
  viewing_distance_mm: millimetres.optional(),
  columns: columnsSchema.optional(),
  /** Plain tables: positions of the image or of the screen; default: of the screen where `screen` is given. */
  coordinates: z.enum(["image", "screen"]).optional(),
  /** MicEye's version 1: height at which pictures were shown, px. */
  shown_height_px: pixels.optional(),
  /** What to do with fixations off the image; default drop. */
  off_image: z.enum(["drop", "clamp"]).optional(),
  /** How samples become fixations: {"kind": "ivt", "velocity_deg_s": 100}; default I-VT. */
  filter: filterSpec.optional(),
  eye: z.enum(["average", "left", "right"]).optional(),
  /** EyeLink, SMI: the message that names the image, as words, `*` being any word: `SHOW * {image}`. */
  image_pattern: z.string().max(200).optional(),
};
