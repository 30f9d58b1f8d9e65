/** Audits in a thread of their own: permutations over all pairs take seconds. */
import { Overloaded } from "@/lib/errors.ts";
import type { Audit } from "@/lib/gaze/audit_report.ts";
import type { SimilarityRow, Store } from "@/lib/store/mod.ts";

export interface AuditRequest {
  /** Where the matrix lies. */
  path: string;
  row: SimilarityRow;
  labels?: (string | null)[];
}

export type AuditReply = { audit: Audit } | { failed: string };

const MOST_WAITING = 32;
const MOST_KEPT = 32;
/** Audits run one after the other, those asked for first. */
let last: Promise<unknown> = Promise.resolve();
let waiting = 0;
/** Audits by what they were made from; the oldest goes first. */
const kept = new Map<string, Audit>();

/**
 * The audit of a similarity against the labels that the data set has now. Throws Overloaded when too many audits wait.
 */
export async function auditSimilarity(
  store: Store,
  row: SimilarityRow,
  signal: AbortSignal,
): Promise<Audit> {
  const dataset = store.datasets.find(row.dataset_id);
  const key = `${row.id} ${dataset?.digest}`;
  const known = kept.get(key);
  if (known) return known;
  const labels = dataset ? labelsOf(store, row) : undefined;
  const audit = await inTurn(() =>
    kept.get(key) ?? run({ path: store.files.path(row.file), row, labels }, signal)
  );
  kept.set(key, audit);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
  return audit;
}

/** The data set's labels in the order of the matrix; undefined where there is none. */
export function labelsOf(store: Store, row: SimilarityRow): (string | null)[] | undefined {
  const labelOf = new Map(store.images.all(row.dataset_id).map(({ name, label }) => [name, label]));
  const labels = row.images.map((name) => labelOf.get(name) ?? null);
  return labels.some((label) => label !== null) ? labels : undefined;
}

async function inTurn<T>(work: () => T | Promise<T>): Promise<T> {
  if (waiting >= MOST_WAITING) throw new Overloaded("Cannot audit now: too many audits wait", 5);
  waiting++;
  const mine = last.catch(() => {}).then(work).finally(() => waiting--);
  last = mine;
  return await mine;
}

async function run(request: AuditRequest, signal: AbortSignal): Promise<Audit> {
  const gone = () => new Error("Cannot go on: nobody waits");
  if (signal.aborted) throw gone();
  const worker = new Worker(import.meta.resolve("./audit_worker.ts"), { type: "module" });
  try {
    return await new Promise<Audit>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(gone()));
      worker.onmessage = ({ data: reply }: MessageEvent<AuditReply>) => {
        if ("audit" in reply) resolve(reply.audit);
        else reject(new Error(reply.failed));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`Cannot audit: ${event.message}`));
      };
      worker.postMessage(request);
    });
  } finally {
    worker.terminate();
  }
}
