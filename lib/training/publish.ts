import type { JobContext } from "@/lib/specs/job_context.ts";
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import type { ClassifierLineage, PretrainedLineage } from "./lineage.ts";
import type { WeightTensor } from "@/lib/models/pth.ts";
import { seenSet } from "./seen.ts";
import {
  type HashedDatasetRow,
  type ImageRow,
  type ModelRow,
  newId,
  now,
} from "@/lib/store/mod.ts";

export type Published =
  & {
    /** Under torchvision's names, in PyTorch's layout. */
    weights: Map<string, WeightTensor>;
    name: string | null;
    spec: ModelRow["spec"];
    dataset: HashedDatasetRow;
    /** Images that it was trained on, validation included. */
    trained: ImageRow[];
  }
  & (
    | { kind: "pretrained"; lineage: PretrainedLineage }
    | { kind: "classifier"; lineage: ClassifierLineage }
  );

/**
 * Stores a model that a job has made.
 * @param also rows that belong to it, inserted in the same transaction
 * @throws {Error} when a weight is not finite: such a model is never kept
 * @throws {ClaimLost} when another worker has the job by now
 */
export async function publish(
  { store, job }: JobContext,
  { weights, kind, name, spec, dataset, trained, lineage }: Published,
  also?: (model: ModelRow) => Promise<unknown>,
): Promise<ModelRow> {
  for (const [tensor, { data }] of weights) {
    if (!data.every(Number.isFinite)) {
      throw new Error(`Cannot keep the model: weight "${tensor}" is not finite`);
    }
  }
  const { sha256 } = await store.files.put(writeSafetensors(weights, { format: "pt" }));
  return await store.commitFiles([sha256], async () =>
    await store.jobs.withClaim(job, async () => {
      const model = await store.models.insert({
        id: newId("mod"),
        name,
        version: name === null ? null : await store.models.nextVersion(name),
        kind,
        job_id: job.id,
        dataset_id: dataset.id,
        dataset_digest: dataset.digest,
        spec,
        lineage,
        file: sha256,
        created_at: now(),
      });
      const init = lineage.init === "scratch" ? null : lineage.init;
      await store.modelImages.insert(model.id, seenSet(dataset, trained), init);
      await also?.(model);
      return model;
    }));
}

/** The model that this job has made before it was interrupted, if it came that far. */
export async function publishedBy({ store, job }: JobContext): Promise<ModelRow | undefined> {
  return await store.models.findBy([["job_id = ?", job.id]]);
}
