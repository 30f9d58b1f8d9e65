/** Files of a server, on another machine: those that were read are kept, the least recently used go. */
import { Damaged, isDiskFull } from "@/lib/errors.ts";
import { Files, type PutOptions, type StoredFile } from "@/lib/store/files.ts";
import type { Transfer } from "./transfer.ts";

export interface CachedFilesOptions {
  /** Its `files/` and `tmp/` are used. */
  directory: string;
  transfer: Transfer;
  /** Most bytes of files that are kept. */
  maxBytes: number;
}

export class CachedFiles extends Files {
  readonly #options: CachedFilesOptions;
  readonly #underWay = new Map<string, Promise<void>>();
  /** Of all files when they were counted last, and of those that came since. */
  #bytes?: number;

  constructor(options: CachedFilesOptions) {
    super(`${options.directory}/files`, `${options.directory}/tmp`);
    this.#options = options;
  }

  override async read(sha256: string, what?: string): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#withFile(sha256, what, () => super.read(sha256, what));
  }

  override async open(sha256: string, what?: string): Promise<Deno.FsFile> {
    return await this.#withFile(sha256, what, () => super.open(sha256, what));
  }

  override async verify(sha256: string, what?: string): Promise<void> {
    await this.#withFile(sha256, what, () => super.verify(sha256, what));
  }

  override async put(
    data: Parameters<Files["put"]>[0],
    options?: PutOptions,
  ): Promise<StoredFile> {
    return await this.#sent(await super.put(data, options));
  }

  override async adopt(temporary: string): Promise<StoredFile> {
    return await this.#sent(await super.adopt(temporary));
  }

  async #sent(stored: StoredFile): Promise<StoredFile> {
    try {
      await this.#options.transfer.put(`files/${stored.sha256}`, this.path(stored.sha256));
      return stored;
    } catch (error) {
      this.unpin([stored.sha256]);
      throw error;
    }
  }

  /** A file that is damaged here, or went meanwhile, comes once more. */
  async #withFile<T>(
    sha256: string,
    what: string | undefined,
    use: () => Promise<T>,
  ): Promise<T> {
    if (this.has(sha256)) {
      try {
        const result = await use();
        await Deno.utime(this.path(sha256), new Date(), new Date()).catch(() => {});
        return result;
      } catch (error) {
        if (!(error instanceof Damaged)) throw error;
        this.remove(sha256);
      }
    }
    await this.#fetched(sha256, what);
    return await use();
  }

  #fetched(sha256: string, what?: string): Promise<void> {
    const coming = this.#underWay.get(sha256) ??
      this.#fetch(sha256, what).finally(() => this.#underWay.delete(sha256));
    this.#underWay.set(sha256, coming);
    return coming;
  }

  /** On a full disk once more, in the room of half of what is kept here. */
  async #fetch(sha256: string, what?: string): Promise<void> {
    try {
      await this.#get(sha256, what);
    } catch (error) {
      if (!isDiskFull(error) || this.#evict((bytes) => bytes / 2) === 0) throw error;
      await this.#get(sha256, what);
    }
  }

  async #get(sha256: string, what = "what is asked for"): Promise<void> {
    const stored = await this.#options.transfer.get(
      `files/${sha256}`,
      (body) => super.put(body),
    );
    this.unpin([stored.sha256]);
    if (stored.sha256 !== sha256) {
      this.remove(stored.sha256);
      throw new Damaged(
        `Cannot use ${what}: the server gave bytes with SHA-256 ${stored.sha256} for ${sha256}`,
      );
    }
    this.#makeRoom(stored.bytes, sha256);
  }

  #makeRoom(bytes: number, newest: string): void {
    const { maxBytes } = this.#options;
    this.#bytes = this.#bytes === undefined ? undefined : this.#bytes + bytes;
    if (this.#bytes !== undefined && this.#bytes <= maxBytes) return;
    this.#evict((bytes) => bytes > maxBytes ? 0.9 * maxBytes : bytes, newest);
  }

  /**
   * Removes what was used least recently.
   * @param left of all bytes those that may stay
   * @returns how many files went
   */
  #evict(left: (bytes: number) => number, newest?: string): number {
    const files = [...this.stored()].flatMap((sha256) => {
      try {
        const { size, mtime } = Deno.statSync(this.path(sha256));
        return [{ sha256, size, used: mtime?.getTime() ?? 0 }];
      } catch {
        // Another thread removed it.
        return [];
      }
    }).sort((a, b) => a.used - b.used);
    let total = files.reduce((sum, { size }) => sum + size, 0);
    const most = left(total);
    let removed = 0;
    for (const { sha256, size } of files) {
      if (total <= most) break;
      if (sha256 === newest || this.isPinned(sha256)) continue;
      this.remove(sha256);
      total -= size;
      removed++;
    }
    this.#bytes = total;
    return removed;
  }
}
