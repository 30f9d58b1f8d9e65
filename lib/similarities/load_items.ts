/** The images of a stored data set with their gaze, ready to be compared. */
import { InvalidInput } from "@/lib/errors.ts";
import { imagePixelsPerDegree } from "./pixels_per_degree.ts";
import type { Item } from "@/lib/gaze/similarity/measure.ts";
import { decodeImage } from "@/lib/images/decode.ts";
import type { DatasetRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";

/** All images in the order of their names; `readers` picks some. Heatmaps are decoded when they are needed. */
export async function loadItems(
  store: WorkerStore,
  dataset: DatasetRow,
  options: { readers?: string[] | null } = {},
): Promise<Item[]> {
  const readers = options.readers ?? undefined;
  const gaze = await store.gaze.ofDataset(dataset.id, readers);
  const heatmaps = await store.heatmaps.ofDataset(dataset.id);
  return (await store.images.all(dataset.id)).map(({ id, name, width, height }) => ({
    id: name,
    width,
    height,
    pixelsPerDegree: imagePixelsPerDegree(dataset, { width, height }),
    scanpaths: (gaze.get(id) ?? []).map(({ reader, fixations }) => ({ reader, fixations })),
    heatmaps: (heatmaps.get(id) ?? [])
      .filter(({ reader }) => !readers || readers.includes(reader))
      .map(({ reader, file }) => ({
        reader,
        map: async () =>
          await decodeImage(await store.files.read(file, `a heatmap on image "${name}"`)),
      })),
  }));
}

/** @throws {InvalidInput} when degrees are asked for and the data set does not say how it was shown */
export function checkDegrees(params: Record<string, unknown>, { meta, name }: DatasetRow): void {
  if (params.sigma_deg === undefined || imagePixelsPerDegree({ meta }, { width: 1, height: 1 })) {
    return;
  }
  throw new InvalidInput(
    `Cannot use sigma_deg: dataset "${name}" does not give screen.width_px, screen.width_mm and ` +
      "viewing_distance_mm",
    [{ pointer: "/params/sigma_deg", message: "sigma_px works without them" }],
  );
}
