/** Pictures of what training makes of images: augmented views side by side. */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { problemsOf } from "@/lib/problems.ts";
import { imageSizeText, sizeOf } from "@/lib/images/image_size.ts";
import type { ImageRow } from "@/lib/store/mod.ts";
import {
  type Augmentation,
  augmentationPreset,
  changedAugmentation,
} from "@/lib/specs/augmentation.ts";
import { permutation, stream } from "@/lib/random.ts";
import type { SampleAnswer, SampleRequest } from "@/lib/training/view_sampler.ts";
import { imageOf, imagePath } from "./images.ts";
import { pngHeaders } from "./kept_picture.ts";
import { type Call, type Route, route } from "./route.ts";

const query = z.strictObject({
  preset: augmentationPreset.default("medical"),
  settings: z.string().max(2000).optional()
    .describe(
      "Settings that differ from the preset's, as JSON like that of a job's `augmentation`",
    ),
  size: imageSizeText.prefault("224").describe("Of a view in pixels: SIDE, or HEIGHTxWIDTH"),
  seed: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  epoch: z.coerce.number().int().min(0).max(10000).default(0)
    .describe("Views of this epoch, then of the next; two each"),
  count: z.coerce.number().int().min(1).max(16).default(6).describe("Views of each image"),
});

type Query = z.output<typeof query>;

/** Pixels of one answer. */
const MOST_PIXELS = 2 ** 23;

function augmentationOf({ preset, settings = "{}" }: Query): Augmentation {
  const parsed = changedAugmentation.safeParse({ preset, ...objectIn(settings) });
  if (parsed.success) return parsed.data;
  throw new InvalidInput("Cannot augment by these settings", problemsOf(parsed.error));
}

function objectIn(text: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch {
    throw new InvalidInput("Cannot read the settings: a JSON object is needed", [
      { pointer: "/settings", message: "not a JSON object" },
    ]);
  }
}

async function sheet(
  { services: { workers }, query }: Call<Query>,
  images: ImageRow[],
): Promise<Response> {
  const { seed, epoch, count } = query;
  const size = sizeOf(query.size);
  if (images.length * (1 + count) * size.height * size.width > MOST_PIXELS) {
    throw new InvalidInput(
      `Cannot draw ${
        images.length * (1 + count)
      } pictures of ${size.width} x ${size.height} at once: ` +
        "ask for fewer, or for smaller ones",
    );
  }
  const request: SampleRequest = {
    images: images.map(({ id }) => id),
    augmentation: augmentationOf(query),
    ...{ size, seed, epoch, count },
  };
  const { png } = await workers.call<SampleAnswer>("sample", request);
  return new Response(Uint8Array.fromBase64(png), { headers: pngHeaders });
}

export const augmented: Route[] = [
  route({
    method: "GET",
    path: "/v1/datasets/{name}/augmented.png",
    operationId: "getAugmentedImages",
    errors: [422],
    summary: "Images of a data set as training shows them: each itself, then views of it",
    scope: "read",
    query: query.extend({
      images: z.coerce.number().int().min(1).max(16).default(4)
        .describe("Images, chosen by the seed"),
    }),
    answers: { 200: ["image/png"] },
    async handle(call) {
      const { services: { store }, params: { name }, query } = call;
      const dataset = await store.datasets.byName(name);
      const all = await store.images.all(dataset.id);
      if (all.length === 0) throw new InvalidInput(`Cannot show images of "${name}": it has none`);
      const chosen = permutation(all.length, query.seed, stream("shown")).subarray(0, query.images);
      return await sheet(call, Array.from(chosen, (i) => all[i]));
    },
  }),
  route({
    method: "GET",
    path: `${imagePath}/augmented.png`,
    operationId: "getAugmentedImage",
    errors: [422],
    summary: "An image as training shows it: itself, then views of it",
    scope: "read",
    query,
    answers: { 200: ["image/png"] },
    handle: async (call) => await sheet(call, [(await imageOf(call)).image]),
  }),
];
