/**
 * Where content-addressed files lie beside the local disk, when several servers share them: what such a place
 * must do. A client is `cluster/s3.ts`. Nothing here asks for conditional writes: a key names its content, so
 * writing it twice is writing it once.
 */

/** Every method may throw {Unavailable} after a few tries: the place is away, or too slow. */
export interface Remote {
  /** For people: what and where it is, without secrets. */
  readonly name: string;
  has(key: string): Promise<boolean>;
  /**
   * Writes the object to the new file `to`, which is gone again when anything fails. The bytes are not
   * looked at: whoever knows their SHA-256 compares it.
   * @throws {NotFound} when there is no such object
   */
  get(key: string, to: string): Promise<void>;
  /** Whole or not at all; visible to everyone when it answers. */
  put(key: string, path: string, sha256: string): Promise<void>;
  /** One that is not there is no error. */
  remove(key: string): Promise<void>;
  /** An address under which anyone can read the object for so many seconds, by GET. */
  url(key: string, seconds: number): Promise<string>;
}

/** Whose a shared place is. A place that nobody has is taken by whoever looks first. */
export interface Ownership {
  /**
   * Asks anew: one short look.
   * @throws {Conflict} when the place is another database's, with what to do
   * @throws {Unavailable} when the place or the database is away
   * @throws {Error} when there is no such place, or no access to it, with what to do
   */
  check(): Promise<void>;
  /**
   * The same until it has been so once: before the first file goes there.
   * @throws {Unavailable} for whatever is wrong
   */
  assert(): Promise<void>;
  /** Whether the place answers. @throws {Unavailable} when it does not */
  reach(): Promise<void>;
}

/** The key of a stored file. */
export const keyOf = (sha256: string) => `files/${sha256.slice(0, 2)}/${sha256}`;
