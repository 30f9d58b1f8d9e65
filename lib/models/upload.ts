/** Weights from elsewhere become a model: read without executing anything, stored as safetensors. */
import { InvalidInput } from "@/lib/errors.ts";
import type { Architecture } from "./backbone_spec.ts";
import { backboneSpec } from "./specs.ts";
import { type ImageSize, sizeOf } from "@/lib/images/image_size.ts";
import { convertWeights } from "./weights_thread.ts";
import { type ModelRow, newId, now, type Store } from "@/lib/store/mod.ts";

export interface UploadOptions {
  name: string;
  /** Names of the classifier's outputs, in order; without them the classifier is left aside. */
  classes?: string[];
  /** Input in pixels; 224 where not given. */
  image_size?: ImageSize;
  /** Per channel, of pixels in 0 to 1; ImageNet's where not given. */
  mean?: number[];
  std?: number[];
  /** What stands in front of the network's names, where a file holds several. */
  prefix?: string;
}

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * Stores the file of safetensors or the `.pth` checkpoint at `path` as the next version of a name. Throws InvalidInput
 * for a damaged file, a number that is not finite, or a network that cannot be run; Overloaded while
 * others are read.
 */
export async function uploadModel(
  store: Store,
  path: string,
  options: UploadOptions,
): Promise<ModelRow> {
  const { classes = [], image_size = 224, prefix } = options;
  const { architecture, file } = await convertWeights({ path, prefix, classes: classes.length });
  const { outputs: _, ...network } = architecture;
  const wrong = backboneSpec(network.backbone).sizes?.(sizeOf(image_size));
  if (wrong) throw new InvalidInput(`Cannot use image_size ${image_size}: ${wrong}`);
  const normalization = {
    mean: perChannel("mean", options, network),
    std: perChannel("std", options, network),
  };
  if (normalization.std.some((std) => !(std > 0))) {
    throw new InvalidInput("Cannot use std: numbers above 0 are needed");
  }
  const { sha256 } = await store.files.put(file);
  return store.commitFiles([sha256], () =>
    store.models.insert({
      id: newId("mod"),
      name: options.name,
      version: store.models.nextVersion(options.name),
      kind: "uploaded",
      job_id: null,
      dataset_id: null,
      dataset_digest: null,
      spec: { ...network, image_size, classes, normalization },
      lineage: { uploaded: now() },
      file: sha256,
      created_at: now(),
    }));
}

function perChannel(
  name: "mean" | "std",
  options: UploadOptions,
  { channels }: Pick<Architecture, "channels">,
): number[] {
  const values = options[name] ??
    (channels === 3 ? imagenet[name] : [name === "mean" ? 0.5 : 0.25]);
  if (values.length === channels) return values;
  throw new InvalidInput(`Cannot use ${name}: ${channels} numbers are needed`);
}
