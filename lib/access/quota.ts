/** What a key has stored and queued, against what it may. */
import { statSync } from "node:fs";
import { Overloaded } from "@/lib/errors.ts";
import type { KeyRow, Store } from "@/lib/store/mod.ts";

/** More than a key may store; the same request will succeed only once something is deleted. */
export class QuotaReached extends Error {
  override name = "QuotaReached";
}

/** What is asked of the store; one that is only looked at forgets nothing. */
type Asked =
  & Pick<Store, "owners" | "uploads">
  & { files: Pick<Store["files"], "path">; looksOnly?: boolean };

/** Bytes of all that a key has made and that is there: each file once, uploads as long as they will be. */
export async function storedBytes(store: Asked, key_id: string): Promise<number> {
  let bytes = await store.owners.imageBytes(key_id) +
    await store.owners.thumbnailBytes(key_id) + await store.owners.readingBytes(key_id);
  for (const sha256 of await store.owners.files(key_id)) {
    bytes += statSync(store.files.path(sha256), { throwIfNoEntry: false })?.size ?? 0;
  }
  for (const id of await store.owners.uploads(key_id)) bytes += await uploadBytes(store, id);
  return bytes;
}

/** An upload that is gone, or that has become a data set, counts no more. */
async function uploadBytes(store: Asked, id: string): Promise<number> {
  const upload = store.uploads.list().find((one) => one.id === id);
  if (!upload && !store.looksOnly) await store.owners.forget(id);
  return upload?.outcome ? 0 : upload?.length ?? 0;
}

/**
 * @param bytes that would come; undefined where that is not known
 * @throws {QuotaReached} that says what was found and what to do
 */
export async function assertMayStore(
  store: Store,
  { id, max_bytes }: Pick<KeyRow, "id" | "max_bytes">,
  bytes: number | undefined,
): Promise<void> {
  if (max_bytes === null) return;
  const stored = await storedBytes(store, id);
  const left = max_bytes - stored;
  if (bytes === undefined) {
    throw new QuotaReached(
      `Cannot take a body of unknown length: this key may store ${Math.max(0, left)} bytes more; ` +
        "send Content-Length",
    );
  }
  if (bytes <= left && left > 0) return;
  throw new QuotaReached(
    `Cannot store ${bytes} bytes more: what this key has made takes ${stored} of ${max_bytes} bytes; ` +
      "delete data sets, models, uploads or predictions with thumbnails of it, or ask an administrator for more",
  );
}

/** @throws {Overloaded} where a key has as many jobs as it may have */
export async function assertMayQueue(
  store: Store,
  { id, max_jobs }: Pick<KeyRow, "id" | "max_jobs">,
): Promise<void> {
  if (max_jobs === null) return;
  const open = await store.owners.openJobs(id);
  if (open < max_jobs) return;
  throw new Overloaded(
    `Cannot queue another job: this key has ${open} that wait, run or pause, and may have ${max_jobs}; ` +
      "wait for one to end, or cancel one",
    30,
  );
}
