/** What every change of a data set shares: refused while a job reads it, whole or not at all. */
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import type { DatasetRow, NameMode, Store } from "@/lib/store/mod.ts";

/** Throws NotFound, and Conflict while a job reads the data set. */
export async function changeable(store: Store, name: string): Promise<DatasetRow> {
  const dataset = await store.datasets.byName(name);
  const job = await store.datasets.reader(name);
  if (job) throw new Conflict(`Cannot change dataset "${name}": job "${job}" reads it`);
  return dataset;
}

/**
 * A set keeps all its names or none: one patient under two names would be two.
 * @throws {InvalidInput} where another mode is asked for than the set has
 */
export function sameNames(dataset: Pick<DatasetRow, "name" | "names">, asked?: NameMode): void {
  if (asked === undefined || asked === dataset.names) return;
  const what = dataset.names === "hash" ? "hashes names" : "keeps names as they are";
  throw new InvalidInput(
    `Cannot use names=${asked}: data set "${dataset.name}" ${what}; import it anew with names=${asked}`,
  );
}

/**
 * Runs `body` on the rows, in one transaction with `files`; the digest is made anew when it is asked for. `begin` may
 * make the set first.
 */
export async function change<T>(
  store: Store,
  name: string,
  files: string[],
  body: (dataset: DatasetRow) => Promise<T>,
  begin?: () => Promise<unknown>,
): Promise<T> {
  return await store.commitFiles(files, async () => {
    await begin?.();
    const dataset = await changeable(store, name);
    const result = await body(dataset);
    await store.datasets.changed(dataset.id);
    return result;
  });
}
