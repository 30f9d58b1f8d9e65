/** A small multi-label set: a spot on the left, one on the right, stripes, each or none, on noise; gaze on the spots. */
import { csvLine } from "@/lib/csv.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { uniform } from "@/lib/random.ts";

/** One with a comma, one that a spreadsheet would run, one that a label's column is called. */
export const FINDINGS = ["left, spot", "=right", "Cancer"];

const SIDE = 24;

/** Whether image i has each finding; null where the table does not say it. */
export function truthOf(i: number): (0 | 1 | null)[] {
  return FINDINGS.map((_, k) => {
    if (i > 3 && uniform(7, i, k) < 0.1) return null;
    return hasFinding(i, k) ? 1 : 0;
  });
}

const hasFinding = (i: number, k: number) => uniform(5, Math.floor(i / 2), k) < 0.5;

export const imageName = (i: number) => `x${String(i).padStart(3, "0")}`;

export function findingPicture(i: number): Uint8Array<ArrayBuffer> {
  const out = raster(SIDE, SIDE, 1, 8);
  const [left, right, stripes] = [0, 1, 2].map((k) => hasFinding(i, k));
  for (let at = 0; at < SIDE * SIDE; at++) {
    const [x, y] = [at % SIDE, Math.floor(at / SIDE)];
    const lit = (left && Math.hypot(x - 6, y - 12) < 4) ||
      (right && Math.hypot(x - 18, y - 12) < 4);
    const bar = stripes && y % 4 < 2 && y > 18;
    out.data[at] = Math.round(40 + 40 * uniform(9, i, at) + (lit || bar ? 150 : 0));
  }
  return encodePng(out);
}

/** As a ZIP's files: a column for each finding, named by dataset.json. */
export function findingsSet(images = 40): Record<string, string | Uint8Array> {
  const all = Array.from({ length: images }, (_, i) => i);
  const fixations = all.flatMap((i) =>
    [0, 1, 2, 3].map((f) => {
      const x = 2 + 20 * uniform(11, i, f), y = 2 + 20 * uniform(12, i, f);
      return csvLine(imageName(i), "r1", x, y, 0.3 * f, 0.25);
    })
  );
  return {
    ...Object.fromEntries(all.map((i) => [`images/${imageName(i)}.png`, findingPicture(i)])),
    "labels.csv": csvLine("image", ...FINDINGS, "patient") +
      all.map((i) => csvLine(imageName(i), ...truthOf(i), `p${Math.floor(i / 2)}`)).join(""),
    "gaze/f.csv": csvLine("image", "reader", "x", "y", "start_s", "duration_s") +
      fixations.join(""),
    "dataset.json": JSON.stringify({ classes: FINDINGS, positive_label: "Cancer" }),
  };
}
