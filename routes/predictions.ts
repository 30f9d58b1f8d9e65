/** Predictions: made for pictures of a request or of a data set, stored, queried. */
import { z } from "zod";
import { encodedPicture, type PictureInput, predictAll } from "@/lib/inference/predict_client.ts";
import type { PredictionRow } from "@/lib/store/mod.ts";
import { json } from "./pipeline.ts";
import { digestOf } from "./auth.ts";
import { once } from "./idempotency.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { namedPictures, pictureTypes, sentPictures, storedPictures } from "./pictures.ts";
import { type Call, type Route, route } from "./route.ts";

const prediction = z.object({
  id: z.string(),
  model: z.string(),
  dataset: z.string().nullable(),
  image: z.string().nullable(),
  label: z.string(),
  probabilities: z.record(z.string(), z.number()),
  created_at: z.iso.datetime(),
}).meta({ id: "Prediction" });

function view({ model_id, probability: _, ...row }: PredictionRow) {
  return { ...row, model: model_id };
}

async function predict(call: Call<unknown, z.output<typeof namedPictures> | undefined>) {
  const { services: { store, supervisor: worker }, params: { id }, body } = call;
  const model = store.models.resolve(id);
  const answer = async (asked: PictureInput[]) => {
    const rows = await predictAll({ store, model, worker }, asked);
    return json({ data: rows.map(view) });
  };
  if (body) return await answer(storedPictures(store, body));
  const pictures = await sentPictures(call.request);
  return await once(
    call,
    digestOf(...pictures),
    () => answer(pictures.map((bytes) => encodedPicture(() => Promise.resolve(bytes)))),
  );
}

export const predictions: Route[] = [
  route({
    method: "POST",
    path: "/v1/models/{id}/predictions",
    summary: "Predicts pictures (one as the body, several in a form, or names of a data set's)",
    scope: "write",
    json: namedPictures,
    accepts: [...pictureTypes, "multipart/form-data"],
    answers: { 200: z.object({ data: z.array(prediction) }) },
    handle: predict,
  }),
  route({
    method: "GET",
    path: "/v1/predictions",
    summary: "Stored predictions, in the order of their making",
    scope: "read",
    query: z.strictObject({
      ...pageQuery,
      model: z.string().max(200).optional().describe("Id, alias or name"),
      dataset: z.string().max(200).optional(),
      image: z.string().max(512).optional(),
      label: z.string().max(512).optional(),
      min_probability: z.coerce.number().min(0).max(1).optional()
        .describe("Least probability of the predicted label"),
    }),
    answers: { 200: pageOf(prediction) },
    handle({ services: { store }, query: { model, ...query } }) {
      // A model that was deleted is known by its id only.
      const id = model === undefined || store.models.find(model) || model.startsWith("mod_")
        ? model
        : store.models.resolve(model).id;
      return json(mapPage(store.predictions.query({ ...query, model: id }), view));
    },
  }),
];
