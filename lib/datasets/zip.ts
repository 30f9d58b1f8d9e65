/**
 * Reads ZIP archives from disk without trusting them: nothing is extracted to its own name, sizes
 * are what really comes out. Answers CVE-2019-9674, CVE-2024-0450, CVE-2026-5438 (bombs, overlaps,
 * nesting) and CVE-2026-21851, CVE-2026-27905 (names, links).
 */
import { promisify } from "node:util";
import { crc32, inflateRawSync } from "node:zlib";
// @ts-types="@/lib/yauzl.d.ts"
import yauzl from "yauzl";
import { InvalidInput } from "@/lib/errors.ts";
import { DiskReader } from "./file_reader.ts";
import type { ArchiveLimits } from "./limits.ts";
import { describeNoArchive } from "./no_archive.ts";

export interface Zip {
  /** Paths of all files (not folders), in Unicode NFC. */
  names: string[];
  /** Bytes of a file as the archive claims them. */
  claimedBytes(name: string): number;
  /** Reads one file whole; throws InvalidInput when it is damaged or beyond a limit. */
  read(name: string, maxBytes?: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): void;
}

const refuse = (why: string) => new InvalidInput(`Cannot read the archive: ${why}`);

/** Opens an archive and checks its directory; throws InvalidInput. */
export async function openZip(path: string, limits: ArchiveLimits): Promise<Zip> {
  const disk = new DiskReader(path);
  try {
    const file = await new Promise<yauzl.ZipFile>((resolve, reject) =>
      yauzl.fromRandomAccessReader(
        disk,
        disk.size,
        { lazyEntries: true, autoClose: false },
        (error, opened) => error ? reject(noArchive(disk, error)) : resolve(opened),
      )
    );
    const entries = await readDirectory(file, limits);
    checkOverlaps([...entries.values()], file);
    return reader(file, disk, entries, limits);
  } catch (error) {
    disk.end();
    throw asRefusal(error);
  }
}

/** Yauzl's words on a file without the end of an archive are about its bytes; people ask what it is instead. */
function noArchive(disk: DiskReader, error: Error): Error {
  if (!/end of central directory/i.test(error.message)) return error;
  const head = new Uint8Array(Math.min(512, disk.size));
  disk.readAt(head, 0);
  return refuse(describeNoArchive(head));
}

/** Errors of yauzl are about the archive; those of the system are not. */
function asRefusal(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof InvalidInput) return error;
  const { code } = error as { code?: string };
  return code && !code.startsWith("Z_") ? error : refuse(lowerFirst(error.message));
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

function readDirectory(file: yauzl.ZipFile, limits: ArchiveLimits) {
  if (file.entryCount > limits.entries) {
    throw refuse(`${file.entryCount} files are more than the allowed ${limits.entries}`);
  }
  const entries = new Map<string, yauzl.Entry>();
  let claimed = 0;
  return new Promise<Map<string, yauzl.Entry>>((resolve, reject) => {
    file.on("error", reject);
    file.on("end", () => resolve(entries));
    file.on("entry", (entry: yauzl.Entry) => {
      try {
        const name = entry.fileName.normalize("NFC");
        checkEntry(entry, name);
        claimed += entry.uncompressedSize;
        if (claimed > limits.totalBytes) throw tooLarge(limits);
        if (!name.endsWith("/")) {
          if (entries.has(name)) throw refuse(`"${name}" is in it twice`);
          entries.set(name, entry);
        }
        file.readEntry();
      } catch (error) {
        reject(error);
      }
    });
    file.readEntry();
  });
}

const tooLarge = (limits: ArchiveLimits) =>
  refuse(`its files together exceed the allowed ${limits.totalBytes} bytes`);

function checkEntry(entry: yauzl.Entry, name: string): void {
  if (entry.isEncrypted()) throw refuse(`"${name}" is encrypted`);
  // deno-lint-ignore no-control-regex
  if (name.length > 1024 || /[\0-\x1f\x7f]/.test(name)) {
    throw refuse("a file's name is too long or holds control characters");
  }
  // The upper half of the attributes is a Unix mode; only files and folders are taken.
  const kind = (entry.externalFileAttributes >>> 16) & 0xf000;
  const madeOnUnix = entry.versionMadeBy >>> 8 === 3;
  if (madeOnUnix && kind !== 0 && kind !== 0x8000 && kind !== 0x4000) {
    throw refuse(`"${name}" is a link or a device`);
  }
}

/** No byte of the file may belong to two entries, or to an entry and the directory. */
function checkOverlaps(entries: yauzl.Entry[], file: yauzl.ZipFile): void {
  const sorted = entries.toSorted((a, b) =>
    a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader
  );
  sorted.forEach((entry, i) => {
    const end = entry.relativeOffsetOfLocalHeader + 30 + entry.fileNameLength +
      entry.compressedSize;
    const next = sorted[i + 1]?.relativeOffsetOfLocalHeader ?? file.fileSize;
    if (end > next) throw refuse(`"${entry.fileName}" overlaps with another file`);
  });
}

function reader(
  file: yauzl.ZipFile,
  disk: DiskReader,
  entries: Map<string, yauzl.Entry>,
  limits: ArchiveLimits,
): Zip {
  let total = 0;
  const localHeader = promisify(file.readLocalFileHeader.bind(file)) as (
    entry: yauzl.Entry,
    options: { minimal: true },
  ) => Promise<{ fileDataStart: number }>;

  async function readEntry(entry: yauzl.Entry, maxBytes: number) {
    const { fileName, compressedSize, uncompressedSize: bytes, compressionMethod } = entry;
    const ratioBytes = Math.max(limits.ratioFrom, limits.ratio * compressedSize);
    if (bytes > maxBytes) {
      const gaze = /(^|\/)gaze\/.*\.(csv|tsv|txt|asc|json)$/i.test(fileName);
      const advice = gaze ? ": put it in as gzip (FILE.gz), or cut it into several files" : "";
      throw refuse(`"${fileName}" is larger than ${maxBytes} bytes${advice}`);
    }
    if (bytes > ratioBytes) throw refuse(`"${fileName}" expands more than ${limits.ratio} times`);
    if (compressedSize > maxBytes + ratioBytes) throw refuse(`"${fileName}" is damaged`);
    total += bytes;
    if (total > limits.totalBytes) throw tooLarge(limits);
    const { fileDataStart } = await localHeader(entry, { minimal: true });
    const stored = new Uint8Array(compressedSize);
    disk.readAt(stored, fileDataStart);
    const out = compressionMethod === 0 ? stored : inflate(stored, compressionMethod, bytes);
    if (out.length !== bytes) throw refuse(`"${fileName}" is not as long as it claims`);
    if (crc32(out) !== entry.crc32) throw refuse(`the checksum of "${fileName}" is wrong`);
    return out;
  }

  return {
    names: [...entries.keys()],
    claimedBytes: (name) => entries.get(name)?.uncompressedSize ?? 0,
    async read(name, maxBytes = limits.entryBytes) {
      const entry = entries.get(name);
      if (!entry) throw refuse(`there is no "${name}"`);
      try {
        return await readEntry(entry, maxBytes);
      } catch (error) {
        throw asRefusal(error);
      }
    },
    close: () => disk.end(),
  };
}

/** No more than the claimed bytes ever come out. */
function inflate(data: Uint8Array, method: number, bytes: number): Uint8Array<ArrayBuffer> {
  if (method !== 8) throw refuse(`compression method ${method} is not supported`);
  try {
    const out = inflateRawSync(data, {
      maxOutputLength: Math.max(1, bytes),
      chunkSize: Math.max(64, bytes + 1),
    });
    return new Uint8Array(out.buffer as ArrayBuffer, out.byteOffset, out.length);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ERR_BUFFER_TOO_LARGE") throw refuse("a file has more bytes than it claims");
    throw refuse(`its compressed data are damaged (${code})`);
  }
}
