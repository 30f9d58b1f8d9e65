/** How many connections a process may hold and still have file handles for its work. */

/** Kept for the database, files that are read and written, and the worker. */
const KEPT = 128;

/**
 * From the soft limit of this process, which its children inherit: a listener that once ran out of handles
 * accepts nothing any more. Undefined where the system does not tell (it is not Linux).
 * @throws {Error} when there are too few for a server
 */
export function connectionLimit(read = readLimits): number | undefined {
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(read() ?? "");
  if (!line || line[1] === "unlimited") return undefined;
  const handles = Number(line[1]);
  if (handles < 2 * KEPT) {
    throw new Error(
      `Cannot start with ${handles} file handles: at least ${2 * KEPT} are needed (ulimit -n 4096)`,
    );
  }
  return Math.min(handles - KEPT, 16_384);
}

function readLimits(): string | undefined {
  try {
    return Deno.readTextFileSync("/proc/self/limits");
  } catch {
    return undefined;
  }
}
