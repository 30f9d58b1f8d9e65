/** What a network makes of pictures: feature vectors, their layout in the plane, the most similar pictures. */
import { comparedLabel, findingsOf } from "@/lib/datasets/multi_label.ts";
import { z } from "zod";
import {
  embedAll,
  encodedPicture,
  type InferenceContext,
  type PictureInput,
} from "@/lib/inference/predict_client.ts";
import {
  type Embeddings,
  embeddingsSchema,
  nearestImagesSchema,
} from "@/lib/inference/embedding.ts";
import { imagesByName } from "@/lib/datasets/find_image.ts";
import { featuresOf, nearest } from "@/lib/inference/feature_cache.ts";
import { noveltyOf } from "@/lib/inference/novelty.ts";
import { viewQuery } from "@/lib/images/view.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { projectVectors } from "@/lib/inference/projection_thread.ts";
import { digestOf } from "./auth.ts";
import {
  bodyView,
  digestOfSent,
  namedPictures,
  onePicture,
  pictureQuery,
  picturesForm,
  pictureTypes,
  sentPicture,
  sentPictures,
} from "./pictures.ts";
import type { Done } from "./reply.ts";
import { type Call, type Route, route } from "./route.ts";

/** Pictures of one answer; with their vectors, fewer. */
const MOST = 2000;
const MOST_VECTORS = 1000;

const request = namedPictures.partial({ images: true });

const query = z.strictObject({
  ...viewQuery,
  projection: z.enum(["pca", "umap"]).optional().describe("Adds a point in the plane to each"),
  seed: z.coerce.number().int().min(0).max(2 ** 32).default(0).describe("Of the layout by UMAP"),
  vectors: z.enum(["true", "false"]).default("true").describe("Whether vectors are in the answer"),
});

type EmbedCall = Call<z.output<typeof query>, z.output<typeof request> | undefined>;

interface Embedded extends Pick<PictureInput, "dataset" | "image" | "filename"> {
  label?: string | null;
  vector: Float32Array<ArrayBuffer>;
}

async function askingOf(
  { services: { store, workers: worker }, params: { id } }: Call,
): Promise<InferenceContext> {
  return { store, model: await store.models.resolve(id), worker };
}

/** Five digits say all that an f32 vector of a picture says. */
const rounded = (values: Iterable<number>) =>
  Array.from(values, (value) => Number(value.toPrecision(5)));

async function storedVectors(
  call: Call,
  asking: InferenceContext,
  named: z.output<typeof request>,
): Promise<Embedded[]> {
  const { store } = asking;
  const dataset = await store.datasets.byName(named.dataset);
  const images = named.images
    ? await imagesByName(store, dataset.id, named.images)
    : await store.images.all(dataset.id);
  if (images.length > MOST) {
    throw new InvalidInput(
      `Cannot look at ${images.length} pictures at once: name at most ${MOST}`,
    );
  }
  const vectors = await featuresOf(asking, images, call.request.signal);
  const classes = findingsOf(dataset);
  return images.map((image, i) => ({
    dataset: dataset.name,
    image: image.name,
    label: comparedLabel(image, classes),
    vector: vectors[i],
  }));
}

async function answer(
  { query: { projection: method, seed, vectors } }: EmbedCall,
  { model }: InferenceContext,
  embedded: Embedded[],
): Promise<Embeddings> {
  if (vectors === "true" && embedded.length > MOST_VECTORS) {
    throw new InvalidInput(
      `Cannot send more than ${MOST_VECTORS} vectors: name fewer images, or ask with vectors=false`,
    );
  }
  const layout = method &&
    await projectVectors({ vectors: embedded.map(({ vector }) => vector), method, seed });
  return {
    model: model.id,
    features: embedded[0]?.vector.length ?? 0,
    projection: method && layout ? { method, explained: layout.explained } : null,
    data: embedded.map(({ dataset, image, filename, label, vector }, i) => ({
      dataset: dataset ?? null,
      image: image ?? null,
      file: filename,
      label: label ?? null,
      vector: vectors === "true" ? rounded(vector) : undefined,
      point: layout && rounded(layout.points[i]),
    })),
  };
}

async function embed(call: EmbedCall): Promise<Embeddings | Done<Embeddings>> {
  const asking = await askingOf(call);
  const view = bodyView(call.query, call.body === undefined);
  if (call.body) return await answer(call, asking, await storedVectors(call, asking, call.body));
  const pictures = await sentPictures(call.request);
  return await call.once(() => digestOfSent(pictures), async () => {
    const vectors = await embedAll(asking, pictures.map((picture) => sentPicture(picture, view)));
    const embedded = vectors.map((vector, i) => ({ filename: pictures[i].filename, vector }));
    return await answer(call, asking, embedded);
  });
}

export const embeddings: Route[] = [
  route({
    method: "POST",
    path: "/v1/models/{id}/embeddings",
    operationId: "computeEmbeddings",
    form: picturesForm,
    errors: [429, 500],
    summary: "Feature vectors of pictures (as the body, or a data set's, all or some)",
    scope: "read",
    query,
    json: request,
    accepts: [...pictureTypes, "multipart/form-data"],
    answers: { 200: embeddingsSchema },
    handle: embed,
  }),
  route({
    method: "POST",
    path: "/v1/models/{id}/neighbours",
    operationId: "findNeighbours",
    errors: [429, 500],
    summary: "The pictures of a data set whose features are most similar to a picture's",
    scope: "read",
    query: pictureQuery.extend({
      among: z.string().min(1).max(200).optional()
        .describe("The data set to look in; that of the picture without it"),
      top: z.coerce.number().int().min(1).max(100).default(10),
    }),
    accepts: pictureTypes,
    answers: { 200: nearestImagesSchema },
    async handle(call) {
      const { query: { among, top }, services: { store }, request: { signal } } = call;
      const asking = await askingOf(call);
      const { bytes, view, stored } = await onePicture(call);
      const name = among ?? stored?.dataset.name;
      if (name === undefined) throw new InvalidInput("Cannot look for neighbours without ?among=");
      const dataset = await store.datasets.byName(name);
      return await call.once(() => digestOf(bytes), async () => {
        const [vector] = await embedAll(asking, [{
          image: stored?.image.name,
          ...encodedPicture(() => Promise.resolve(bytes), view),
        }]);
        const found = await nearest(asking, vector, { dataset, top: top + 1, signal });
        const others = found.filter(({ image }) => image.id !== stored?.image.id).slice(0, top);
        const novelty = others.length > 0
          ? await noveltyOf(asking, others[0].similarity, { dataset, signal })
          : null;
        return {
          model: asking.model.id,
          among: dataset.name,
          novelty,
          data: others.map(({ image, similarity }) => ({
            image: image.name,
            label: comparedLabel(image, findingsOf(dataset)),
            similarity,
          })),
        };
      });
    },
  }),
];
