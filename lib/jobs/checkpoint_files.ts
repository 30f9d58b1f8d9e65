/** The files of a job's checkpoints, as they are compared between two machines. */
import { InvalidInput } from "@/lib/errors.ts";
import { contentOf, writeSynced } from "@/lib/store/disk_files.ts";

/** A file of a job's checkpoints: its path below their directory. */
export interface CheckpointFile {
  path: string;
  sha256: string;
}

/** The names of checkpoints carry the hash of what they hold. */
const HASHED = /-([0-9a-f]{64})\.safetensors$/;
/** What is not finished, and what was set aside. */
const PASSING = /\.(tmp|new|damaged)$/;
/** A path below the directory: no way leads out of it. */
const PATH = /^[\w-][\w .-]{0,199}(\/[\w-][\w .-]{0,199}){0,3}$/;

/** @throws {InvalidInput} unless the path lies below a directory, whatever that is */
export function assertBelow(path: string): void {
  if (!PATH.test(path)) throw new InvalidInput(`Cannot use the path "${path}" of a checkpoint`);
}

/** The paths below a directory; none where it is not there. */
export function pathsBelow(directory: string, below = ""): string[] {
  try {
    return [...Deno.readDirSync(`${directory}/${below}`)].flatMap(({ name, isDirectory }) => {
      if (isDirectory) return pathsBelow(directory, `${below}${name}/`);
      return PASSING.test(name) ? [] : [`${below}${name}`];
    }).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** What a directory holds; files that vanish meanwhile are left out. */
export async function checkpointFiles(directory: string): Promise<CheckpointFile[]> {
  const found: CheckpointFile[] = [];
  for (const path of pathsBelow(directory)) {
    const sha256 = HASHED.exec(path)?.[1] ?? await hashOf(`${directory}/${path}`);
    if (sha256 !== undefined) found.push({ path, sha256 });
  }
  return found;
}

async function hashOf(path: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path);
    return (await contentOf(file)).sha256;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Writes a file of a checkpoint: whole and as it was announced, or not at all.
 * @param temporary a path on the same file system
 * @throws {InvalidInput} when the bytes are others
 */
export async function writeCheckpointFile(
  directory: string,
  { path, sha256 }: CheckpointFile,
  body: ReadableStream<Uint8Array>,
  temporary: string,
): Promise<void> {
  assertBelow(path);
  const { sha256: found } = await writeSynced(temporary, body);
  try {
    if (found !== sha256) {
      throw new InvalidInput(
        `Cannot keep "${path}": the SHA-256 of what came is ${found}, not ${sha256}`,
      );
    }
    const target = `${directory}/${path}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Removes all but these. */
export function keepOnly(directory: string, paths: string[]): void {
  for (const path of pathsBelow(directory)) {
    if (!paths.includes(path)) Deno.removeSync(`${directory}/${path}`);
  }
}
