/** Maps over an image: what a network finds similar to a point of it, and what its decision rests on. */
import { z } from "zod";
import { agreement } from "@/lib/inference/agreement.ts";
import type { InferenceContext } from "@/lib/inference/predict_client.ts";
import {
  type ImageMap,
  imageSaliencyMap,
  imageSimilarityMap,
  overImage,
  stretched,
} from "@/lib/inference/image_map.ts";
import { SALIENCY_METHODS } from "@/lib/inference/protocol.ts";
import {
  type MapView,
  mapWarnings,
  saliencyMapSchema,
  similarityMapSchema,
} from "@/lib/inference/map_view.ts";
import { drawGaze } from "@/lib/gaze/pictures/gaze_picture_thread.ts";
import { digestOf } from "./auth.ts";
import { pngHeaders } from "./kept_picture.ts";
import { type OnePicture, onePicture, pictureQuery, pictureTypes } from "./pictures.ts";
import { HttpError } from "./problem.ts";
import type { Done } from "./reply.ts";
import { type Call, type Route, route } from "./route.ts";

const query = pictureQuery.extend({
  size: z.coerce.number().int().min(16).max(1024).default(256)
    .describe("Longer side of the map at most, pixels"),
  reader: z.string().max(512).optional().describe("Agreement with this reader's gaze only"),
  picture: z.enum(["overlay", "map"]).default("overlay")
    .describe("As PNG: the image with the map over it, or the map alone"),
});

const formats = { json: "application/json", png: "image/png" };
type MapFormat = keyof typeof formats;

type MapQuery = z.output<typeof query>;

/**
 * The answer of a route: a PNG if that is asked for, else JSON.
 * @param told what a map has besides, and what it means where all of it is 0
 */
async function answer<Q extends MapQuery, Made extends ImageMap, Told extends object>(
  call: Call<Q, unknown, MapFormat>,
  make: (asking: InferenceContext, picture: OnePicture) => Promise<Made>,
  told: (made: Made) => { fields: Told; nothing: string },
): Promise<Response | Done<MapView & Told>> {
  const { services: { store, workers: worker }, params: { id }, query, format } = call;
  const picture = await onePicture(call);
  const name = picture.stored && JSON.stringify(picture.stored.image.name);
  const asking = { store, model: await store.models.resolve(id), worker, name };
  if (format === "png") {
    return await drawn(await make(asking, picture), picture, query);
  }
  return await call.once(() => digestOf(picture.bytes), async () => {
    const made = await make(asking, picture);
    const map = overImage(made, query.size);
    const { columns, rows } = made.grid;
    const { fields, nothing } = told(made);
    return {
      model: asking.model.id,
      dataset: picture.stored?.dataset.name ?? null,
      image: picture.stored?.image.name ?? null,
      ...fields,
      ...map,
      grid: { columns, rows },
      warnings: mapWarnings(made.grid, nothing),
      agreement: await agreementWith(call, picture, map),
    };
  });
}

async function agreementWith(
  { services: { store }, query: { reader } }: Call<MapQuery>,
  { stored }: OnePicture,
  map: ReturnType<typeof overImage>,
) {
  if (!stored) return null;
  return agreement(map, stored.image, await store.gaze.ofImage(stored.image.id, reader));
}

async function drawn(
  { grid, image: { width, height } }: ImageMap,
  { bytes, view }: OnePicture,
  { picture, size }: MapQuery,
): Promise<Response> {
  const png = await drawGaze({
    kind: picture === "map" ? "heatmap" : "overlay",
    ...{ bytes, view, width, height, most: size, known: stretched(grid) },
    scanpaths: [],
    maps: [],
  });
  return new Response(png, { headers: pngHeaders });
}

export const maps: Route[] = [
  route({
    method: "POST",
    path: "/v1/models/{id}/similarity-map",
    operationId: "computeSimilarityMap",
    errors: [429, 500],
    summary:
      "Spatial sensing: how similar the network finds every place of an image to a point; JSON, or PNG by Accept",
    scope: "read",
    query: query.extend({
      x: z.coerce.number().min(0).describe("The point, image pixels from the left"),
      y: z.coerce.number().min(0).describe("From the top"),
    }),
    accepts: pictureTypes,
    answers: { 200: [similarityMapSchema, "image/png"] },
    formats,
    handle: (call) =>
      answer(
        call,
        (asking, picture) => imageSimilarityMap(asking, picture, call.query),
        () => ({
          fields: { x: call.query.x, y: call.query.y },
          nothing: "the network holds nothing at the point, which is then like nothing",
        }),
      ),
  }),
  route({
    method: "POST",
    path: "/v1/models/{id}/saliency",
    operationId: "computeSaliency",
    errors: [429, 500],
    summary:
      "Which places speak for a class (Grad-CAM), or where the class token of a vision transformer looks; JSON or PNG",
    description:
      "`method=grad_cam`: for the predicted class, or for `class`; of a vision transformer over the patches as they " +
      "enter its last block. `attention`: of the class token to the patches in the last block, the mean of its heads or " +
      "one `head`. `rollout`: through all blocks (Abnar and Zuidema 2020). What a token gives to itself is left out, " +
      "so that values add up to less than 1.",
    scope: "read",
    query: query.extend({
      class: z.string().max(512).optional().describe("Of method grad_cam alone"),
      method: z.enum(SALIENCY_METHODS).default("grad_cam"),
      head: z.coerce.number().int().min(0).optional()
        .describe("Of method attention: number of the head, from 0"),
    }),
    accepts: pictureTypes,
    answers: { 200: [saliencyMapSchema, "image/png"] },
    formats,
    handle: (call) =>
      answer(
        call,
        (asking, picture) => {
          const { class: label, method, head } = call.query;
          if (label !== undefined && method !== "grad_cam") {
            throw new HttpError(
              400,
              `Cannot show "class" by ${method}: where the class token looks is the same for every class; leave it out, or take grad_cam`,
            );
          }
          return imageSaliencyMap(asking, picture, { label, method, head });
        },
        ({ label, probabilities }) => ({
          fields: {
            ...{ method: call.query.method, head: call.query.head ?? null },
            ...{ class: label, probabilities },
          },
          nothing: call.query.method === "grad_cam"
            ? `nothing in the picture speaks for ${JSON.stringify(label)}`
            : "the class token looks at nothing but itself",
        }),
      ),
  }),
];
