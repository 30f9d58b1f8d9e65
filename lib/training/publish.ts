import type { JobContext } from "@/lib/specs/job_context.ts";
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import type { ClassifierLineage, PretrainedLineage } from "./lineage.ts";
import type { WeightTensor } from "@/lib/models/pth.ts";
import { seenSet } from "./seen.ts";
import {
  type EvaluationRow,
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
 * @param also an evaluation that belongs to it, of the model with this id
 * @returns the model's id
 * @throws {Error} when a weight is not finite: such a model is never kept
 * @throws {ClaimLost} when another worker has the job by now
 */
export async function publish(
  context: JobContext,
  { weights, kind, name, spec, dataset, trained, lineage }: Published,
  also?: (model_id: string) => EvaluationRow,
): Promise<string> {
  const { store, job } = context;
  for (const [tensor, { data }] of weights) {
    if (!data.every(Number.isFinite)) {
      throw new Error(`Cannot keep the model: weight "${tensor}" is not finite`);
    }
  }
  const { sha256 } = await store.files.put(writeSafetensors(weights, { format: "pt" }));
  const id = newId("mod");
  await context.publish({
    model: {
      ...{ id, name, kind, job_id: job.id, spec, file: sha256, created_at: now() },
      dataset_id: dataset.id,
      dataset_digest: dataset.digest,
      lineage: { ...lineage },
      trained_on: seenSet(dataset, trained),
    },
    evaluation: also?.(id),
  });
  store.files.unpin([sha256]);
  return id;
}

/** The model that this job has made before it was interrupted, if it came that far. */
export async function publishedBy({ store, job }: JobContext): Promise<ModelRow | undefined> {
  return await store.models.ofJob(job.id);
}
