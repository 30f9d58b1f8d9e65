/** Weights from elsewhere become a model: read without executing anything, stored as safetensors. */
import { z } from "zod";
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import type { Architecture } from "./backbone_spec.ts";
import { backboneSpec } from "./specs.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import type { ModelMetadata, Told } from "./model_metadata.ts";
import { type Converted, convertWeights } from "./weights_thread.ts";
import { type ModelRow, type ModelSpec, newId, now, type Store } from "@/lib/store/mod.ts";

/** Where neither it nor the file says so: no classifier, 224 pixels, ImageNet's mean and deviation. */
export interface UploadOptions extends Told {
  name: string;
  /** What stands in front of the network's names, where a file holds several. */
  prefix?: string;
}

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * Stores the file of safetensors or the `.pth` checkpoint at `path` as the next version of a name. What the file says
 * of itself counts where the options are silent. Throws InvalidInput for a damaged file, a number that is not finite, a
 * network that cannot be run, or an option that contradicts the file; Conflict where the name is an alias; Overloaded
 * while others are read.
 */
export async function uploadModel(
  store: Store,
  path: string,
  { name, prefix, ...options }: UploadOptions,
): Promise<ModelRow> {
  const temporary = store.files.temporaryPath();
  try {
    const converted = await convertWeights({ path, temporary, prefix, told: options });
    return await keep(store, name, temporary, converted);
  } finally {
    await removeIfThere(temporary);
  }
}

/** Makes a model of the file that was converted. */
async function keep(
  store: Store,
  name: string,
  temporary: string,
  { architecture, source, told, metadata }: Converted,
): Promise<ModelRow> {
  const { classes = [], multi_label = false, image_size = 224 } = told;
  if (multi_label && classes.length === 0) {
    throw new InvalidInput(
      "Cannot use multi_label: it says how classes are told, and none are named",
    );
  }
  const { outputs: _, ...network } = architecture;
  const wrong = backboneSpec(network.backbone).sizes?.(sizeOf(image_size));
  if (wrong) throw new InvalidInput(`Cannot use image_size ${image_size}: ${wrong}`);
  const normalization = {
    mean: perChannel("mean", told, network),
    std: perChannel("std", told, network),
  };
  if (normalization.std.some((std) => !(std > 0))) {
    throw new InvalidInput("Cannot use std: numbers above 0 are needed");
  }
  assertOfPixels(normalization);
  assertBoth(told);
  const { sha256 } = await store.files.adopt(temporary);
  return await store.commitFiles([sha256], async () => {
    const meant = await store.models.aliased(name);
    if (meant !== undefined) {
      throw new Conflict(
        `Cannot name a model "${name}": that is an alias of model "${meant}"; remove it first`,
      );
    }
    return await store.models.insert({
      id: newId("mod"),
      name,
      version: await store.models.nextVersion(name),
      kind: "uploaded",
      job_id: null,
      dataset_id: null,
      dataset_digest: null,
      spec: {
        ...{ ...network, image_size, classes, normalization },
        ...(multi_label && { multi_label: true }),
      },
      lineage: { uploaded: now(), source, ...pastOf(metadata) },
      file: sha256,
      created_at: now(),
    });
  });
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What a file says of its past; its warnings stay warnings of the model. */
function pastOf(metadata?: ModelMetadata): Record<string, unknown> {
  if (!metadata) return {};
  const told = pastSchema.safeParse(metadata).data?.lineage.warnings;
  return { origin: metadata, ...(told?.length ? { warnings: told } : {}) };
}

const pastSchema = z.object({ lineage: z.object({ warnings: z.array(z.string()) }) });

/** A mean of one data set and a deviation of another normalize nothing. */
function assertBoth({ mean, std }: Told): void {
  if ((mean === undefined) === (std === undefined)) return;
  const [given, lacking] = mean === undefined ? ["std", "mean"] : ["mean", "std"];
  throw new InvalidInput(
    `Cannot use ${given} alone: ${lacking} of the same pixels belongs to it; give both, or neither`,
  );
}

/** Pixels are in 0 to 1 before they are normalized: figures of 0 to 255 would make one grey of every picture. */
function assertOfPixels({ mean, std }: ModelSpec["normalization"]): void {
  const over = Object.entries({ mean, std }).find(([, values]) => values.some((one) => one > 1));
  if (!over) return;
  const [name, values] = over;
  throw new InvalidInput(
    `Cannot use ${name} ${
      values.join(",")
    }: pixels are in 0 to 1 here; divide what was meant for 0 to 255 by 255`,
  );
}

function perChannel(
  name: "mean" | "std",
  options: Told,
  { channels }: Pick<Architecture, "channels">,
): number[] {
  const values = options[name] ??
    (channels === 3 ? imagenet[name] : [name === "mean" ? 0.5 : 0.25]);
  if (values.length === channels) return values;
  throw new InvalidInput(`Cannot use ${name}: ${channels} numbers are needed`);
}
