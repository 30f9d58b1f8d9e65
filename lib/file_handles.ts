/** How many connections a process may hold and still have file handles for its work. */

/** Kept for the database, files that are read and written, and the worker. */
const KEPT = 128;

/**
 * From the soft limit that the children of this process have: a listener that once ran out of handles accepts
 * nothing any more. Undefined where the system does not tell, or does not limit them.
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
  return Math.min(handles - KEPT, 16_384);
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
