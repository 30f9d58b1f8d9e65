/** An image of a data set as it is told. */
import { z } from "zod";
import type { GazeCount, ImageRow, Store } from "@/lib/store/mod.ts";

export const splitSchema = z.enum(["train", "validation", "test"]);

export const imageSchema = z.object({
  id: z.string(),
  name: z.string(),
  format: z.enum(["png", "jpeg", "pnm", "dicom"]).describe("What was uploaded"),
  bytes: z.number(),
  width: z.number().describe("Pixels as shown"),
  height: z.number(),
  channels: z.literal([1, 3]),
  bits: z.literal([8, 16]),
  label: z.string().nullable(),
  patient: z.string().nullable(),
  split: splitSchema.nullable(),
  readers: z.array(z.object({ reader: z.string(), fixations: z.number() })),
}).meta({ id: "Image" });
export type Image = z.output<typeof imageSchema>;

/** `counts` are those of the images shown. */
export function viewImage(
  { dataset_id: _, file: __, ...row }: ImageRow,
  counts: GazeCount[],
): Image {
  const readers = counts.filter(({ image_id }) => image_id === row.id)
    .map(({ reader, fixations }) => ({ reader, fixations }));
  return { ...row, readers };
}

/** One image, with its readers looked up. */
export const imageView = (store: Store, row: ImageRow): Image =>
  viewImage(row, store.gaze.counts(row.dataset_id, [row.id]));
