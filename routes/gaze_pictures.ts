/** Pictures of the gaze on an image. */
import { z } from "zod";
import { readerName } from "@/lib/datasets/pseudonym.ts";
import { NotFound } from "@/lib/errors.ts";
import type { GazePictureRequest } from "@/lib/gaze/pictures/gaze_picture.ts";
import { drawGaze } from "@/lib/gaze/pictures/gaze_picture_thread.ts";
import { imageOf, imagePath, pngHeaders, readerQuery } from "./images.ts";
import { type Route, route } from "./route.ts";

const query = readerQuery.extend({
  size: z.coerce.number().int().min(16).max(4096).default(1024)
    .describe("Longer side of the picture at most, pixels"),
});

const picture = (kind: GazePictureRequest["kind"], summary: string): Route =>
  route({
    method: "GET",
    path: `${imagePath}/${kind}.png`,
    operationId: `getImage${kind[0].toUpperCase()}${kind.slice(1)}`,
    errors: [422, 429, 500],
    summary,
    scope: "read",
    query,
    answers: { 200: ["image/png"] },
    async handle(call) {
      const { services: { store }, query: { size } } = call;
      const reader = call.query.reader === undefined
        ? undefined
        : readerName(store, call.query.reader);
      const { image } = await imageOf(call);
      const rows = await store.gaze.ofImage(image.id, reader);
      const maps = (await store.heatmaps.ofImage(image.id))
        .filter((map) => reader === undefined || map.reader === reader);
      if (rows.length === 0 && (maps.length === 0 || kind === "scanpath")) {
        throw new NotFound(`Cannot find gaze on image "${image.name}"`);
      }
      const png = await drawGaze({
        kind,
        bytes: await store.files.read(image.file, `image "${image.name}"`),
        width: image.width,
        height: image.height,
        most: size,
        scanpaths: rows.map(({ fixations }) => fixations),
        maps: await Promise.all(
          maps.map(({ file }) => store.files.read(file, `a heatmap on image "${image.name}"`)),
        ),
      });
      return new Response(png, { headers: pngHeaders });
    },
  });

export const gazePictures: Route[] = [
  picture("heatmap", "Where readers looked, as a map"),
  picture("overlay", "The image with that map over it"),
  picture("scanpath", "The image with numbered fixations in their order"),
];
