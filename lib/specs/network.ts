/** The network and its input as a request gives them, and as a model to start from decides them. */
import { z } from "zod";
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import { choice } from "@/lib/choice.ts";
import { imageSizeSchema, sizeOf } from "@/lib/images/image_size.ts";
import { backboneSpec, backboneSpecs } from "@/lib/models/specs.ts";
import type { ModelRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";
import { reference } from "./reference.ts";

const network = z.strictObject({
  backbone: choice(backboneSpecs),
  width: z.int().min(1).max(8192).describe(
    `Of the network, against that of the published one: ${
      Object.entries(backboneSpecs).map(([name, { width }]) => `${name} ${width.published}`)
        .join(", ")
    }`,
  ),
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

const DEFAULTS = {
  backbone: "resnet18",
  channels: 3,
  image_size: 224,
  normalization: "dataset",
} as const;

/** `scratch`, or the id, alias or name of a model to start from. */
export const initSchema = reference("models").default("scratch");

/**
 * How feature maps and their gradients are stored in training. `f16` halves their memory; sums, weights,
 * statistics and heads stay f32, and so does inference. It needs an adapter with `shader-f16`.
 */
export const precisionSchema = z.enum(["f32", "f16"]).default("f32");

export const seedSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0);

/** How its maps are stored, where a spec says that. */
interface Stored {
  precision?: z.output<typeof precisionSchema>;
}

/** A spec whose network is decided, and the id of the model it starts from in place of its name. */
export type Networked<T> = Omit<T, keyof NetworkSpec> & NetworkSpec & { init: string };

/**
 * Fills in the network: by the model to start from, which decides backbone, width and channels, else by
 * the defaults.
 * @throws {NotFound} when there is no such model
 * @throws {InvalidInput} when a given field contradicts the model, or is none of the backbone's
 */
export async function resolveNetwork<T extends Partial<NetworkSpec> & { init: string } & Stored>(
  spec: T,
  store: Pick<WorkerStore, "models">,
): Promise<Networked<T>> {
  if (spec.init === "scratch") {
    if (spec.normalization === "model") {
      throw new InvalidInput("Cannot normalise as the model does: there is none to start from", [
        { pointer: "/normalization", message: 'needs an "init" that names a model' },
      ]);
    }
    const backbone = spec.backbone ?? DEFAULTS.backbone;
    const width = backboneSpecs[backbone].width.published;
    const network = filled({ ...DEFAULTS, backbone, width }, spec);
    check(network, [
      ...widthProblems(network),
      ...sizeProblems(network),
      ...precisionProblems(network, spec),
    ]);
    return { ...spec, ...network };
  }
  const model: ModelRow = await store.models.resolve(spec.init);
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
  const network = filled(defaults, spec);
  check(network, [...sizeProblems(network), ...precisionProblems(network, spec)]);
  return { ...spec, ...network, init: model.id };
}

function check({ backbone }: NetworkSpec, problems: Problem[]): void {
  if (problems.length === 0) return;
  const what = problems.map(({ message }) => message).join("; ");
  throw new InvalidInput(`Cannot use ${backboneSpec(backbone).title} so: ${what}`, problems);
}

function widthProblems({ backbone, width }: NetworkSpec): Problem[] {
  const { least, most, multipleOf } = backboneSpec(backbone).width;
  if (width >= least && width <= most && width % multipleOf === 0) return [];
  const message = `a multiple of ${multipleOf} from ${least} to ${most} is needed, not ${width}`;
  return [{ pointer: "/width", message }];
}

function sizeProblems({ backbone, image_size }: NetworkSpec): Problem[] {
  const message = backboneSpec(backbone).sizes?.(sizeOf(image_size));
  return message ? [{ pointer: "/image_size", message }] : [];
}

function precisionProblems({ backbone }: NetworkSpec, { precision }: Stored): Problem[] {
  const { precision: only, title } = backboneSpec(backbone);
  if (!only || !precision || precision === only) return [];
  const message = `${only} is needed: next to nothing of ${title} would be stored in ${precision}`;
  return [{ pointer: "/precision", message }];
}

function filled(defaults: NetworkSpec, given: Partial<NetworkSpec>): NetworkSpec {
  const entries = Object.entries(defaults).map((
    [field, value],
  ) => [field, given[field as keyof NetworkSpec] ?? value]);
  return Object.fromEntries(entries) as NetworkSpec;
}
