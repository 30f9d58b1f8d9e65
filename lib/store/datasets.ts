/** Data sets: a name for people over images, labels and gaze; the digest says what is in it. */
import { isDiskFull, NotFound } from "@/lib/errors.ts";
import type { Database, SqlRow } from "./database.ts";
import { type PagedTables, storedDigest, storedGazeDigest } from "./digest.ts";
import { Table } from "./table.ts";

export const nameModes = ["hash", "keep"] as const;
export type NameMode = (typeof nameModes)[number];

export interface DatasetRow {
  id: string;
  name: string;
  /**
   * The digest as it was last made; "" where the content has changed since: a thousand pictures put in one by one are
   * not hashed a thousand times. `Datasets.digestOf` makes it.
   */
  known_digest: string;
  /** Whether the pictures are anatomically aligned (methods.md, structured heatmap measures). */
  structured: boolean;
  positive_label: string | null;
  /** What else `dataset.json` says (screen, viewing distance, columns). */
  meta: Record<string, unknown>;
  /** Whether names of DICOM files and of patients are kept as keyed hashes, or as they were sent. */
  names: NameMode;
  created_at: string;
  /** Counts changes of the content; `changed` does it. */
  version?: number;
}

/** With SHA-256 over the content; equal content gives an equal digest (digest.ts). */
export type HashedDatasetRow = DatasetRow & { digest: string };

/** Stands for a digest that is not known since a change. */
const STALE = "";

/** Digests of gaze that are kept; the oldest goes first. */
const MOST_KEPT = 32;

export class Datasets extends Table<DatasetRow> {
  /** By data set and version. */
  readonly #gazeDigests = new Map<string, string>();

  constructor(db: Database, readonly content: PagedTables) {
    super(db, { table: "datasets", noun: "dataset", json: ["meta"], booleans: ["structured"] });
  }

  protected override encode({ known_digest, ...row }: Partial<DatasetRow>): SqlRow {
    return {
      ...super.encode(row),
      ...(known_digest === undefined ? {} : { digest: known_digest }),
    };
  }

  protected override decode({ digest, ...row }: SqlRow): DatasetRow {
    return super.decode({ ...row, known_digest: digest });
  }

  /** The digest of the content that there is now, or, of a row that carries its digest, was then. */
  async digestOf({ id, known_digest }: Pick<DatasetRow, "id" | "known_digest">): Promise<string> {
    return known_digest !== STALE ? known_digest : await this.#renewDigest(id);
  }

  async hashed(row: DatasetRow): Promise<HashedDatasetRow> {
    return { ...row, digest: await this.digestOf(row) };
  }

  /**
   * The digest of the pictures and the gaze that there are now: what similarities are computed from.
   * @throws {NotFound}
   */
  async gazeDigestOf(id: string): Promise<string> {
    const keyOf = ({ version }: DatasetRow) => `${id} ${version}`;
    const known = this.#gazeDigests.get(keyOf(await this.get(id)));
    if (known) return known;
    return await this.db.transaction(async () => {
      const row = await this.get(id);
      const made = await storedGazeDigest(this.content, row);
      this.#gazeDigests.set(keyOf(row), made);
      if (this.#gazeDigests.size > MOST_KEPT) {
        this.#gazeDigests.delete(this.#gazeDigests.keys().next().value!);
      }
      return made;
    });
  }

  /** In a write transaction, so that nothing changes between the content and its digest. */
  async #renewDigest(id: string): Promise<string> {
    let digest = STALE;
    try {
      return await this.db.transaction(async () => {
        const row = await this.find(id);
        // Deleted meanwhile, or renewed by another process.
        if (!row || row.known_digest !== STALE) return row?.known_digest ?? STALE;
        digest = await storedDigest(this.content, row);
        await this.db.run("UPDATE datasets SET digest = ? WHERE id = ?", digest, id);
        return digest;
      });
    } catch (error) {
      // What is read is answered on a full disk too.
      if (isDiskFull(error) && digest !== STALE) return digest;
      throw error;
    }
  }

  /** The content has changed: its digest is another. */
  async changed(id: string): Promise<void> {
    await this.db.run(
      "UPDATE datasets SET digest = ?, version = version + 1 WHERE id = ?",
      STALE,
      id,
    );
  }

  /** What is no part of the digest has changed: what was counted is counted anew. */
  async recounted(id: string): Promise<void> {
    await this.db.run("UPDATE datasets SET version = version + 1 WHERE id = ?", id);
  }

  async findByName(name: string): Promise<DatasetRow | undefined> {
    return await this.findBy([["name = ?", name]]);
  }

  /** Throws NotFound. */
  async byName(name: string): Promise<DatasetRow> {
    const row = await this.findByName(name);
    if (!row) throw new NotFound(`Cannot find dataset "${name}"`);
    return row;
  }

  /** The id of a job that has not ended and whose spec names this data set. */
  async reader(name: string): Promise<string | undefined> {
    return (await this.db.get<{ id: string }>(
      `SELECT id FROM jobs WHERE state IN ('queued', 'running', 'paused')
       AND spec ->> 'dataset' = ? LIMIT 1`,
      name,
    ))?.id;
  }
}
