/** Audits in a thread of their own: permutations over all pairs take seconds. */
import type { Audit } from "@/lib/gaze/audit_report.ts";
import type { SimilarityRow, Store } from "@/lib/store/mod.ts";
import { assertCurrent } from "./binding.ts";
import { comparedLabels, comparisonNotes } from "@/lib/datasets/compared_labels.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";

export interface AuditRequest {
  /** Where stored files lie. */
  directory: string;
  row: SimilarityRow;
  labels?: (string | null)[];
  /** Names of the images that are looked at; all without it. */
  images?: string[];
}

const pool = new ThreadPool(import.meta.resolve("./audit_worker.ts"), limits.audit);

const MOST_KEPT = 32;
/** Audits by what they were made from; the oldest goes first. */
const kept = new Map<string, Audit>();
/** Those that are being made: who asks for the same waits for it. */
const underWay = new Map<string, Promise<Audit>>();

/**
 * The audit of a similarity against the labels that the data set has now. Throws Overloaded when too many audits
 * wait, Conflict when images or gaze of the data set have changed since.
 * @param images names of those that are looked at, in the order of the matrix; all without it
 */
export async function auditSimilarity(
  store: Store,
  row: SimilarityRow,
  signal: AbortSignal,
  images?: string[],
): Promise<Audit> {
  const dataset = await store.datasets.find(row.dataset_id);
  if (dataset) await assertCurrent(store, row, dataset);
  const key = JSON.stringify([
    row.id,
    dataset && await store.datasets.digestOf(dataset),
    images ?? null,
  ]);
  const known = kept.get(key) ?? await underWay.get(key)?.catch(() => undefined);
  if (known) return known;
  const labels = dataset ? await labelsOf(store, row, images) : undefined;
  const request: AuditRequest = { directory: store.files.directory, row, labels, images };
  // The thread sees the directory alone.
  await store.files.fetch(row.file);
  const pairs = pairsOf(row);
  const making = pool.run<Audit>(request, { memory: memoryOf(row), size: pairs / 1e6, signal });
  underWay.set(key, making);
  try {
    const made = await making;
    if (dataset) made.warnings.push(...await comparisonNotes(store, dataset));
    kept.set(key, made);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
    return made;
  } finally {
    underWay.delete(key);
  }
}

/** The data set's labels in the order of the matrix; undefined where there is none. */
export async function labelsOf(
  store: Store,
  row: SimilarityRow,
  images: string[] = row.images,
): Promise<(string | null)[] | undefined> {
  const labelOf = await comparedLabels(store, row.dataset_id);
  const labels = images.map((name) => labelOf.get(name) ?? null);
  return labels.some((label) => label !== null) ? labels : undefined;
}

/** Bytes of an audit. */
function memoryOf(row: SimilarityRow): number {
  const { layout } = row;
  // The values, and their order.
  if (layout.kind === "matrix") return 16 * pairsOf(row);
  // The file; the nearest pairs of levels, once for each of a few; of up to 100 neighbours each, while they are sorted.
  const { pairs, top_k } = layout;
  return 36 * pairs + row.images.length * (8 * top_k + 72 * Math.min(top_k, 100));
}

/** Pairs that an audit reads. */
function pairsOf(row: SimilarityRow): number {
  const n = row.images.length;
  const { layout } = row;
  return layout.kind === "matrix" ? n * n / 2 : layout.pairs + n * layout.top_k;
}
