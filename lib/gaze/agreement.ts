/** How far the readers of one image looked at the same places: measures of pairs of heatmaps. */
import type { Fixation, Size } from "./gaze.ts";
import { heatmap } from "./heatmap.ts";
import { cc, kl, nss, sim } from "./measures.ts";

/** Of two readers, by the heatmaps of their fixations; null where one has none. */
export interface Agreement {
  reader_1: string;
  reader_2: string;
  /** Pearson's correlation of the two maps, -1 to 1. */
  cc: number | null;
  /** Their histogram intersection, 0 to 1. */
  sim: number | null;
  /** Divergence of the second's map from the first's, nats, and the other way round. */
  kl_1_2: number | null;
  kl_2_1: number | null;
  /** Saliency of the first's map where the second's fixations are, and the other way round. */
  nss_1_2: number | null;
  nss_2_1: number | null;
}

/** Cells of a map's longer side. */
const CELLS = 64;
/** Readers of one image whose pairs are compared. */
export const MOST_READERS = 50;

/** All pairs of the first 50 readers, one after the other. */
export function* agreements(
  recordings: { reader: string; fixations: Fixation[] }[],
  image: Size,
): Generator<Agreement> {
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
