/** What the file of an uploaded model says that it was trained on: of whole data sets, never of their images. */
import { z } from "zod";
import type { HashedDatasetRow, ModelRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";

/** Models that are followed, one started from the other. */
const MOST_STARTS = 32;

const toldSchema = z.object({
  dataset_digest: z.string().nullish().catch(null),
  start: z.unknown().optional(),
});

/** Digests of the data sets that a file's lineage names. */
function digestsIn(lineage: unknown): string[] {
  const digests: string[] = [];
  let next = toldSchema.safeParse(lineage).data;
  for (let starts = 0; next && starts < MOST_STARTS; starts++) {
    if (next.dataset_digest) digests.push(next.dataset_digest);
    next = toldSchema.safeParse(next.start).data;
  }
  return digests;
}

/** The uploaded model that this one is, or was started from, over any number of trainings. */
async function uploadedStart(
  store: Pick<WorkerStore, "models">,
  model?: ModelRow,
): Promise<ModelRow | undefined> {
  for (let starts = 0; model && starts < MOST_STARTS; starts++) {
    if (model.kind === "uploaded") return model;
    const { init } = model.lineage as { init?: string };
    model = init === undefined || init === "scratch" ? undefined : await store.models.find(init);
  }
  return undefined;
}

/** To be said where a model came in by a file that names the very data set that it is tested on. */
export async function sameSetWarning(
  store: Pick<WorkerStore, "models">,
  model: ModelRow | undefined,
  dataset: Pick<HashedDatasetRow, "name" | "digest">,
): Promise<string[]> {
  const uploaded = await uploadedStart(store, model);
  const { origin } = (uploaded?.lineage ?? {}) as { origin?: { lineage?: unknown } };
  if (!digestsIn(origin?.lineage).includes(dataset.digest)) return [];
  return [
    `The file of the uploaded model "${
      uploaded!.id
    }" says that it was trained on "${dataset.name}" as it ` +
    "is, and not on which of the images: the tested ones may be among them, and these figures say " +
    "little about new patients",
  ];
}
