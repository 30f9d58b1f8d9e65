/** Feature vectors of a job's pictures by the network that it starts from, as it stands. */
import type { Gpu } from "@/gpu/device.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { ActivationReader } from "@/lib/inference/activations.ts";
import { allFinite } from "@/lib/inference/evaluator.ts";
import { initialize } from "@/lib/models/initial.ts";
import { loadWeights, saveWeights } from "@/lib/models/weights.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import type { State } from "./checkpoint.ts";
import { type ImageSet, placeImages } from "./image_set.ts";
import type { initialModel } from "./job_inputs.ts";

/** Images of a run. */
const BATCH = 16;

/**
 * @param options.start without one the weights are those that the seed draws
 * @param between called between batches; may throw to stop
 * @returns of the pictures in their order: [N][F], and the network's weights under torchvision's names
 * @throws {InvalidInput} naming a picture whose features are not finite
 */
export async function frozenFeatures(
  gpu: Gpu,
  set: ImageSet,
  { model, start, seed }: {
    model: Omit<ModelSpec, "classes">;
    start: Awaited<ReturnType<typeof initialModel>>;
    seed: number;
  },
  between: () => Promise<void>,
): Promise<{ features: Float32Array<ArrayBuffer>[]; weights: State }> {
  const { rows } = set;
  const batch = Math.min(BATCH, rows.length);
  const images = placeImages(gpu, set, batch);
  const store = new ParameterStore(gpu);
  const reader = new ActivationReader(gpu, store, { ...model, classes: [] }, images, {
    ...{ batch, taps: ["features"] },
  });
  try {
    initialize(store, seed);
    if (start) loadWeights(store, start.weights);
    const features: Float32Array<ArrayBuffer>[] = [];
    for (let from = 0; from < rows.length; from += batch) {
      await between();
      const part = Array.from({ length: Math.min(batch, rows.length - from) }, (_, i) => from + i);
      for (const [i, found] of (await reader.read(part, ["features"])).entries()) {
        if (!allFinite(found.features!)) {
          throw new InvalidInput(
            `Cannot use the features of "${rows[from + i].name}": they are not finite; the ` +
              "weights have overflowed, or do not fit their mean and std",
          );
        }
        features.push(found.features!.slice());
      }
    }
    return { features, weights: await saveWeights(store) };
  } finally {
    reader.destroy();
    store.destroy();
    images.destroy();
  }
}
