/** Where a worker's threads have their files: the server's own directory, or a cache of another server's. */
import type { Place } from "./asking_store.ts";
import { CachedFiles } from "./cached_files.ts";
import { type Server, Transfer } from "./transfer.ts";

/** A server elsewhere, as threads are told. */
export interface Elsewhere {
  server: Server;
  /** Most bytes of its files that are kept here. */
  maxBytes: number;
}

export interface ThreadPlace {
  /** The directory of files, checkpoints and caches. */
  data: string;
  /** Absent where the server's own directory is at hand. */
  elsewhere?: Elsewhere;
}

/** Of this worker alone: two on a machine may have had the same job. */
export const checkpointsOf = (data: string, { name }: Server) => `${data}/checkpoints/${name}`;

export function placeOf({ data, elsewhere }: ThreadPlace): Place {
  if (!elsewhere) return { directory: data };
  const { server, maxBytes } = elsewhere;
  return {
    directory: data,
    checkpoints: checkpointsOf(data, server),
    files: new CachedFiles({ directory: data, transfer: new Transfer(server), maxBytes }),
  };
}
