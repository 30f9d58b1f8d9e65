/** The network and its input as a request gives them, and as a model to start from decides them. */
import { z } from "zod";
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import { imageSizeSchema } from "@/lib/images/image_size.ts";
import type { ModelRow, Store } from "@/lib/store/mod.ts";

const network = z.strictObject({
  backbone: z.enum(["resnet18", "resnet50", "resnet101"]),
  /** Channels of the first stage; 64 is the published network. */
  width: z.int().min(4).max(128).multipleOf(4),
  /** Channels that the network looks at; grey images fill three. */
  channels: z.literal([1, 3]),
  /** Input in pixels: the side of a square, or `[height, width]`; pictures are squashed to it. */
  image_size: imageSizeSchema,
  /** `imagenet`, the mean and deviation of the data set's own pixels, or those of the model `init`. */
  normalization: z.enum(["imagenet", "dataset", "model"]),
});

/** The fields of a network, all optional: `resolveNetwork` fills them. */
export const networkFields = network.partial().shape;

/** The same, decided. */
export const decidedNetwork = network.shape;

export type NetworkSpec = z.output<typeof network>;

const DEFAULTS: NetworkSpec = {
  backbone: "resnet18",
  width: 64,
  channels: 3,
  image_size: 224,
  normalization: "dataset",
};

/** `scratch`, or the id, alias or name of a model to start from. */
export const initSchema = z.string().min(1).max(200).default("scratch");

/**
 * How feature maps and their gradients are stored in training. `f16` halves their memory; sums, weights,
 * statistics and heads stay f32, and so does inference. It needs an adapter with `shader-f16`.
 */
export const precisionSchema = z.enum(["f32", "f16"]).default("f32");

export const seedSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0);

/** A spec whose network is decided, and the id of the model it starts from in place of its name. */
export type Networked<T> = Omit<T, keyof NetworkSpec> & NetworkSpec & { init: string };

/**
 * Fills in the network: by the model to start from, which decides backbone, width and channels, else by
 * the defaults.
 * @throws {NotFound} when there is no such model
 * @throws {InvalidInput} when a given field contradicts the model
 */
export function resolveNetwork<T extends Partial<NetworkSpec> & { init: string }>(
  spec: T,
  store: Pick<Store, "models">,
): Networked<T> {
  if (spec.init === "scratch") {
    if (spec.normalization === "model") {
      throw new InvalidInput("Cannot normalise as the model does: there is none to start from", [
        { pointer: "/normalization", message: 'needs an "init" that names a model' },
      ]);
    }
    return { ...spec, ...filled(DEFAULTS, spec) };
  }
  const model: ModelRow = store.models.resolve(spec.init);
  const { backbone, width, channels, image_size } = model.spec;
  const fixed = { backbone, width, channels } as Pick<
    NetworkSpec,
    "backbone" | "width" | "channels"
  >;
  const problems: Problem[] = Object.entries(fixed).flatMap(([field, value]) => {
    const wanted = spec[field as keyof typeof fixed];
    return wanted === undefined || wanted === value ? [] : [{
      pointer: `/${field}`,
      message: `Cannot be ${wanted}: model "${spec.init}" has ${value}`,
    }];
  });
  if (problems.length) throw new InvalidInput("Cannot start from this model", problems);
  const defaults: NetworkSpec = { ...fixed, image_size, normalization: "model" };
  return { ...spec, ...filled(defaults, spec), init: model.id };
}

function filled(defaults: NetworkSpec, given: Partial<NetworkSpec>): NetworkSpec {
  const entries = Object.entries(defaults).map((
    [field, value],
  ) => [field, given[field as keyof NetworkSpec] ?? value]);
  return Object.fromEntries(entries) as NetworkSpec;
}
