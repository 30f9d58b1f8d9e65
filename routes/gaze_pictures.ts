/** Pictures of the gaze on an image. */
import { z } from "zod";
import { readerName } from "@/lib/datasets/pseudonym.ts";
import { NotFound } from "@/lib/errors.ts";
import type { GazePictureRequest } from "@/lib/gaze/pictures/gaze_picture.ts";
import { drawGaze } from "@/lib/gaze/pictures/gaze_picture_thread.ts";
import { viewOf, viewQuery } from "@/lib/images/view.ts";
import type { Store } from "@/lib/store/mod.ts";
import { imageOf, imagePath, readerQuery } from "./images.ts";
import { keptPicture } from "./kept_picture.ts";
import { type Route, route } from "./route.ts";

const { window, voi } = viewQuery;
const query = readerQuery.extend({
  ...{ window, voi },
  size: z.coerce.number().int().min(16).max(4096).default(1024)
    .describe("Longer side of the picture at most, pixels"),
});

/** Who has read other images is no mistake. Throws NotFound for a name that nobody in the data set has. */
async function assertReader(store: Store, dataset: string, reader: string): Promise<void> {
  if (await store.gaze.has(dataset, reader) || await store.heatmaps.has(dataset, reader)) return;
  throw new NotFound(`Cannot find reader "${reader}" in this data set`);
}

const picture = (kind: GazePictureRequest["kind"], summary: string): Route =>
  route({
    method: "GET",
    path: `${imagePath}/${kind}.png`,
    operationId: `getImage${kind[0].toUpperCase()}${kind.slice(1)}`,
    errors: [422, 429, 500],
    summary,
    description:
      "An image without gaze is answered as it is, with `X-Gaze: none`. Without `window` and `voi` 16 bits " +
      "are stretched from their least value to their greatest; `voi=file` shows them as stored.",
    headers: ["X-Gaze"],
    scope: "read",
    query,
    answers: { 200: ["image/png"], 304: null },
    async handle(call) {
      const { services: { store }, query: { size, window, voi } } = call;
      const reader = call.query.reader === undefined
        ? undefined
        : readerName(store, call.query.reader);
      const { image } = await imageOf(call);
      const rows = await store.gaze.ofImage(image.id, reader);
      const maps = (kind === "scanpath" ? [] : await store.heatmaps.ofImage(image.id))
        .filter((map) => reader === undefined || map.reader === reader);
      const isBare = rows.length === 0 && maps.length === 0;
      if (isBare && reader !== undefined) await assertReader(store, image.dataset_id, reader);
      const drawn = {
        kind: isBare ? "image" as const : kind,
        view: viewOf({ window, voi }),
        stretch: window === undefined && voi === undefined,
        most: size,
        scanpaths: rows.map(({ fixations }) => fixations),
      };
      const of = { ...drawn, file: image.file, maps: maps.map(({ file }) => file) };
      const headers = { "x-gaze": isBare ? "none" : "drawn" };
      return await keptPicture(call, { dataset_id: image.dataset_id, of, headers }, async () =>
        await drawGaze({
          ...drawn,
          bytes: await store.files.read(image.file, `image "${image.name}"`),
          width: image.width,
          height: image.height,
          maps: await Promise.all(
            maps.map(({ file }) =>
              store.files.read(file, `a heatmap on image "${image.name}"`)
            ),
          ),
        }));
    },
  });

export const gazePictures: Route[] = [
  picture("heatmap", "Where readers looked, as a map"),
  picture("overlay", "The image with that map over it"),
  picture("scanpath", "The image with numbered fixations in their order"),
];
