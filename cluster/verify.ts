/** Is all there that a cluster's rows name? Every file in the bucket, against its SHA-256. */
import { NotFound } from "@/lib/errors.ts";
import type { Database } from "@/lib/store/database.ts";
import { contentOf } from "@/lib/store/disk_files.ts";
import { type Reference, REFERENCES } from "@/lib/store/inspection.ts";
import { adviceFor } from "@/lib/store/stored_files.ts";
import { keyOf, type Remote } from "@/lib/store/remote.ts";

const LANES = 8;
/** Of jobs that can go on. */
const CHECKPOINTS = `
  SELECT file AS sha256, 'a checkpoint of job "' || job_id || '"' AS what FROM checkpoints
    WHERE job_id IN (SELECT id FROM jobs WHERE state NOT IN ('succeeded', 'cancelled'))`;

export interface VerifiedCluster {
  files: number;
  references: number;
  /** Files that are not in the bucket. */
  missing: number;
  /** One line each, for people. */
  faults: string[];
}

export interface VerifyClusterOptions {
  /** Files are not read: whether they are there is looked at. */
  quick?: boolean;
  /** A folder for what is read. */
  temporary: string;
}

export async function verifyCluster(
  db: Database,
  remote: Remote,
  { quick = false, temporary }: VerifyClusterOptions,
): Promise<VerifiedCluster> {
  const references = await db.all<Reference>(`${REFERENCES} UNION ALL ${CHECKPOINTS}`);
  const named = Map.groupBy(references, ({ sha256 }) => sha256);
  const waiting = [...named.keys()];
  const faults: string[] = [];
  let missing = 0;
  await Promise.all(Array.from({ length: LANES }, async () => {
    for (let sha256 = waiting.pop(); sha256 !== undefined; sha256 = waiting.pop()) {
      const fault = await inspect(remote, sha256, quick ? undefined : temporary);
      if (fault === undefined) continue;
      if (fault === missingIn(remote)) missing++;
      const [{ what }, ...more] = named.get(sha256)!;
      faults.push(
        `${keyOf(sha256)} ${fault}: ${what}${more.length > 0 ? ` and ${more.length} more` : ""}; ${
          adviceFor(what)
        }`,
      );
    }
  }));
  return { files: named.size, references: references.length, missing, faults: faults.sort() };
}

const missingIn = ({ name }: Remote) => `is missing in ${name}`;

async function inspect(
  remote: Remote,
  sha256: string,
  temporary: string | undefined,
): Promise<string | undefined> {
  const missing = missingIn(remote);
  if (temporary === undefined) return await remote.has(keyOf(sha256)) ? undefined : missing;
  const path = `${temporary}/${crypto.randomUUID()}`;
  try {
    await remote.get(keyOf(sha256), path);
    using file = await Deno.open(path);
    const found = await contentOf(file);
    return found.sha256 === sha256 ? undefined : "holds other bytes than were stored";
  } catch (error) {
    if (error instanceof NotFound) return missing;
    throw error;
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}
