/** Predictions: made for pictures of a request or of a data set, stored, queried. */
import { z } from "zod";
import { type PictureInput, predictAll } from "@/lib/inference/predict_client.ts";
import { predictionSchema, toPredictionView } from "@/lib/inference/prediction.ts";
import { viewQuery } from "@/lib/images/view.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import {
  bodyView,
  digestOfSent,
  namedPictures,
  picturesForm,
  pictureTypes,
  sentPicture,
  sentPictures,
  storedPictures,
} from "./pictures.ts";
import { type Call, type Route, route } from "./route.ts";

const answerSchema = z.object({ data: z.array(predictionSchema) }).meta({ id: "Predictions" });

const query = z.strictObject(viewQuery);

async function predict(
  call: Call<z.output<typeof query>, z.output<typeof namedPictures> | undefined>,
) {
  const { services: { store, supervisor: worker }, params: { id }, body } = call;
  const view = bodyView(call.query, body === undefined);
  const model = store.models.resolve(id);
  const answer = async (asked: PictureInput[]) => {
    const rows = await predictAll({ store, model, worker }, asked);
    return {
      data: rows.map((row, i) => ({ ...toPredictionView(row), file: asked[i].filename })),
    };
  };
  if (body) return await answer(storedPictures(store, body));
  const pictures = await sentPictures(call.request);
  return await call.once(
    digestOfSent(pictures),
    () => answer(pictures.map((picture) => sentPicture(picture, view))),
  );
}

export const predictions: Route[] = [
  route({
    method: "POST",
    path: "/v1/models/{id}/predictions",
    operationId: "predict",
    form: picturesForm,
    errors: [429],
    summary: "Predicts pictures (one as the body, several in a form, or names of a data set's)",
    scope: "write",
    query,
    json: namedPictures,
    accepts: [...pictureTypes, "multipart/form-data"],
    answers: { 200: answerSchema },
    handle: predict,
  }),
  route({
    method: "GET",
    path: "/v1/predictions",
    operationId: "listPredictions",
    errors: [404],
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
      stale: z.enum(["exclude", "include", "only"]).default("exclude").describe(
        "Predictions of images that are gone or have another picture by now",
      ),
    }),
    answers: { 200: pageOf(predictionSchema) },
    handle({ services: { store }, query: { model, stale, ...query } }) {
      // A model that was deleted is known by its id only.
      const id = model === undefined || store.models.find(model) || model.startsWith("mod_")
        ? model
        : store.models.resolve(model).id;
      const asked = {
        ...query,
        model: id,
        stale: stale === "include" ? undefined : stale === "only",
      };
      return mapPage(store.predictions.query(asked), toPredictionView);
    },
  }),
];
