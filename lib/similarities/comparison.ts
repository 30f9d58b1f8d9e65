/** Which of a data set's similarities to take: their audits side by side. */
import { z } from "zod";
import { type Audit, cutSuggestionSchema } from "@/lib/gaze/audit_report.ts";
import { auditSimilarity, labelsOf } from "./audit_thread.ts";
import { suggestMeasure } from "@/lib/gaze/suggestion.ts";
import type { SimilarityRow, Store } from "@/lib/store/mod.ts";
import { isStale } from "./binding.ts";
import { similarityParamsSchema, type SimilarityView } from "./similarity.ts";

export const comparisonSchema = z.object({
  suggestion: z.object({
    similarity: z.string().describe("Id of the one to take"),
    measure: z.string(),
    ...cutSuggestionSchema.shape,
  }).nullable().describe("null where none is better than chance"),
  compared: z.array(z.object({
    similarity: z.string(),
    measure: z.string(),
    params: similarityParamsSchema,
    auc: z.number().nullable(),
    p: z.number().nullable(),
    suggestion: cutSuggestionSchema,
  })),
  warnings: z.array(z.string()),
}).meta({ id: "SimilarityComparison" });
export type Comparison = z.output<typeof comparisonSchema>;

/** Similarities that are compared, this one included. */
const MOST = 12;

/**
 * This similarity beside the newest others of the same images, one for every measure and its parameters; null
 * where the data set has no labels.
 * @param images names of those that are looked at; all without it
 */
export async function compareSimilarities(
  store: Store,
  row: SimilarityRow,
  signal: AbortSignal,
  images?: string[],
): Promise<Comparison | null> {
  if (!await store.datasets.find(row.dataset_id) || !await labelsOf(store, row, images)) {
    return null;
  }
  const audits: Record<string, Audit> = {};
  const rows = await candidates(store, row);
  for (const one of rows) audits[one.id] = await auditSimilarity(store, one, signal, images);
  const best = suggestMeasure(audits);
  const found = rows.find(({ id }) => id === best?.measure);
  return {
    suggestion: best && found ? { similarity: found.id, ...best, measure: found.measure } : null,
    compared: rows.map(({ id, measure, params }) => {
      const { labels, suggestion } = audits[id];
      return {
        similarity: id,
        measure,
        params: params as SimilarityView["params"],
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

async function candidates(store: Store, row: SimilarityRow): Promise<SimilarityRow[]> {
  const key = ({ measure, params }: SimilarityRow) => JSON.stringify([measure, params]);
  const images = JSON.stringify(row.images);
  const found = new Map([[key(row), row]]);
  for (const other of await store.similarities.ofDataset(row.dataset_id, 4 * MOST)) {
    if (found.size === MOST) break;
    const same = JSON.stringify(other.images) === images;
    if (!found.has(key(other)) && same && !await isStale(store, other)) {
      found.set(key(other), other);
    }
  }
  return [...found.values()];
}
