/** Predictions: made for pictures of a request or of a data set, stored, queried, deleted. */
import { z } from "zod";
import { type PictureInput, predictAll } from "@/lib/inference/predict_client.ts";
import { predictionSchema, toPredictionView } from "@/lib/inference/prediction.ts";
import { columnsOf } from "@/lib/table_file.ts";
import { InvalidInput, NotFound } from "@/lib/errors.ts";
import type { PredictionFilter, Store } from "@/lib/store/mod.ts";
import { findImage } from "@/lib/datasets/find_image.ts";
import { viewQuery } from "@/lib/images/view.ts";
import { pngHeaders } from "./kept_picture.ts";
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
import { HttpError } from "./problem.ts";
import { reply } from "./reply.ts";
import { type Call, type Route, route } from "./route.ts";
import { batchesOf, listFormats, needWhole, tableAnswer, tableMediaTypes } from "./tables.ts";

const answerSchema = z.object({ data: z.array(predictionSchema) }).meta({ id: "Predictions" });

const query = z.strictObject({
  ...viewQuery,
  thumbnails: z.stringbool().default(false).describe(
    "Keeps a small picture (160 pixels) of each that is sent with its prediction, until that is deleted",
  ),
});

async function predict(
  call: Call<z.output<typeof query>, z.output<typeof namedPictures> | undefined>,
) {
  const { services: { store, workers: worker }, params: { id }, body } = call;
  const { thumbnails: thumbnail } = call.query;
  const view = bodyView(call.query, body === undefined);
  if (body && thumbnail) {
    throw new InvalidInput(
      "Cannot keep thumbnails of a data set's pictures: these are there by their names",
    );
  }
  const model = await store.models.resolve(id);
  const answer = async (asked: PictureInput[]) => {
    const rows = await predictAll({ store, model, worker }, asked);
    if (thumbnail && call.key) {
      await store.owners.noteThumbnails(rows.map(({ id }) => id), call.key.id);
    }
    return {
      data: rows.map((row, i) => ({ ...toPredictionView(row), file: asked[i].filename })),
    };
  };
  if (body) return await answer(await storedPictures(store, body));
  const pictures = await sentPictures(call.request);
  return await call.once(
    () => digestOfSent(pictures),
    () => answer(pictures.map((picture) => sentPicture(picture, view, { thumbnail }))),
  );
}

/** Which predictions are meant. */
const filter = {
  model: z.string().max(200).optional().describe("Id, alias or name"),
  dataset: z.string().max(200).optional(),
  image: z.string().max(512).optional(),
  label: z.string().max(512).optional()
    .describe("The predicted class, or one of the findings that a multi-label model predicted"),
  min_probability: z.coerce.number().min(0).max(1).optional()
    .describe(
      "Least probability of the predicted label; of a multi-label model that of `label`, or of any finding without it",
    ),
  stale: z.enum(["exclude", "include", "only"]).default("exclude").describe(
    "Predictions of images that are gone or have another picture by now",
  ),
};
/** What is deleted is meant whatever has become of its image. */
const deletedFilter = { ...filter, stale: filter.stale.unwrap().default("include") };

/** An image's name as it is kept, found by that or by its file's; one that is gone goes by what is asked. */
async function keptName(store: Store, dataset: string | undefined, image: string): Promise<string> {
  const row = dataset === undefined ? undefined : await store.datasets.findByName(dataset);
  return (row && (await findImage(store, row.id, image))?.name) ?? image;
}

/** As the store has it. Throws NotFound. */
async function filterOf(
  store: Store,
  { model, stale, ...query }: z.output<z.ZodObject<typeof filter>>,
): Promise<PredictionFilter> {
  // A model that was deleted is known by its id only.
  const id = model === undefined || await store.models.find(model) || model.startsWith("mod_")
    ? model
    : (await store.models.resolve(model)).id;
  return {
    ...query,
    ...(query.image !== undefined && { image: await keptName(store, query.dataset, query.image) }),
    model: id,
    stale: stale === "include" ? undefined : stale === "only",
  };
}

export const predictions: Route[] = [
  route({
    method: "POST",
    path: "/v1/models/{id}/predictions",
    operationId: "predict",
    form: picturesForm,
    errors: [429, 500],
    stores: ({ thumbnails }) => thumbnails === true,
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
    summary:
      "Stored predictions in the order of their making: pages of JSON, or whole as CSV or Parquet",
    description: "Tables have a column `probability_<class>` for every class of what is found.",
    scope: "read",
    query: z.strictObject({
      ...{ ...pageQuery, ...filter },
      order: z.enum(["oldest", "newest"]).default("oldest").describe("Which come first"),
    }),
    answers: { 200: [pageOf(predictionSchema), ...tableMediaTypes] },
    headers: ["Content-Disposition"],
    formats: listFormats,
    async handle(
      { services: { store }, query: { limit, after, order, ...asked }, request, format },
    ) {
      const query = { ...await filterOf(store, asked), newestFirst: order === "newest" };
      if (format === "json") {
        return await mapPage(
          await store.predictions.query({ ...query, limit, after }),
          toPredictionView,
        );
      }
      needWhole(request, format);
      const several = await store.predictions.haveLabels(query);
      const schema = predictionSchema.omit({ file: true });
      const columns = columnsOf(several ? schema : schema.omit({ labels: true }), {
        probabilities: { prefix: "probability", keys: await store.predictions.classes(query) },
      });
      const batches = batchesOf(async (after) =>
        await mapPage(
          await store.predictions.query({ ...query, limit: 1000, after }),
          toPredictionView,
        )
      );
      return tableAnswer({ format, name: "predictions" }, columns, batches);
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/predictions",
    operationId: "deletePredictions",
    errors: [404],
    summary: "Deletes the stored predictions that a query finds; without any condition none",
    scope: "write",
    query: z.strictObject(deletedFilter),
    answers: { 200: z.object({ deleted: z.number() }).meta({ id: "DeletedPredictions" }) },
    async handle({ services: { store }, query }) {
      const { stale, ...named } = query;
      if (stale === "include" && Object.values(named).every((value) => value === undefined)) {
        throw new HttpError(
          400,
          "Cannot delete all predictions: name a model, dataset, image, label or min_probability",
        );
      }
      return { deleted: await store.predictions.removeAll(await filterOf(store, query)) };
    },
  }),
  route({
    method: "GET",
    path: "/v1/predictions/{id}",
    operationId: "getPrediction",
    summary: "One stored prediction",
    scope: "read",
    answers: { 200: predictionSchema },
    handle: async ({ services: { store }, params: { id } }) =>
      toPredictionView(await store.predictions.get(id)),
  }),
  route({
    method: "GET",
    path: "/v1/predictions/{id}/thumbnail.png",
    operationId: "getPredictionThumbnail",
    summary: "A small picture of what was sent, where it was asked to be kept",
    scope: "read",
    answers: { 200: ["image/png"] },
    async handle({ services: { store }, params: { id } }) {
      await store.predictions.get(id);
      const png = await store.predictions.thumbnail(id);
      if (!png) {
        throw new NotFound(
          `Cannot find a thumbnail of prediction "${id}": none was asked to be kept (?thumbnails=true)`,
        );
      }
      return new Response(png, { headers: pngHeaders });
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/predictions/{id}",
    operationId: "deletePrediction",
    summary: "Deletes a stored prediction",
    scope: "write",
    answers: { 204: null },
    async handle({ services: { store }, params: { id } }) {
      await store.predictions.get(id);
      await store.predictions.remove(id);
      return reply(204, null);
    },
  }),
];
