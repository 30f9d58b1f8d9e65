/** Images of a data set and their pictures; single images and labels put in. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { findingsOf } from "@/lib/datasets/multi_label.ts";
import { labelsReportSchema, putImage, putLabels } from "@/lib/datasets/edit.ts";
import { imageSchema, imageViewOf, imageViewsOf, storedImageSchema } from "@/lib/datasets/image.ts";
import { findImage } from "@/lib/datasets/find_image.ts";
import { datasetName } from "@/lib/datasets/name.ts";
import { InvalidInput, NotFound } from "@/lib/errors.ts";
import { decodePool } from "@/lib/images/decode_pool.ts";
import { viewOf, viewQuery } from "@/lib/images/view.ts";
import type { DatasetRow, ImageRow } from "@/lib/store/mod.ts";
import { readBytes } from "./body.ts";
import { digestOf } from "./auth.ts";
import { namesOption } from "./imports.ts";
import { keptPicture, pngHeaders } from "./kept_picture.ts";
import { fieldsOf, pageOf, pageQuery, withFields } from "./pages.ts";
import { pictureTypes } from "./pictures.ts";
import { reply } from "./reply.ts";
import { type Call, type Route, route } from "./route.ts";

export const readerQuery = z.strictObject({
  reader: z.string().max(512).optional().describe("Only this reader's gaze"),
});

const { force: _, ...shownQuery } = viewQuery;
/** Of a picture that is stored: a window is in the values of its PNG, 0 to 255 or 65535. */
const pngQuery = z.strictObject({
  ...shownQuery,
  size: z.coerce.number().int().min(16).max(4096).optional()
    .describe("Longer side of the picture at most, pixels"),
  bits: z.coerce.number().pipe(z.literal(8)).optional()
    .describe("Values of 16 bits as 8: what a screen shows, in less than half of the bytes"),
});

export const imagePath = "/v1/datasets/{name}/images/{image*}";

/** The image that a path means, by name, file name or id. Throws NotFound. */
export async function imageOf(
  { services: { store }, params }: Pick<Call, "services" | "params">,
): Promise<{ dataset: DatasetRow; image: ImageRow }> {
  const dataset = await store.datasets.byName(params.name);
  const image = await findImage(store, dataset.id, params.image) ??
    await store.images.find(params.image);
  if (image?.dataset_id !== dataset.id) throw new NotFound(`Cannot find image "${params.image}"`);
  return { dataset, image };
}

/** A body that must not be empty. */
export async function bodyOf(call: Call, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readBytes(call.request, maxBytes);
  if (bytes.length === 0) throw emptyBody();
  return bytes;
}

export const emptyBody = () => new InvalidInput("Cannot use an empty body");

export const images: Route[] = [
  route({
    method: "GET",
    path: "/v1/datasets/{name}/images",
    operationId: "listImages",
    summary: "Lists the images of a data set in the order of their names",
    scope: "read",
    query: z.strictObject({
      ...pageQuery,
      label: z.string().max(512).optional()
        .describe("Of a multi-label set: images that have this finding"),
      fields: fieldsOf(imageSchema),
    }),
    answers: { 200: pageOf(imageSchema) },
    async handle({ services: { store }, params: { name }, query: { fields, ...query } }) {
      const dataset = await store.datasets.byName(name);
      const classes = findingsOf(dataset);
      const { label, ...rest } = query;
      const page = await store.images.listOf(dataset.id, {
        ...rest,
        ...(classes === null ? { label } : { finding: label }),
      });
      const data = await imageViewsOf(store, page.data, classes);
      return withFields({ ...page, data }, fields);
    },
  }),
  route({
    method: "GET",
    path: `${imagePath}/image.png`,
    operationId: "getImagePicture",
    errors: [422, 429, 500],
    summary: "The picture as PNG",
    scope: "read",
    query: pngQuery,
    description:
      "Every layer (`image.png`, `overlay.png`, `scanpath.png`) takes `window` and `voi`, and shows the " +
      "picture alike with the same ones. Scaled pictures are kept; `If-None-Match` saves sending one again.",
    answers: { 200: ["image/png"], 304: null },
    async handle(call) {
      const { query: { size: most = Infinity, bits, ...fields } } = call;
      const { image } = await imageOf(call);
      const { frame = 0 } = fields;
      if (frame > 0) {
        throw new InvalidInput(
          `Cannot show frame ${frame}: of a file one frame is kept, 0 here. Put the image in again ` +
            `with ?frame=${frame}`,
        );
      }
      const view = viewOf({ ...fields, frame: undefined });
      const read = () => call.services.store.files.read(image.file, `image "${image.name}"`);
      // Of DICOM a PNG is stored.
      const isPng = image.format === "png" || image.format === "dicom";
      const scale = Math.min(1, most / Math.max(image.width, image.height));
      const asStored = isPng && !view && scale === 1 && (bits === undefined || image.bits === 8);
      if (asStored) return new Response(await read(), { headers: pngHeaders });
      const side = (pixels: number) => Math.max(1, Math.round(pixels * scale));
      const size: [number, number] = [side(image.width), side(image.height)];
      return await keptPicture(
        call,
        {
          dataset_id: image.dataset_id,
          of: { kind: "image", file: image.file, view, bits, size },
        },
        async () => (await decodePool.toPng(await read(), { view, bits, size })).png,
      );
    },
  }),
  route({
    method: "GET",
    path: imagePath,
    operationId: "getImage",
    summary: "What is known of an image",
    scope: "read",
    answers: { 200: imageSchema },
    handle: async (call) => await imageViewOf(call.services.store, (await imageOf(call)).image),
  }),
  route({
    method: "PUT",
    path: imagePath,
    operationId: "putImage",
    stores: true,
    errors: [409, 422, 429],
    summary: "Adds or replaces an image; a data set that is not there begins with it",
    scope: "write",
    query: z.strictObject({ ...viewQuery, names: namesOption }),
    accepts: pictureTypes,
    answers: { 200: storedImageSchema, 201: storedImageSchema },
    async handle(call) {
      const { services: { store }, params: { name, image: path }, query } = call;
      const { names, ...fields } = query;
      const view = viewOf(fields);
      // Before the body: a name that cannot be used should not cost an upload.
      datasetName(name);
      const bytes = await bodyOf(call, limits.imageBytes);
      const { image, created, notes } = await putImage(store, name, path, bytes, { view, names });
      return reply(created ? 201 : 200, { ...await imageViewOf(store, image), warnings: notes });
    },
  }),
  route({
    method: "POST",
    path: "/v1/datasets/{name}/labels",
    operationId: "setLabels",
    stores: true,
    errors: [429],
    summary: "Sets labels, patients and splits by a CSV: `image,label[,patient][,split]`",
    description:
      "Of a multi-label set a column for each finding (0, 1, true, false; empty where it is not known), or a column " +
      "`labels` that lists those that are present, with | or ; between them. A set without labels becomes " +
      "multi-label by its first table of this kind. A table has at most 256 columns, a set at most 200 findings.",
    scope: "write",
    accepts: ["text/csv", "text/plain", "application/octet-stream"],
    answers: { 200: labelsReportSchema },
    async handle(call) {
      const { services: { store }, params: { name } } = call;
      await store.datasets.byName(name);
      const bytes = await bodyOf(call, limits.textBytes);
      return call.once(() => digestOf(bytes), () => putLabels(store, name, bytes));
    },
  }),
];
