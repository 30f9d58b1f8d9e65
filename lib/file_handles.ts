/** How many connections a process may hold and still have file handles for its work. */

/** Kept for the database, threads, and the worker. */
const KEPT = 128;
const MOST_CONNECTIONS = 16_384;
/** Connections that may wait to be taken: what systems have by default. */
const MOST_WAITING = 511;

/** How many connections may wait to be taken beside those that are open. */
export const waitingLimit = (connections: number): number => Math.min(connections, MOST_WAITING);

/**
 * From the limit that the children of this process have. A listener that once ran out of handles accepts nothing
 * any more, and it takes all that wait at once, before any can be sent away: each connection has a handle, and
 * another one for a file that comes or goes by it, and those that wait have one.
 * @returns undefined where the system does not tell, or does not limit them
 * @throws {Error} when there are too few for a server
 */
export function connectionLimit(read = readOpenFilesLimit): number | undefined {
  const handles = read();
  if (handles === undefined || handles === Infinity) return undefined;
  if (handles < 2 * KEPT) {
    throw new Error(
      `Cannot start with ${handles} file handles: at least ${2 * KEPT} are needed (ulimit -n 4096)`,
    );
  }
  const left = handles - KEPT;
  return Math.min(
    Math.max(Math.floor(left / 3), Math.floor((left - MOST_WAITING) / 2)),
    MOST_CONNECTIONS,
  );
}

/**
 * How many files a child of this process may have open; undefined where there is no shell to ask. The system's
 * own file about it, /proc/self/limits, may not be read by a process with permissions of its own.
 */
export function readOpenFilesLimit(): number | undefined {
  try {
    const { stdout } = new Deno.Command("sh", {
      args: ["-c", "ulimit -n"],
      stdin: "null",
      stderr: "null",
    }).outputSync();
    const text = new TextDecoder().decode(stdout).trim();
    if (text === "unlimited") return Infinity;
    return /^\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
