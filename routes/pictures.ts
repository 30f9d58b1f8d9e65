/** Pictures that a request is about: in its body, or by the names that they have in a data set. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { imageByName, imagesByName } from "@/lib/datasets/find_image.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { encodedPicture, type PictureInput } from "@/lib/inference/predict_client.ts";
import { scaledPng } from "@/lib/images/scaled_png.ts";
import { type ViewFields, viewOf, type ViewOptions, viewQuery } from "@/lib/images/view.ts";
import type { DatasetRow, ImageRow, Store } from "@/lib/store/mod.ts";
import { digestOf } from "./auth.ts";
import { isMultipart, readBytes, readParts } from "./body.ts";
import { HttpError } from "./problem.ts";
import type { Call } from "./route.ts";

/** Media types of pictures in a body. */
export const pictureTypes = [
  "image/png",
  "image/jpeg",
  "image/x-portable-anymap",
  "application/dicom",
  "application/octet-stream",
];

/** A form with pictures. */
export const picturesForm = z.object({
  file: z.array(z.file()).min(1).describe("Pictures; other names of fields are taken too"),
});

/** Names of a data set's pictures as JSON. */
export const namedPictures = z.strictObject({
  dataset: z.string().min(1).max(200),
  images: z.array(z.string().min(1).max(512)).min(1).max(1000),
});

/** Query of a request about one picture. */
export const pictureQuery = z.strictObject({
  dataset: z.string().min(1).max(200).optional()
    .describe("Data set of the picture, where the body holds none"),
  image: z.string().min(1).max(512).optional().describe("Its name there"),
  ...viewQuery,
});

/** How the pictures of a body are shown. Throws InvalidInput where none is in the body. */
export function bodyView(fields: ViewFields, inBody: boolean): ViewOptions | undefined {
  const view = viewOf(fields);
  if (view && !inBody) {
    throw new InvalidInput(
      "Cannot use frame, window, voi or force: they are for pictures in the body, not for a data set's",
    );
  }
  return view;
}

/** A picture of a data set. */
export function storedPicture(store: Store, dataset: DatasetRow, image: ImageRow): PictureInput {
  return {
    dataset: dataset.name,
    image: image.name,
    stored: { id: image.id, file: image.file },
    ...encodedPicture(() => store.files.read(image.file, `image "${image.name}"`)),
  };
}

/** Pictures of a data set, by name. Throws NotFound. */
export async function storedPictures(
  store: Store,
  named: z.output<typeof namedPictures>,
): Promise<PictureInput[]> {
  const dataset = await store.datasets.byName(named.dataset);
  const images = await imagesByName(store, dataset.id, named.images);
  return images.map((image) => storedPicture(store, dataset, image));
}

/** A picture that came with the request, and the name of its file in a form. */
export interface SentPicture {
  bytes: Uint8Array<ArrayBuffer>;
  filename?: string;
}

/** Throws HttpError 415 for a body that says that it is text: curl's own type for `--data-binary` is let through. */
export function needPicture(request: Request): void {
  const [type] = (request.headers.get("content-type") ?? "").split(";");
  if (!/^\s*text\/|\bjson\s*$/i.test(type)) return;
  const needed = pictureTypes.slice(0, -1).join(", ");
  throw new HttpError(
    415,
    `Cannot read this body: its Content-Type is ${
      type.slice(0, 80)
    }, and a picture is needed (${needed})`,
  );
}

/** Pictures in the body: one, or the files of a form. Throws InvalidInput naming an empty file. */
export async function sentPictures(request: Request): Promise<SentPicture[]> {
  const pictures: SentPicture[] = [];
  if (!isMultipart(request)) pictures.push({ bytes: await readBytes(request, limits.imageBytes) });
  else {
    await readParts(request, limits.imageBytes, async (part) => {
      if ("value" in part) return;
      const picture: SentPicture = { bytes: new Uint8Array(), filename: part.filename };
      pictures.push(picture);
      const stream = ReadableStream.from(part.file);
      picture.bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    });
  }
  const empty = pictures.find(({ bytes }) => bytes.length === 0);
  if (pictures.length === 0 || empty) {
    const place = empty?.filename ? ` "${empty.filename}" is empty;` : "";
    throw new InvalidInput(
      `Cannot look:${place} a picture is needed as the body or as files of a form`,
      empty?.filename ? [{ file: empty.filename, message: "the file is empty" }] : [],
    );
  }
  return pictures;
}

/** What a repeated request is known by. */
export function digestOfSent(pictures: SentPicture[]): Promise<string> {
  return digestOf(...pictures.flatMap(({ bytes, filename = "" }) => [bytes, filename]));
}

/** Longer side of a thumbnail at most, pixels. */
const THUMBNAIL = 160;

/** A picture of the request, to be looked at as `view` shows it, and kept small with its prediction where asked for. */
export function sentPicture(
  { bytes, filename }: SentPicture,
  view: ViewOptions | undefined,
  { thumbnail = false } = {},
): PictureInput {
  return {
    filename,
    ...encodedPicture(() => Promise.resolve(bytes), view),
    ...(thumbnail ? { thumbnail: () => scaledPng(bytes, { side: THUMBNAIL, view }) } : {}),
  };
}

/** One picture with its file, and its rows where it is of a data set. */
export interface OnePicture {
  bytes: Uint8Array<ArrayBuffer>;
  view?: ViewOptions;
  stored?: { dataset: DatasetRow; image: ImageRow };
}

/** The picture of a request about one. Throws NotFound, InvalidInput when there is none or two. */
export async function onePicture(
  { services: { store }, query, request }: Call<z.output<typeof pictureQuery>>,
): Promise<OnePicture> {
  const { dataset, image } = query;
  const [type] = (request.headers.get("content-type") ?? "").split(";");
  if (/json$/i.test(type) || isMultipart(request)) {
    throw new InvalidInput(
      `Cannot look at a body of ${type}: a picture itself is needed as the body (${
        pictureTypes.slice(0, -1).join(", ")
      }), or ?dataset= and &image= without a body`,
    );
  }
  const view = bodyView(query, dataset === undefined && image === undefined);
  const bytes = await readBytes(request, limits.imageBytes);
  if (dataset === undefined || image === undefined) {
    if (dataset === image && bytes.length > 0) return { bytes, view };
    throw new InvalidInput(
      "Cannot look: a picture is needed as the body, or ?dataset= and &image=",
    );
  }
  if (bytes.length > 0) {
    throw new InvalidInput("Cannot look at two pictures: one is in the body, one is named");
  }
  const row = await store.datasets.byName(dataset);
  const stored = { dataset: row, image: await imageByName(store, row.id, image) };
  const { file, name } = stored.image;
  return { bytes: await store.files.read(file, `image "${name}"`), stored };
}
