/** What each reader's own gaze says about the label: audits of similarities of one reader, beside that of all. */
import { quoted } from "@/lib/quoted.ts";
import { z } from "zod";
import { cutSuggestionSchema } from "@/lib/gaze/audit_report.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { SimilarityRow, Store } from "@/lib/store/mod.ts";
import { auditSimilarity } from "./audit_thread.ts";
import { isStale } from "./binding.ts";

export const readerAuditSchema = z.object({
  reader: z.string(),
  similarity: z.string().nullable().describe(
    "Id of the one of this reader's gaze alone, by the same measure and parameters; null where there is none yet: " +
      "`request` computes it",
  ),
  request: z.record(z.string(), z.unknown()).nullable().describe("Body of `POST /v1/jobs`"),
  images: z.number().nullable().describe(
    "Looked at, with gaze of this reader that can be compared",
  ),
  labelled: z.number().nullable().describe("Of these, with a label"),
  auc: z.number().nullable().describe("As in `labels`"),
  auc_p: z.number().nullable(),
  suggestion: cutSuggestionSchema.nullable(),
  warnings: z.array(z.string()),
}).meta({ id: "ReaderAudit" });
export type ReaderAudit = z.output<typeof readerAuditSchema>;

/** Readers of one answer: each is an audit of its own. */
export const MOST_READERS = 24;

/**
 * @param asked names of readers; null: all that have gaze in the data set
 * @param images names of the images that are looked at; all without it
 * @throws {InvalidInput} of a reader without gaze there, of more readers than one answer tells, of a similarity whose
 * data set is gone
 */
export async function readerAudits(
  store: Store,
  row: SimilarityRow,
  { asked, images, signal }: { asked: string[] | null; images?: string[]; signal: AbortSignal },
): Promise<ReaderAudit[]> {
  const dataset = await store.datasets.find(row.dataset_id);
  if (!dataset) throw new InvalidInput("Cannot tell readers apart: the data set is deleted");
  const known = [
    ...new Set((await store.gaze.readers(dataset.id)).map(({ reader }) => reader)),
  ].sort();
  const readers = asked ? [...new Set(asked)] : known;
  const unknown = readers.filter((reader) => !known.includes(reader));
  if (unknown.length > 0) {
    throw new InvalidInput(
      `Cannot find readers ${quoted(unknown)}: the data set has ${quoted(known)}`,
    );
  }
  if (readers.length > MOST_READERS) {
    throw new InvalidInput(
      `Cannot audit ${readers.length} readers in one answer: name up to ${MOST_READERS} in \`readers\``,
    );
  }
  const { readers: _, ...params } = row.params;
  const own = await ownSimilarities(store, row);
  const told: ReaderAudit[] = [];
  for (const reader of readers) {
    const one = own.get(reader);
    if (!one) {
      const { combine, ...settings } = params;
      const request = {
        ...{ kind: "similarity", dataset: dataset.name, measure: row.measure, params: settings },
        ...{ readers: [reader], combine },
      };
      told.push({
        ...{ reader, similarity: null, request, images: null, labelled: null },
        ...{ auc: null, auc_p: null, suggestion: null, warnings: [] },
      });
      continue;
    }
    const { valid_images, labels, suggestion, warnings } = await auditSimilarity(
      store,
      one,
      signal,
      images,
    );
    told.push({
      ...{ reader, similarity: one.id, request: null, images: valid_images },
      ...{ labelled: labels?.labelled ?? null, auc: labels?.auc ?? null },
      ...{ auc_p: labels?.auc_p ?? null, suggestion, warnings },
    });
  }
  return told;
}

/** The newest similarity of each reader alone that is made as this one is, of the same images and gaze. */
async function ownSimilarities(
  store: Store,
  row: SimilarityRow,
): Promise<Map<string, SimilarityRow>> {
  const key = ({ measure, params: { readers: _, ...params } }: SimilarityRow) =>
    JSON.stringify([measure, Object.entries(params).sort(([a], [b]) => a < b ? -1 : 1)]);
  const wanted = key(row);
  const images = JSON.stringify(row.images);
  const found = new Map<string, SimilarityRow>();
  for (const other of await store.similarities.ofDataset(row.dataset_id, 1000)) {
    const readers = other.params.readers as string[] | null | undefined;
    if (readers?.length !== 1 || found.has(readers[0]) || key(other) !== wanted) continue;
    if (JSON.stringify(other.images) === images && !await isStale(store, other)) {
      found.set(readers[0], other);
    }
  }
  return found;
}
