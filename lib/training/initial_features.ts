/** What the network that a pre-training starts from sees in its images. */
import { sizeOf } from "@/lib/images/image_size.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { NetworkSpec } from "@/lib/specs/network.ts";
import type { PretrainSpec } from "@/lib/specs/pretrain.ts";
import type { ImageRow } from "@/lib/store/mod.ts";
import { frozenFeatures } from "./frozen_features.ts";
import { loadImages, normalizationOf } from "./image_set.ts";
import { type initialModel, loading } from "./job_inputs.ts";

/** Feature vectors of the whole pictures in their order, nothing cropped or drawn: [N][F]. */
export async function initialFeatures(
  context: JobContext,
  rows: ImageRow[],
  { spec, start }: {
    spec: PretrainSpec & NetworkSpec;
    start: Awaited<ReturnType<typeof initialModel>>;
  },
): Promise<Float32Array<ArrayBuffer>[]> {
  const { backbone, width, channels, image_size, seed } = spec;
  const set = await loadImages(context.store, rows, {
    ...{ size: sizeOf(image_size), channels },
    onProgress: loading(context),
  });
  const normalization = normalizationOf(spec, set, start?.row.spec);
  const model = { backbone, width, channels, image_size, normalization };
  const between = () => context.yield();
  const { features } = await frozenFeatures(context.gpu, set, { model, start, seed }, between);
  return features;
}
