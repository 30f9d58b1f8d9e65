/** What every training job looks up first. */
import { adapterName } from "@/lib/adapter_name.ts";
import { Conflict } from "@/lib/errors.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { JobKind, KeptSpec } from "@/lib/specs/mod.ts";
import { readSafetensors } from "@/lib/models/safetensors.ts";
import type { WeightTensor } from "@/lib/models/pth.ts";
import type { HashedDatasetRow, ModelRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";

/**
 * The job's data set, as it was when the job was queued.
 * @throws {Conflict} when it has changed since
 */
export async function jobDataset(
  { store, job }: Pick<JobContext, "store" | "job">,
): Promise<HashedDatasetRow> {
  const dataset = await store.datasets.hashed(
    await store.datasets.byName(job.spec.dataset as string),
  );
  const queued = job.spec.dataset_digest;
  if (queued !== undefined && queued !== dataset.digest) {
    throw new Conflict(`Cannot run on "${dataset.name}": it has changed since the job was queued`);
  }
  return dataset;
}

/** The model to start from with its weights; undefined for `scratch`. */
export async function initialModel(
  store: WorkerStore,
  init: string,
): Promise<{ row: ModelRow; weights: Map<string, WeightTensor> } | undefined> {
  if (init === "scratch") return undefined;
  const row = await store.models.resolve(init);
  return {
    row,
    weights: readSafetensors(await store.files.read(row.file, `model "${row.id}"`)).tensors,
  };
}

/**
 * What identifies a run in its checkpoints and in a model's lineage.
 * @template Kind of the job
 */
export function identity<Kind extends JobKind>({ job, gpu }: Pick<JobContext, "job" | "gpu">) {
  const spec = job.spec as KeptSpec<Kind>;
  return {
    job: job.id,
    spec,
    dataset_digest: spec.dataset_digest ?? null,
    code_version: spec.code_version ?? null,
    adapter: adapterName(gpu.info),
  };
}

/** Reports of loading pictures, with a chance to stop. */
export function loading(context: JobContext): (done: number, total: number) => Promise<void> {
  return async (done, total) => {
    context.progress(done, total, "images loaded");
    await context.yield();
  };
}
