/** Which of the images that a model is tested on it has seen before, in its training or in one before it. */
import type {
  DatasetRow,
  HashedDatasetRow,
  ImageRow,
  ModelRow,
  SeenImages,
  SeenSet,
} from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";

const keyOf = ({ file }: Pick<ImageRow, "file">) => file.slice(0, 16);
const patientOf = ({ id }: Pick<DatasetRow, "id">, patient: string) => `${id} ${patient}`;
const sorted = (values: Iterable<string>) => [...new Set(values)].sort();

/** What is looked at when these images are. */
export function seenSet(dataset: Pick<DatasetRow, "id">, images: ImageRow[]): SeenSet {
  return {
    images: sorted(images.map(keyOf)),
    patients: sorted(
      images.flatMap(({ patient }) => patient === null ? [] : [patientOf(dataset, patient)]),
    ),
  };
}

type Counts = NonNullable<SeenImages["training"]>;

/**
 * How many of the tested images, and of their patients, are in some of the sets. Pictures are known by their
 * content: another name, or another data set, makes no other picture. A patient counts too when any picture
 * of the data set that is of that patient is in the sets.
 * @param all images of the data set
 */
export function countSeen(
  dataset: Pick<DatasetRow, "id">,
  all: ImageRow[],
  tested: ImageRow[],
  sets: SeenSet[],
): Counts {
  const images = new Set(sets.flatMap((set) => set.images));
  const known = new Set(sets.flatMap((set) => set.patients));
  const seen = new Set(
    all.filter((image) => images.has(keyOf(image))).flatMap(({ patient }) => patient ?? []),
  );
  const patients = new Set(tested.flatMap(({ patient }) => patient ?? []));
  return {
    images: tested.filter((image) => images.has(keyOf(image))).length,
    patients:
      [...patients].filter((patient) => seen.has(patient) || known.has(patientOf(dataset, patient)))
        .length,
  };
}

/**
 * How many of the tested images were seen in the trainings before the one that starts from `init`; null where
 * none is known of and not everything is known.
 */
export async function seenBefore(
  store: Pick<WorkerStore, "images" | "modelImages">,
  init: string,
  dataset: DatasetRow,
  tested: ImageRow[],
): Promise<SeenImages["pretraining"]> {
  if (init === "scratch") return { images: 0, patients: 0 };
  const { own, before, complete } = await store.modelImages.of(init);
  return known(
    countSeen(dataset, await store.images.all(dataset.id), tested, [...own, ...before]),
    complete,
  );
}

/** How many of the tested images a model has seen, in its own training and in those before. */
export async function seenBy(
  store: Pick<WorkerStore, "images" | "modelImages">,
  model: ModelRow,
  dataset: HashedDatasetRow,
  tested: ImageRow[],
): Promise<SeenImages> {
  const { own: kept, before, complete } = await store.modelImages.of(model.id);
  const all = await store.images.all(dataset.id);
  const own = kept.length > 0 ? kept : listed(model, dataset, all);
  return {
    pretraining: known(countSeen(dataset, all, tested, before), complete),
    training: known(countSeen(dataset, all, tested, own), own.length > 0),
  };
}

/** Of a model that an older version has made: by the names in its lineage, while they mean the same images. */
function listed(model: ModelRow, dataset: HashedDatasetRow, all: ImageRow[]): SeenSet[] {
  const { split } = model.lineage as { split?: { train: string[]; validation: string[] } };
  if (!split || model.dataset_digest !== dataset.digest) return [];
  const names = new Set([...split.train, ...split.validation]);
  return [seenSet(dataset, all.filter(({ name }) => names.has(name)))];
}

function known(counts: Counts, complete: boolean): Counts | null {
  return counts.images + counts.patients === 0 && !complete ? null : counts;
}

/** What is to be said of it, in words. */
export function seenWarning(
  { pretraining, training }: SeenImages,
  { images }: { images: number },
): string[] {
  const told = (counts: SeenImages["training"], where: string, what: string) =>
    counts && counts.images + counts.patients > 0
      ? [
        `${counts.images} of the ${images} tested images, and ${counts.patients} of their patients, were ` +
        `seen in ${where}: these figures say little about new patients; ${what}`,
      ]
      : [];
  return [
    ...told(
      pretraining,
      "the trainings that the model started from",
      "pre-train with the `leave_out` of this split",
    ),
    ...told(training, "the model's own training", 'evaluate on `"split": "test"`'),
  ];
}
