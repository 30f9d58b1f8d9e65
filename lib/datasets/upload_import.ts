/** An upload that becomes a data set: how far it is, and what came of it, to be asked for at any time. */
import { z } from "zod";
import { type ImportReport, importReportSchema } from "./import_report.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { problemSchema } from "@/lib/problems.ts";
import type { Store } from "@/lib/store/mod.ts";
import type { Upload } from "@/lib/store/uploads.ts";

const outcomeSchema = z.object({
  dataset: z.string(),
  report: importReportSchema.nullable(),
  error: z.string().nullable(),
  errors: z.array(problemSchema),
});
type Outcome = z.output<typeof outcomeSchema>;

export const uploadSchema = z.object({
  id: z.string(),
  length: z.number().describe("Bytes that will come"),
  offset: z.number().describe("Bytes that have come"),
  state: z.enum(["receiving", "complete", "importing", "imported", "failed"]),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().describe("A week after the last byte, a day after an import"),
  dataset: z.string().nullable().describe("What it was imported as, or was to be"),
  progress: z.object({ done: z.number(), total: z.number(), unit: z.literal("files") }).nullable(),
  report: importReportSchema.nullable(),
  error: z.string().nullable().describe("Why the import failed; it can be asked for again"),
  errors: z.array(problemSchema),
}).meta({ id: "Upload" });
export type UploadView = z.output<typeof uploadSchema>;

/** Imports that run in this process, by upload. */
const running = new Map<string, { dataset: string; done: number; total: number }>();

export function uploadView(upload: Upload): UploadView {
  const { id, length, offset, created_at, expires_at } = upload;
  const outcome = outcomeSchema.nullable().parse(upload.outcome);
  const now = running.get(id);
  const state = now
    ? "importing"
    : outcome?.report
    ? "imported"
    : outcome
    ? "failed"
    : offset === length
    ? "complete"
    : "receiving";
  return {
    id,
    length,
    offset,
    state,
    created_at,
    expires_at,
    dataset: now?.dataset ?? outcome?.dataset ?? null,
    progress: now ? { done: now.done, total: now.total, unit: "files" } : null,
    report: now ? null : outcome?.report ?? null,
    error: now ? null : outcome?.error ?? null,
    errors: now ? [] : outcome?.errors ?? [],
  };
}

/**
 * Imports a complete upload by `work`, which tells its progress. Afterwards the upload says what came of it; its
 * bytes go once they are a data set, and stay otherwise.
 * @throws {NotFound}, {Conflict}, and what `work` throws
 */
export async function importUpload(
  store: Store,
  id: string,
  { dataset, dryRun }: { dataset: string; dryRun: boolean },
  work: (path: string, onProgress: (done: number, total: number) => void) => Promise<ImportReport>,
): Promise<ImportReport> {
  return await store.uploads.use(id, async (path) => {
    const progress = { dataset, done: 0, total: 0 };
    running.set(id, progress);
    const settle = (outcome: Omit<Outcome, "dataset">, taken = false) =>
      store.uploads.settle(id, { dataset, ...outcome }, { taken });
    try {
      const report = await work(path, (done, total) => Object.assign(progress, { done, total }));
      if (!dryRun) settle({ report, error: null, errors: [] }, true);
      return report;
    } catch (error) {
      const { message } = error as Error;
      const errors = error instanceof InvalidInput ? error.problems : [];
      // What the system says may hold a path.
      const told = error instanceof Error && error.constructor === Error
        ? "Cannot import the archive: an unexpected error, told in the server's log"
        : message;
      if (!dryRun) settle({ report: null, error: told, errors });
      throw error;
    } finally {
      running.delete(id);
    }
  });
}

/** What uploads tell of a data set that is no more goes with it. */
export function forgetImports(store: Store, dataset: string): void {
  store.uploads.forget((outcome) => {
    const { data } = outcomeSchema.safeParse(outcome);
    return data?.dataset === dataset && data.report !== null;
  });
}
