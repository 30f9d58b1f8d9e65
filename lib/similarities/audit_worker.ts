/** The thread of `audit_thread.ts`: one audit. */
import { audit } from "@/lib/gaze/audit.ts";
import { topAudit } from "@/lib/gaze/top_audit.ts";
import { StoredFiles } from "@/lib/store/stored_files.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import type { AuditRequest } from "./audit_thread.ts";
import { readMatrix, readTopSimilarity } from "./stored_similarity.ts";

serveTasks(async ({ directory, row, labels, images }: AuditRequest) => {
  const files = new StoredFiles(directory);
  return row.layout.kind === "matrix"
    ? audit((await readMatrix(files, row, { images })).values, { labels })
    : topAudit(await readTopSimilarity(files, row, images), { labels });
});
