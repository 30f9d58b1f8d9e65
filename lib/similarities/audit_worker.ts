/** The thread of `audit_thread.ts`: one audit. */
/// <reference lib="deno.worker" />
import { audit } from "@/lib/gaze/audit.ts";
import type { AuditReply, AuditRequest } from "./audit_thread.ts";
import { topAudit } from "@/lib/gaze/top_audit.ts";
import { readMatrix, readTopSimilarity } from "./stored_similarity.ts";

self.onmessage = async ({ data: { path, row, labels } }: MessageEvent<AuditRequest>) => {
  let reply: AuditReply;
  try {
    const files = { path: () => path };
    reply = row.layout.kind === "matrix"
      ? { audit: audit((await readMatrix(files, row)).values, { labels }) }
      : { audit: topAudit(await readTopSimilarity(files, row), { labels }) };
  } catch (error) {
    reply = { failed: String((error as Error)?.stack ?? error) };
  }
  self.postMessage(reply);
};
