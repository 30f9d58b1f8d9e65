/** How long a training will take, by those that ran before on the same adapter. */
import { z } from "zod";
import { adapterName } from "@/lib/adapter_name.ts";
import type { ResolvedJob } from "@/lib/jobs/queue.ts";
import { labelCounts } from "@/lib/datasets/label_counts.ts";
import { specs } from "@/lib/specs/mod.ts";
import type { Training } from "@/lib/specs/spec.ts";
import { methodSpecs } from "@/lib/ssl/specs.ts";
import type { ImageSize } from "@/lib/images/image_size.ts";
import { multiplyAdds } from "@/lib/models/cost.ts";
import { backboneSpecs } from "@/lib/models/specs.ts";
import type { JobRow, Store } from "@/lib/store/mod.ts";

/** Jobs that are looked back at. */
const HISTORY = 300;
/** Kinds of jobs that train, with what their time follows from. */
const trainings = new Map<string, Training>(
  Object.entries(specs).flatMap(([kind, { training }]) => training ? [[kind, training]] : []),
);

/**
 * Jobs of exactly this shape were timed, or others, and their time scaled by multiply-adds; or none were, and
 * the device's throughput was measured.
 */
export const durationBasisSchema = z.enum(["measured", "scaled", "calibrated"]);

export interface DurationEstimate {
  seconds: number;
  basis: z.output<typeof durationBasisSchema>;
}

interface Shape {
  /** What must be equal for a time to carry over. */
  key: string;
  /** Images trained on, times epochs. */
  images: number;
  /** 10^9 multiply-adds of the whole training. */
  cost: number;
}

/**
 * Looks at the trainings that ended here without a break; the answer tells the time of another one, on a data
 * set of so many images.
 * @param throughput of the device, 10^9 multiply-adds a second; asked for only where nothing has been timed yet
 * @param adapter name of that which it will run on; undefined where that is not known: what ran on any adapter counts
 * @returns undefined where neither is known
 */
export async function durationEstimator(
  store: Store,
  throughput: () => Promise<number | undefined>,
  adapter?: string,
): Promise<(job: ResolvedJob, images: number) => Promise<DurationEstimate | undefined>> {
  const counts = new Map<string, number>();
  const imagesOf = async ({ kind, spec }: ResolvedJob): Promise<number | undefined> => {
    const { dataset_digest: digest, dataset } = spec as { dataset_digest: string; dataset: string };
    const row = await store.datasets.findByName(dataset);
    const key = `${kind} ${digest}`;
    if (!counts.has(key) && row && await store.datasets.digestOf(row) === digest) {
      counts.set(key, trainings.get(kind)!.images((await labelCounts(store, row)).counts));
    }
    return counts.get(key);
  };
  const timed: (Shape & { seconds: number })[] = [];
  for (const kind of trainings.keys()) {
    const { data } = await store.jobs.listJobs({ kind, state: "succeeded", limit: HISTORY });
    for (const job of data.filter(isKnown)) {
      if (adapter && job.device && adapterName(job.device) !== adapter) continue;
      const images = await imagesOf(job);
      const seconds = images === undefined ? undefined : await secondsOf(store, job);
      if (seconds !== undefined) timed.push({ ...shapeOf(job, images!), seconds });
    }
  }
  return async (job, images) => {
    const shape = shapeOf(job, images);
    const alike = timed.filter(({ key }) => key === shape.key);
    if (alike.length > 0) {
      const each = median(alike.map(({ seconds, images }) => seconds / images));
      return { seconds: each * shape.images, basis: "measured" };
    }
    if (timed.length === 0) {
      const calibrated = await throughput();
      if (calibrated === undefined) return undefined;
      return { seconds: shape.cost / calibrated, basis: "calibrated" };
    }
    const each = median(timed.map(({ seconds, cost }) => seconds / cost));
    return { seconds: each * shape.cost, basis: "scaled" };
  };
}

/** Undefined for one that was interrupted: its time holds pauses; and where a clock was set back meanwhile. */
async function secondsOf(
  store: Store,
  { id, started_at, finished_at }: JobRow,
): Promise<number | undefined> {
  const { states, measured } = await store.events.ofStates(id);
  if (states !== 3) return undefined;
  // Older versions have not measured it.
  const seconds = measured ?? (Date.parse(finished_at!) - Date.parse(started_at!)) / 1000;
  return seconds > 0 ? seconds : undefined;
}

function shapeOf({ kind, spec }: ResolvedJob, images: number): Shape {
  const { method, backbone, width, image_size, epochs, batch_size, mode } = spec as {
    method?: string;
    mode?: string;
    backbone: string;
    width: number;
    image_size: ImageSize;
    epochs: number;
    batch_size: number;
  };
  const training = trainings.get(kind)!;
  const seen = epochs * images * training.share(spec, images);
  const each = multiplyAdds({ backbone, width, image_size });
  return {
    key: JSON.stringify([kind, method, mode, backbone, width, image_size, batch_size]),
    images: seen,
    cost: seen * training.passes(spec) * each,
  };
}

/** Whether this version still has the method and the backbone of a job. */
function isKnown({ spec: { method, backbone } }: JobRow): boolean {
  return Object.hasOwn(backboneSpecs, backbone as string) &&
    (method === undefined || Object.hasOwn(methodSpecs, method as string));
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
