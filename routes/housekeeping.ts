/** What a server does now and then for its store, beside its requests. */
import { isDiskFull } from "@/lib/errors.ts";
import { type Log, withoutNames } from "@/lib/log.ts";
import type { Store } from "@/lib/store/mod.ts";

/** Names that were deleted are out of the files after so long, ms, unless somebody reads. */
const SOON_MS = 500;
const HOURLY_MS = 3_600_000;
/** What jobs write is brought into the database as often, ms. */
const JOBS_MS = 30_000;

export interface Housekeeping {
  /** Something was written. */
  written(): void;
  stop(): void;
}

/** Empties the write-ahead log after writes; and now and then for what jobs write; drops old answers and expired uploads by the hour. */
export function keepHouse(store: Store, log: Log): Housekeeping {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const attempt = async (work: () => void | Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!isDiskFull(error)) log(`housekeeping: ${withoutNames(error)}`, { level: "error" });
    }
  };
  const written = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void attempt(async () => {
        if (!await store.db.forgetDeleted()) written();
      });
    }, SOON_MS);
  };
  const hourly = setInterval(() =>
    void attempt(async () => {
      await store.idempotency.purge();
      // Those that have expired go.
      store.uploads.list();
      written();
    }), HOURLY_MS);
  const jobs = setInterval(written, JOBS_MS);
  return {
    written,
    stop() {
      clearTimeout(timer);
      clearInterval(hourly);
      clearInterval(jobs);
    },
  };
}
