/** The part of yauzl that is used. Its published types would bring three packages into every start. */
import type { Buffer } from "node:buffer";
import type { Readable } from "node:stream";

declare namespace yauzl {
  type Done<T> = (error: Error | null, value: T) => void;

  interface Options {
    /** One entry for each call of `readEntry`. */
    lazyEntries?: boolean;
    autoClose?: boolean;
  }

  interface Entry {
    fileName: string;
    /** Bytes. */
    fileNameLength: number;
    compressedSize: number;
    uncompressedSize: number;
    compressionMethod: number;
    crc32: number;
    versionMadeBy: number;
    externalFileAttributes: number;
    relativeOffsetOfLocalHeader: number;
    isEncrypted(): boolean;
  }

  interface ZipFile {
    entryCount: number;
    /** Bytes. */
    fileSize: number;
    readEntry(): void;
    openReadStream(entry: Entry, done: Done<Readable>): void;
    readLocalFileHeader(
      entry: Entry,
      options: { minimal: true },
      done: Done<{ fileDataStart: number }>,
    ): void;
    on(event: "entry", listener: (entry: Entry) => void): this;
    on(event: "end", listener: () => void): this;
    on(event: "error", listener: (error: Error) => void): this;
  }

  abstract class RandomAccessReader {
    read(
      buffer: Buffer,
      offset: number,
      length: number,
      position: number,
      done: (error: Error | null) => void,
    ): void;
    close(done: (error: Error | null) => void): void;
  }

  function fromBuffer(buffer: Buffer, options: Options, done: Done<ZipFile>): void;

  function fromRandomAccessReader(
    reader: RandomAccessReader,
    totalSize: number,
    options: Options,
    done: Done<ZipFile>,
  ): void;
}

export default yauzl;
