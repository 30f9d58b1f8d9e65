/** How yauzl reads an archive: from an open file, within its bounds. */
import type { Buffer } from "node:buffer";
// @ts-types="@/lib/yauzl.d.ts"
import yauzl from "yauzl";
import { InvalidInput } from "@/lib/errors.ts";

/**
 * Positions come from the archive, so each is checked: left to itself, yauzl would let the system's
 * refusal escape as an uncaught error.
 */
export class DiskReader extends yauzl.RandomAccessReader {
  readonly file: Deno.FsFile;
  readonly size: number;

  constructor(path: string) {
    super();
    this.file = Deno.openSync(path, { read: true });
    this.size = this.file.statSync().size;
  }

  readAt(target: Uint8Array, position: number): void {
    if (!(position >= 0 && position + target.length <= this.size)) {
      throw new InvalidInput("Cannot read the archive: it points beyond its end");
    }
    this.file.seekSync(position, Deno.SeekMode.Start);
    for (let at = 0; at < target.length;) {
      const n = this.file.readSync(target.subarray(at));
      if (n === null) throw new InvalidInput("Cannot read the archive: the file is truncated");
      at += n;
    }
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null) => void,
  ): void {
    let failure: Error | null = null;
    try {
      this.readAt(buffer.subarray(offset, offset + length), position);
    } catch (error) {
      failure = error as Error;
    }
    queueMicrotask(() => done(failure));
  }

  /** yauzl calls this when its last stream ends; the file stays open for the next entry. */
  override close(done: (error: Error | null) => void): void {
    done(null);
  }

  end(): void {
    this.file.close();
  }
}
