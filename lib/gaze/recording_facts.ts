/** What was made of one recording, in numbers: for reports. */
import { z } from "zod";
import { type Gaze, mappingSchema, SAMPLE_STRIDE } from "./gaze.ts";

export const recordingFactsSchema = z.object({
  format: z.string().describe("Name of the parser that read it"),
  mapping: mappingSchema,
  share_in_fixations: z.number().nullable()
    .describe("Share of the samples with gaze that lie in a fixation; null without samples"),
  share_off_image: z.number().nullable()
    .describe("Share of the fixations that lay off the image; null without any"),
}).meta({ id: "RecordingFacts" });
export type RecordingFacts = z.output<typeof recordingFactsSchema>;

export function factsOf(gaze: Gaze): RecordingFacts {
  const { format, mapping, fixations, off_image, dropped } = gaze;
  const all = fixations.length + dropped;
  return {
    format,
    mapping,
    share_in_fixations: shareInFixations(gaze),
    share_off_image: all === 0 ? null : off_image / all,
  };
}

/** Fixations are in the order of time, samples too: one walk over both. */
function shareInFixations({ samples, fixations }: Gaze): number | null {
  let [seen, inside, at] = [0, 0, 0];
  for (let i = 0; i < (samples?.length ?? 0); i += SAMPLE_STRIDE) {
    const [t, , , valid] = samples!.subarray(i, i + SAMPLE_STRIDE);
    if (valid !== 1) continue;
    seen++;
    while (at < fixations.length && t > fixations[at].start + fixations[at].duration) at++;
    if (at < fixations.length && t >= fixations[at].start) inside++;
  }
  return seen === 0 ? null : inside / seen;
}
