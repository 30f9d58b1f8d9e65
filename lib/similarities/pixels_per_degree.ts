import type { Description } from "@/lib/datasets/description.ts";
import { placeImage, pxPerDegree } from "@/lib/gaze/screen.ts";
import type { DatasetRow } from "@/lib/store/mod.ts";

/** Image pixels per degree of visual angle; undefined where the data set does not say how it was shown. */
export function imagePixelsPerDegree(
  { meta }: Pick<DatasetRow, "meta">,
  image: { width: number; height: number },
): number | undefined {
  const { screen, viewing_distance_mm } = meta as Partial<Description>;
  const onScreen = pxPerDegree(screen, viewing_distance_mm);
  if (!screen || onScreen === undefined) return undefined;
  return onScreen * image.width / placeImage(image, screen).on.width;
}
