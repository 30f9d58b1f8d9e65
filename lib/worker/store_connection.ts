/** What joins a worker process that no server started to the store, which it opens itself. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import { Conflict, Unavailable } from "@/lib/errors.ts";
import { type Log, unquoted } from "@/lib/log.ts";
import { WAITS } from "@/lib/store/claims.ts";
import { Inspection } from "@/lib/store/inspection.ts";
import { HOLD_MS } from "@/lib/store/lease.ts";
import { checkoutWatch, type CommitFiles } from "@/lib/commit.ts";
import { versionOfHolder } from "@/lib/store/lock.ts";
import { knownVersion } from "@/lib/store/migrations.ts";
import { openStore } from "@/lib/store/mod.ts";
import type { WorkerAbout } from "@/lib/store/workers.ts";
import { SILENT_MS } from "./beat.ts";
import type { Connection } from "./connection.ts";
import { type Device, shortOf } from "./session.ts";
import { StoreDesk } from "./store_desk.ts";

export interface StoreOptions {
  cluster?: ClusterSettings;
  /** Of the program; without it jobs of every version are taken. */
  version?: string;
  /** What says whether its checkout is still that version: no job is begun once it is another. */
  git?: CommitFiles;
  /** What people call the worker. */
  label: string;
  device(): Device | null;
  /** A job waits. */
  wake(): void;
  log: Log;
}

/** The store of a worker that no server started: its desk, and its beats. */
export async function connectionToStore(
  data: string,
  name: string,
  { cluster, version, git, label, device, wake, log }: StoreOptions,
): Promise<Connection> {
  if (!cluster) assertMade(data);
  const store = await openStore(data, { shared: true, cluster });
  try {
    await store.cluster?.owner.check();
  } catch (error) {
    // One that is away is asked again before anything is put there.
    if (!(error instanceof Unavailable)) {
      await store.close();
      throw error;
    }
  }
  const desk = new StoreDesk(store, name, () => {}, log);
  desk.isStale = checkoutWatch(git);
  // What a process of this name ran that has died.
  await desk.left({ blameless: false });
  const about = (device: Device | null, memory = 0, gpu_memory = 0): WorkerAbout => ({
    ...{ label, version: version ?? "", place: "beside" },
    ...{ device: shortOf(device), memory, gpu_memory },
  });
  // What it is called among the others, before its first job.
  desk.asking = { label: await desk.hold(about(null)), version };
  store.cluster?.listen(WAITS, wake);
  let held = -Infinity;
  let told: Device | null = null;
  let left = "";
  /** Beside a server of another version only jobs of the own one are taken: results depend on it. */
  const compareVersions = async () => {
    const servers = version === undefined || cluster ? undefined : versionOfHolder(data);
    const strict = servers !== undefined && servers !== version;
    desk.asking = { ...desk.asking, strict };
    const versions = strict ? (await store.jobs.otherVersions(version!)).join(", ") : "";
    if (versions !== left && versions !== "") {
      log(
        `Jobs of version ${versions} are left to other workers: this one is ${version}, the server of ${data} ` +
          `${servers}, and results depend on it; start this worker from the server's checkout`,
      );
    }
    left = versions;
  };
  await compareVersions();
  return {
    desk,
    send: () => {},
    reachable: () => true,
    async beat({ job, silent_ms, rss, gpu_bytes }) {
      // Nobody else ends a worker that hangs: its launcher starts it again.
      if (job !== null && silent_ms > SILENT_MS) Deno.exit(70);
      if (performance.now() - held < HOLD_MS && told === device()) return;
      held = performance.now();
      told = device();
      try {
        await desk.hold(about(told, rss, gpu_bytes));
        await compareVersions();
      } catch (error) {
        // The next one may come through, long before the lease ends.
        log(`Cannot prolong the lease of this worker: ${unquoted((error as Error).message)}`);
      }
    },
    async end() {
      await store.workers.remove(name);
      await store.close();
    },
  };
}

/**
 * A database is brought to a newer schema by the server alone: one of before could not start on it again.
 * @throws {Conflict} where none of this version has been started yet
 */
function assertMade(data: string): void {
  const database = new Inspection(`${data}/mcgip.db`);
  const version = database.version();
  database.close();
  if (version >= knownVersion) return;
  throw new Conflict(
    `Cannot work on ${data}: its schema is version ${version}, this worker needs ${knownVersion}; start a server of ` +
      "this version there first, or this worker from the server's checkout",
  );
}
