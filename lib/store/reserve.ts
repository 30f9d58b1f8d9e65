/** Room on the disk that is kept for the day it is full: deleting takes some room before it gives any. */
import { existsSync } from "node:fs";
import { isDiskFull } from "@/lib/errors.ts";

/** Deleted rows are overwritten, by way of the write-ahead log. */
const RESERVE_BYTES = 16 * 2 ** 20;
const PROBE_BYTES = 2 ** 20;
/** Of a directory without a reserve: some checkpoints of a small model. */
const ROOM_BYTES = RESERVE_BYTES + PROBE_BYTES;

export class Reserve {
  readonly #path: string;

  constructor(directory: string) {
    this.#path = `${directory}/reserve`;
  }

  /** Takes the room, or as much of it as there is; false where that is not all. */
  take(): boolean {
    return grow(this.#path, RESERVE_BYTES);
  }

  /** Gives the room up; false when it had been given up before. */
  release(): boolean {
    if (!existsSync(this.#path)) return false;
    Deno.removeSync(this.#path);
    return true;
  }

  /** Runs what deletes; on a full disk once more, in the room that was kept. */
  async freeing<T>(body: () => T | Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      if (!isDiskFull(error) || !this.release()) throw error;
      try {
        return await body();
      } finally {
        this.take();
      }
    }
  }

  /** Whether a job can write again: a little more than the reserve is free. */
  hasRoom(): boolean {
    if (!this.take()) return false;
    return probe(`${this.#path}.probe`, PROBE_BYTES);
  }
}

/** Whether a job can write in a directory that keeps no reserve. */
export function canGrow(directory: string): boolean {
  return probe(`${directory}/room.probe`, ROOM_BYTES);
}

function probe(path: string, bytes: number): boolean {
  const free = grow(path, bytes);
  if (existsSync(path)) Deno.removeSync(path);
  return free;
}

/** Makes a file of zeros so long; false when the disk is full before. */
function grow(path: string, bytes: number): boolean {
  let file: Deno.FsFile | undefined;
  try {
    file = Deno.openSync(path, { write: true, create: true, append: true });
    const chunk = new Uint8Array(2 ** 18);
    for (let size = file.statSync().size; size < bytes;) {
      size += file.writeSync(chunk.subarray(0, bytes - size));
    }
    file.syncDataSync();
    return true;
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    return false;
  } finally {
    file?.close();
  }
}
