/** The thread of `audit_thread.ts`: one audit. */
import { audit } from "@/lib/gaze/audit.ts";
import { topAudit } from "@/lib/gaze/top_audit.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import type { AuditRequest } from "./audit_thread.ts";
import { readMatrix, readTopSimilarity } from "./stored_similarity.ts";

serveTasks(async ({ path, row, labels, images }: AuditRequest) => {
  const files = { path: () => path };
  return row.layout.kind === "matrix"
    ? audit((await readMatrix(files, row, { images })).values, { labels })
    : topAudit(await readTopSimilarity(files, row, images), { labels });
});
