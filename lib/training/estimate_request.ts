/** What the API tells the worker of a job, to learn whether it fits; no device code is loaded. */
import { labelCounts } from "@/lib/datasets/label_counts.ts";
import { specOf } from "@/lib/specs/mod.ts";
import type { Store } from "@/lib/store/mod.ts";

export interface EstimateRequest {
  kind: string;
  /** Resolved. */
  spec: Record<string, unknown>;
  /** Images that the job loads, and the classes among them. */
  images: number;
  classes: string[];
  /** Whether an image may have any number of them. */
  multi_label?: boolean;
  /** Whether any picture has colours: grey ones are kept as they are. */
  colour?: boolean;
}

/** Undefined for a kind that trains nothing. */
export async function estimateRequest(
  store: Store,
  { kind, spec }: { kind: string; spec: Record<string, unknown> },
): Promise<EstimateRequest | undefined> {
  const training = specOf(kind)?.training;
  if (!training) return undefined;
  const dataset = await store.datasets.byName(spec.dataset as string);
  const { counts, classes, multi_label } = await labelCounts(store, dataset);
  return {
    ...{ kind, spec, images: training.images(counts), classes, multi_label },
    colour: await store.images.hasColour(dataset.id),
  };
}
