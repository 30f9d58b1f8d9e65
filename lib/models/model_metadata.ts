/** What travels with a model's weights, in every form that it takes: all that its use needs, as one JSON text. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { type ImageSize, imageSizeSchema, sizeOf } from "@/lib/images/image_size.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import type { Weights } from "./backbone_spec.ts";

/** The key of that text in the metadata of safetensors and in those of ONNX. */
export const METADATA_KEY = "mcgip";

const known = z.object({
  version: z.literal(1),
  architecture: z.string().describe("Name of the backbone"),
  width: z.int(),
  channels: z.literal([1, 3]),
  image_size: imageSizeSchema,
  classes: z.array(z.string()),
  multi_label: z.literal(true).optional()
    .describe("Where an image may have any number of the classes, each by a sigmoid of its own"),
  normalization: z.object({ mean: z.array(z.number()), std: z.array(z.number()) }),
  weights_sha256: z.string().describe("Of names, shapes and values, see `digestOfWeights`"),
});
/** What the use of the weights needs. */
export type KnownMetadata = z.output<typeof known>;
/** What a file is given to take along: the digest is put in where the weights are read. */
export type LeavingMetadata = Omit<KnownMetadata, "weights_sha256">;

/** Where it comes from, and whatever else a file says, is kept as it stands. */
export const modelMetadataSchema = z.looseObject(known.shape);
export type ModelMetadata = z.output<typeof modelMetadataSchema>;

/** What a request may say of a file, or the file itself. */
export interface Told {
  /** Names of the classifier's outputs, in order. */
  classes?: string[];
  /** Whether an image may have any number of the classes. */
  multi_label?: boolean;
  image_size?: ModelSpec["image_size"];
  /** Per channel, of pixels in 0 to 1. */
  mean?: number[];
  std?: number[];
}

/**
 * The metadata in a safetensors file's free texts; undefined where there are none of ours.
 * @throws {InvalidInput} when they are damaged, or of a version that is not known
 */
export function readMetadata(texts: Record<string, string>): ModelMetadata | undefined {
  const text = texts[METADATA_KEY];
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidInput(`Cannot use the file's "${METADATA_KEY}" metadata: it is no JSON`);
  }
  const parsed = modelMetadataSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new InvalidInput(
    `Cannot use the file's "${METADATA_KEY}" metadata: ${path.join(".")}: ${message}`,
  );
}

/**
 * What is told of a file by itself and by a request, together.
 * @throws {InvalidInput} when they contradict each other, by the name of the first that does
 */
export function agreed(metadata: ModelMetadata | undefined, request: Told): Told {
  if (!metadata) return request;
  const { classes, image_size, normalization: { mean, std } } = metadata;
  const { multi_label = false } = metadata;
  const own: Required<Told> = { classes, multi_label, image_size, mean, std };
  for (const [name, value] of Object.entries(request)) {
    if (value === undefined) continue;
    const [asked, found] = [value, own[name as keyof Told]].map((one) =>
      JSON.stringify(name === "image_size" ? sizeOf(one as ImageSize) : one)
    );
    if (asked !== found) {
      throw new InvalidInput(
        `Cannot use ${name} ${asked}: the file itself says ${found}; leave the parameter out, or take the ` +
          `"${METADATA_KEY}" metadata out of the file`,
      );
    }
  }
  return own;
}

/**
 * Names one set of weights, whatever file holds them: SHA-256 over all tensors in the order of their names
 * (by code units), of each its name, a NUL, its shape with commas, a NUL, and its values as f32, little endian.
 */
export function digestOfWeights(weights: Weights): string {
  const hash = createHash("sha256");
  for (const name of [...weights.keys()].sort()) {
    const { shape, data } = weights.get(name)!;
    hash.update(`${name}\0${shape.join(",")}\0`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
