/** One server per data directory: an advisory lock that the system drops when its holder dies. */
import { Conflict } from "@/lib/errors.ts";

export interface Lock {
  /** Lets others read which version of the program holds it. */
  announce(version: string): void;
  release(): void;
}

/** Locks `<directory>/server.lock`; throws Conflict naming the holder's process id. */
export function takeLock(directory: string): Lock {
  const path = `${directory}/server.lock`;
  const file = Deno.openSync(path, { read: true, write: true, create: true });
  if (!file.tryLockSync(true)) {
    file.close();
    const holder = firstLine(Deno.readTextFileSync(path)) || "unknown";
    throw new Conflict(`Cannot use ${directory}: the server with process id ${holder} uses it`);
  }
  const write = (text: string) => {
    file.truncateSync();
    file.seekSync(0, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode(text));
    file.syncSync();
  };
  write(`${Deno.pid}\n`);
  return {
    announce: (version) => write(`${Deno.pid}\n${version}\n`),
    release() {
      file.truncateSync();
      file.close();
    },
  };
}

/** Whether a server works in the directory now. */
export function isHeld(directory: string): boolean {
  return holderOf(directory) !== undefined;
}

/** Process id of the server that works in the directory, as text; undefined without one. */
export function holderOf(directory: string): string | undefined {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(`${directory}/server.lock`, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
  using lock = file;
  if (lock.tryLockSync(false)) return undefined;
  return firstLine(Deno.readTextFileSync(`${directory}/server.lock`)) || "unknown";
}

/** Version of the server that works in the directory now; undefined without one, and where it has not said. */
export function versionOfHolder(directory: string): string | undefined {
  if (!isHeld(directory)) return undefined;
  return Deno.readTextFileSync(`${directory}/server.lock`).split("\n")[1] || undefined;
}

const firstLine = (text: string) => text.split("\n")[0].trim();
