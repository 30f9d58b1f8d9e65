/** An image of a data set as it is told. */
import { z } from "zod";
import { imageFormats } from "@/lib/images/sniff.ts";
import {
  type GazeCount,
  type HeatmapRow,
  type ImageRow,
  splitNames,
  type Store,
} from "@/lib/store/mod.ts";

export const splitSchema = z.enum(splitNames);

export const imageSchema = z.object({
  id: z.string(),
  name: z.string(),
  format: z.enum(imageFormats).describe("What was uploaded"),
  bytes: z.number(),
  width: z.number().describe("Pixels as shown"),
  height: z.number(),
  channels: z.literal([1, 3]),
  bits: z.literal([8, 16]),
  label: z.string().nullable(),
  patient: z.string().nullable(),
  split: splitSchema.nullable(),
  readers: z.array(z.object({ reader: z.string(), fixations: z.number() })),
  maps: z.array(z.string())
    .describe('Readers of its ready-made maps; "" where the data set names none'),
}).meta({ id: "Image" });
export type Image = z.output<typeof imageSchema>;

/** The same, after it was put in. */
export const storedImageSchema = imageSchema.extend({
  warnings: z.array(z.string()).describe("What of the file is not in the picture"),
}).meta({ id: "StoredImage" });

/** `counts` and `maps` are its own, or those of several images. */
export function toImageView(
  { dataset_id: _, file: __, ...row }: ImageRow,
  counts: GazeCount[],
  maps: HeatmapRow[],
): Image {
  const readers = counts.filter(({ image_id }) => image_id === row.id)
    .map(({ reader, fixations }) => ({ reader, fixations }));
  return {
    ...row,
    readers,
    maps: maps.filter(({ image_id }) => image_id === row.id).map(({ reader }) => reader),
  };
}

/** One image, with its readers looked up. */
export const imageViewOf = async (store: Store, row: ImageRow): Promise<Image> =>
  toImageView(
    row,
    await store.gaze.countsOf([row.id]),
    await store.heatmaps.ofImage(row.id),
  );
