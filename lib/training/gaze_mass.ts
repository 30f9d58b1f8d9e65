/** Where readers looked on an image, as plain numbers for the crops of training. */
import { loadPixels } from "@/lib/datasets/pixel_cache.ts";
import type { ImageRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";

/** Rows of x, y (0 to 1 over the image) and share of the gaze, which add up to 1: [P, 3]. */
export type GazeMass = Float32Array;

/** Cells per side that a ready-made map is reduced to. */
const CELLS = 32;

/**
 * The gaze of each image: fixations of all readers by their durations, else ready-made maps; undefined
 * without either.
 * @throws {InvalidInput} naming a map that does not decode
 */
export async function loadGazeMass(
  store: WorkerStore,
  rows: ImageRow[],
): Promise<(GazeMass | undefined)[]> {
  if (rows.length === 0) return [];
  const gaze = await store.gaze.ofDataset(rows[0].dataset_id);
  const maps = await store.heatmaps.ofDataset(rows[0].dataset_id);
  const seen = rows.map(({ id, width, height }) =>
    asMass(
      (gaze.get(id) ?? []).flatMap(({ fixations }) =>
        fixations.map(({ x, y, duration }) => [x / width, y / height, duration])
      ),
    )
  );
  const files = rows.flatMap(({ id, dataset_id, name }, i) =>
    seen[i] ? [] : (maps.get(id) ?? []).map(({ file }) => ({ dataset_id, name, file, at: i }))
  );
  if (files.length === 0) return seen;
  const { data } = await loadPixels(store, files, {
    size: { height: CELLS, width: CELLS },
    channels: 1,
  });
  const cells = Map.groupBy(files.keys(), (map) => files[map].at);
  for (const [image, places] of cells) {
    seen[image] = asMass(
      places.flatMap((map) =>
        Array.from({ length: CELLS * CELLS }, (_, cell) => [
          (cell % CELLS + 0.5) / CELLS,
          (Math.floor(cell / CELLS) + 0.5) / CELLS,
          data[map * CELLS * CELLS + cell],
        ])
      ),
    );
  }
  return seen;
}

/** Points on the image with some weight, which is made to add up to 1; undefined when none is left. */
function asMass(points: number[][]): GazeMass | undefined {
  const on = points.filter(([x, y, weight]) => x >= 0 && x <= 1 && y >= 0 && y <= 1 && weight > 0);
  const total = on.reduce((sum, [, , weight]) => sum + weight, 0);
  return total > 0 ? Float32Array.from(on.flatMap(([x, y, w]) => [x, y, w / total])) : undefined;
}
