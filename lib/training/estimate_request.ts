/** What the API tells the worker of a job, to learn whether it fits; no device code is loaded. */
import { specOf } from "@/lib/specs/mod.ts";
import type { Store } from "@/lib/store/mod.ts";

export interface EstimateRequest {
  kind: string;
  /** Resolved. */
  spec: Record<string, unknown>;
  /** Images that the job loads, and the classes among them. */
  images: number;
  classes: string[];
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
  const { id } = await store.datasets.byName(spec.dataset as string);
  const labels = await store.images.labels(id);
  const classes = [...labels.keys()].filter((label) => label !== null).sort();
  return {
    ...{ kind, spec, images: training.images(labels), classes },
    colour: await store.images.hasColour(id),
  };
}
