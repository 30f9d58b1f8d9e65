/** The gaze on one image, reader by reader. */
import { z } from "zod";
import { agreements, MOST_READERS, readerAgreementSchema } from "@/lib/gaze/agreement.ts";
import { fixationSchema } from "@/lib/gaze/gaze.ts";
import { scanpathMeasures, scanpathMeasuresSchema } from "@/lib/gaze/measures.ts";
import type { ImageRow, Store } from "@/lib/store/mod.ts";

export const imageGazeSchema = z.object({
  image: z.string(),
  width: z.number().describe("Of the image, pixels"),
  height: z.number(),
  data: z.array(z.object({
    reader: z.string(),
    format: z.string().describe("Name of the parser that read it"),
    fixations: z.array(fixationSchema),
    measures: scanpathMeasuresSchema,
    assumptions: z.array(z.string()).describe("What was assumed when it was read"),
    dropped: z.number().describe("Fixations left out because they lie off the image"),
    data_loss: z.number().describe("Share of the recording without gaze, 0 to 1"),
  })),
  agreement: z.array(readerAgreementSchema)
    .describe(`Of all pairs of the first ${MOST_READERS} readers`),
}).meta({ id: "ImageGaze" });
export type ImageGaze = z.output<typeof imageGazeSchema>;

/** @param wanted name of a reader as it is kept; all without it */
export async function imageGaze(
  store: Store,
  image: ImageRow,
  wanted?: string,
): Promise<ImageGaze> {
  const all = await store.gaze.ofImage(image.id);
  const rows = all.filter(({ reader }) => wanted === undefined || reader === wanted);
  return {
    image: image.name,
    width: image.width,
    height: image.height,
    data: rows.map(({ reader, format, fixations, assumptions, dropped, data_loss }) => ({
      reader,
      format,
      fixations,
      measures: scanpathMeasures(fixations, image, data_loss),
      assumptions,
      dropped,
      data_loss,
    })),
    agreement: [...agreements(all, image)].filter(({ reader_1, reader_2 }) =>
      wanted === undefined || reader_1 === wanted || reader_2 === wanted
    ),
  };
}
