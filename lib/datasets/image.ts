/** An image of a data set as it is told. */
import { z } from "zod";
import { declared } from "@/lib/declared.ts";
import { imageFormats } from "@/lib/images/sniff.ts";
import {
  type GazeCount,
  type HeatmapRow,
  type ImageRow,
  splitNames,
  type Store,
} from "@/lib/store/mod.ts";
import { Turns } from "@/lib/turns.ts";
import { findingsOf, present, unknown } from "./multi_label.ts";

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
  label: z.string().nullable().describe("null in a multi-label set"),
  labels: z.array(z.string()).optional()
    .describe("In a multi-label set: the findings that are present"),
  unknown: z.array(z.string()).optional()
    .describe("In a multi-label set: the findings that are not known; all others are absent"),
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

/**
 * @param counts its own, or those of several images, as are `maps`
 * @param classes the findings of a multi-label set
 */
export function toImageView(
  { dataset_id: _, file: __, findings, ...row }: ImageRow,
  { counts, maps, classes }: {
    counts: GazeCount[];
    maps: HeatmapRow[];
    classes: string[] | null;
  },
): Image {
  const readers = counts.filter(({ image_id }) => image_id === row.id)
    .map(({ reader, fixations }) => ({ reader, fixations }));
  const { patient, split, ...first } = row;
  return {
    ...declared(imageSchema, first),
    ...(classes && {
      labels: present(findings, classes),
      unknown: unknown(findings, classes),
    }),
    ...{ patient, split },
    readers,
    maps: maps.filter(({ image_id }) => image_id === row.id).map(({ reader }) => reader),
  };
}

/** Images whose fixations are counted at a time. */
const AT_ONCE = 20;

/**
 * Several images, with their readers looked up.
 * @param classes the findings of a multi-label set
 */
export async function imageViewsOf(
  store: Store,
  rows: ImageRow[],
  classes: string[] | null,
): Promise<Image[]> {
  const views: Image[] = [];
  const turns = new Turns();
  for (let from = 0; from < rows.length; from += AT_ONCE) {
    const part = rows.slice(from, from + AT_ONCE);
    const ids = part.map(({ id }) => id);
    const counts = Map.groupBy(await store.gaze.countsOf(ids), ({ image_id }) => image_id);
    const maps = await store.heatmaps.ofImages(ids);
    for (const row of part) {
      views.push(toImageView(row, {
        counts: counts.get(row.id) ?? [],
        maps: maps.get(row.id) ?? [],
        classes,
      }));
    }
    await turns.give();
  }
  return views;
}

/** One image, with its readers looked up. */
export async function imageViewOf(store: Store, row: ImageRow): Promise<Image> {
  return toImageView(row, {
    counts: await store.gaze.countsOf([row.id]),
    maps: await store.heatmaps.ofImage(row.id),
    classes: findingsOf(await store.datasets.get(row.dataset_id)),
  });
}
