/** Whether a map over an image shows where readers looked. */
import { z } from "zod";
import type { Fixation, Size } from "@/lib/gaze/gaze.ts";
import { heatmap } from "@/lib/gaze/heatmap.ts";
import { cc, nss } from "@/lib/gaze/measures.ts";

const number = z.number().nullable();

/** null where a map is flat. */
export const gazeAgreementSchema = z.object({
  readers: z.array(z.string()),
  fixations: z.number().describe("On the image"),
  cc: number.describe(
    "Pearson's correlation with the gaze heatmap (weighted by duration), -1 to 1",
  ),
  nss: number.describe("Mean of the standardised map at the fixations"),
  iou_top_20: number.describe(
    "Intersection over union of the highest fifths of the map and of the gaze heatmap, 0 to 1",
  ),
}).meta({ id: "GazeAgreement" });
export type GazeAgreement = z.output<typeof gazeAgreementSchema>;

const SHARE = 0.2;

/**
 * @param map values [height, width] over the whole image
 * @param image size in the pixels of the fixations
 * @returns null without a fixation on the image
 */
export function agreement(
  map: Size & { values: ArrayLike<number> },
  image: Size,
  scanpaths: { reader: string; fixations: Fixation[] }[],
): GazeAgreement | null {
  const seen = scanpaths.map(({ reader, fixations }) => ({
    reader,
    fixations: fixations.filter(({ x, y }) =>
      x >= 0 && y >= 0 && x <= image.width && y <= image.height
    ),
  })).filter(({ fixations }) => fixations.length > 0);
  if (seen.length === 0) return null;
  const fixations = seen.flatMap((scanpath) => scanpath.fixations);
  const grid = { columns: map.width, rows: map.height };
  const gaze = heatmap({ ...image, fixations }, grid, { weight: "duration", parity: false });
  const [ours, theirs] = [top(map.values), top(gaze)];
  return {
    readers: seen.map(({ reader }) => reader),
    fixations: fixations.length,
    cc: cc(map.values, gaze),
    nss: nss(map.values, map, fixations, image),
    iou_top_20: ours && theirs ? overlap(ours, theirs) : null,
  };
}

/**
 * The cells of a map that are as high as its highest fifth, 1 for each. Cells at the map's least value never
 * count: a map that is zero almost everywhere has a smaller top.
 */
function top(values: ArrayLike<number>): Uint8Array | null {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  const least = sorted[0];
  if (least === sorted[n - 1]) return null;
  const threshold = sorted[n - Math.max(1, Math.round(SHARE * n))];
  return Uint8Array.from(values, (value) => value >= threshold && value > least ? 1 : 0);
}

function overlap(a: Uint8Array, b: Uint8Array): number {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    both += a[i] & b[i];
    either += a[i] | b[i];
  }
  return both / either;
}
