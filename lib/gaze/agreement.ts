/** How far the readers of one image looked at the same places: measures of pairs of heatmaps. */
import { z } from "zod";
import type { Fixation, Size } from "./gaze.ts";
import { heatmap } from "./heatmap.ts";
import { cc, kl, nss, sim } from "./measures.ts";

const number = z.number().nullable();

/** Of two readers, by the heatmaps of their fixations; null where one has none. */
export const readerAgreementSchema = z.object({
  reader_1: z.string(),
  reader_2: z.string(),
  cc: number.describe("Pearson's correlation of the two maps, -1 to 1"),
  sim: number.describe("their histogram intersection, 0 to 1"),
  kl_1_2: number.describe("divergence of the second's map from the first's, nats"),
  kl_2_1: number,
  nss_1_2: number.describe("saliency of the first's map at the second's fixations"),
  nss_2_1: number,
}).meta({ id: "ReaderAgreement" });
export type ReaderAgreement = z.output<typeof readerAgreementSchema>;

/** Cells of a map's longer side. */
const CELLS = 64;
/** Readers of one image whose pairs are compared. */
export const MOST_READERS = 50;

/** All pairs of the first 50 readers, one after the other. */
export function* agreements(
  recordings: { reader: string; fixations: Fixation[] }[],
  image: Size,
): Generator<ReaderAgreement> {
  const scale = CELLS / Math.max(image.width, image.height);
  const grid = {
    columns: Math.max(1, Math.round(image.width * scale)),
    rows: Math.max(1, Math.round(image.height * scale)),
  };
  const size = { width: grid.columns, height: grid.rows };
  const options = { weight: "duration", parity: false } as const;
  const compared = recordings.slice(0, MOST_READERS).map(({ reader, fixations }) => ({
    reader,
    fixations,
    map: heatmap({ ...image, fixations }, grid, options),
  }));
  for (const [i, a] of compared.entries()) {
    for (const b of compared.slice(i + 1)) {
      const empty = a.fixations.length === 0 || b.fixations.length === 0;
      yield {
        reader_1: a.reader,
        reader_2: b.reader,
        cc: empty ? null : cc(a.map, b.map),
        sim: sim(a.map, b.map),
        kl_1_2: kl(a.map, b.map),
        kl_2_1: kl(b.map, a.map),
        nss_1_2: nss(a.map, size, b.fixations, image),
        nss_2_1: nss(b.map, size, a.fixations, image),
      };
    }
  }
}
