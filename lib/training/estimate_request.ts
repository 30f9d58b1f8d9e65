/** What the API tells the worker of a job, to learn whether it fits on the GPU; no device code is loaded. */
import { specOf } from "@/lib/specs/mod.ts";
import type { Store } from "@/lib/store/mod.ts";

export interface EstimateRequest {
  kind: string;
  /** Resolved. */
  spec: Record<string, unknown>;
  /** Images that the job loads, and the classes among them. */
  images: number;
  classes: string[];
}

/** Undefined for a kind that trains nothing. */
export function estimateRequest(
  store: Store,
  { kind, spec }: { kind: string; spec: Record<string, unknown> },
): EstimateRequest | undefined {
  const training = specOf(kind)?.training;
  if (!training) return undefined;
  const all = store.images.all(store.datasets.byName(spec.dataset as string).id);
  const images = training.images(all);
  const labels = images.flatMap(({ label }) => label ?? []);
  return { kind, spec, images: images.length, classes: [...new Set(labels)].sort() };
}
