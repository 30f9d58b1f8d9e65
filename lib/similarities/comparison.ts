/** Which of a data set's similarities to take: their audits side by side. */
import type { Audit, LabelAudit } from "@/lib/gaze/audit_report.ts";
import { auditSimilarity, labelsOf } from "./audit_thread.ts";
import { type MeasureSuggestion, suggestMeasure } from "@/lib/gaze/suggestion.ts";
import type { SimilarityRow, Store } from "@/lib/store/mod.ts";

export interface Comparison {
  /** The similarity to take and its cut; null where none is better than chance. */
  suggestion: MeasureSuggestion & { similarity: string } | null;
  compared: {
    similarity: string;
    measure: string;
    params: Record<string, unknown>;
    auc: LabelAudit["auc"];
    p: number | null;
    suggestion: Audit["suggestion"];
  }[];
  warnings: string[];
}

/** Similarities that are compared, this one included. */
const MOST = 12;

/**
 * This similarity beside the newest others of the same images, one for every measure and its parameters; null
 * where the data set has no labels.
 */
export async function compareSimilarities(
  store: Store,
  row: SimilarityRow,
  signal: AbortSignal,
): Promise<Comparison | null> {
  if (!store.datasets.find(row.dataset_id) || !labelsOf(store, row)) return null;
  const audits: Record<string, Audit> = {};
  const rows = candidates(store, row);
  for (const one of rows) audits[one.id] = await auditSimilarity(store, one, signal);
  const best = suggestMeasure(audits);
  const found = rows.find(({ id }) => id === best?.measure);
  return {
    suggestion: best && found ? { similarity: found.id, ...best, measure: found.measure } : null,
    compared: rows.map(({ id, measure, params }) => {
      const { labels, suggestion } = audits[id];
      return {
        similarity: id,
        measure,
        params,
        auc: labels?.auc ?? null,
        p: labels?.p ?? null,
        suggestion,
      };
    }),
    warnings: best ? [] : [
      `None of the similarities compared (${
        rows.map(({ measure }) => measure).join(", ")
      }) pairs images of one label more often than chance does.`,
    ],
  };
}

function candidates(store: Store, row: SimilarityRow): SimilarityRow[] {
  const key = ({ measure, params }: SimilarityRow) => JSON.stringify([measure, params]);
  const images = JSON.stringify(row.images);
  const found = new Map([[key(row), row]]);
  for (const other of store.similarities.ofDataset(row.dataset_id, 4 * MOST)) {
    if (found.size === MOST) break;
    if (!found.has(key(other)) && JSON.stringify(other.images) === images) {
      found.set(key(other), other);
    }
  }
  return [...found.values()];
}
