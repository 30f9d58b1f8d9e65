/** What servers share, opened: the drivers are in `cluster/`, whose packages only a cluster fetches and loads. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import type { Queue } from "./claims.ts";
import type { Database } from "./database.ts";
import type { Ownership, Remote } from "./remote.ts";

export interface Cluster {
  db: Database;
  /** Who may work on which job. */
  queue: Queue;
  remote: Remote;
  /** Whose `remote` is. */
  owner: Ownership;
  /** 32 random bytes, the same for all servers. */
  secret: Uint8Array;
  /**
   * Hears what the servers tell each other, this one included; `undefined` after a gap, in which anything may have
   * been told. The function that comes back ends it.
   */
  listen(channel: string, heard: (payload: string | undefined) => void): () => void;
  /** Tells the servers something, at once; lost while the database is away, which `listen` then says. */
  tell(channel: string, payload: string): void;
  /** The connections; the database is closed by itself. */
  close(): Promise<void>;
}

export interface ClusterOptions {
  /** For a thread of a server that has opened it already: nothing is made or brought up to date. */
  joined?: boolean;
}

/** Its module is not named by a literal: a check or a start without a cluster does not look at what is behind it. */
const ROOM = new URL("../../cluster/", import.meta.url).href;

/**
 * @throws {Unavailable} when the database is away
 * @throws {Error} when it cannot be used, with what to do
 */
export async function openCluster(
  settings: ClusterSettings,
  options: ClusterOptions = {},
): Promise<Cluster> {
  const { open } = await import(`${ROOM}mod.ts`) as {
    open(settings: ClusterSettings, options: ClusterOptions): Promise<Cluster>;
  };
  return await open(settings, options);
}
