/** A small file system that can be full, or read-only. */

/** A tmpfs of so many MiB; undefined where this user may not mount one. */
export function mountSmallDisk(mebibytes: number): string | undefined {
  const directory = Deno.makeTempDirSync({ prefix: "mcgip_full_" });
  const { success } = new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", directory],
    stderr: "null",
  }).outputSync();
  if (success) return directory;
  Deno.removeSync(directory);
}

/**
 * Takes it away.
 * @param options.lazy also where a process still has files of it
 */
export function unmountSmallDisk(directory: string, { lazy = false } = {}): void {
  new Deno.Command("umount", { args: [...(lazy ? ["-l"] : []), directory] }).outputSync();
  Deno.removeSync(directory);
}

/** Nothing can be written to it any more. */
export function makeReadOnly(directory: string): void {
  new Deno.Command("mount", { args: ["-o", "remount,ro", directory] }).outputSync();
}

/** Runs `body` with an empty one that goes afterwards; tells that it does not, where none may be mounted. */
export async function withSmallDisk(
  mebibytes: number,
  body: (directory: string) => Promise<void> | void,
): Promise<void> {
  const directory = mountSmallDisk(mebibytes);
  if (!directory) return console.log("skipped: mounting a small file system needs root");
  try {
    await body(directory);
  } finally {
    unmountSmallDisk(directory);
  }
}

/** Writes to a file, behind what it has, until nothing more fits. */
export function fill(path: string): void {
  const file = Deno.openSync(path, { write: true, create: true, append: true });
  try {
    for (let size = 2 ** 20; size >= 1; size >>= 1) {
      const chunk = new Uint8Array(size);
      try {
        while (true) file.writeSync(chunk);
      } catch { /* no more of this size */ }
    }
  } finally {
    file.close();
  }
}
