/** Data sets: a name for people over images, labels and gaze; the digest says what is in it. */
import { isDiskFull, NotFound } from "@/lib/errors.ts";
import type { Database, SqlRow } from "./database.ts";
import { type ContentTables, storedDigest } from "./digest.ts";
import { Table } from "./table.ts";

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
  created_at: string;
}

/** With SHA-256 over the content; equal content gives an equal digest (digest.ts). */
export type HashedDatasetRow = DatasetRow & { digest: string };

/** Stands for a digest that is not known since a change. */
const STALE = "";

export class Datasets extends Table<DatasetRow> {
  constructor(db: Database, readonly content: ContentTables) {
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
  digestOf({ id, known_digest }: Pick<DatasetRow, "id" | "known_digest">): string {
    return known_digest !== STALE ? known_digest : this.#renewDigest(id);
  }

  hashed(row: DatasetRow): HashedDatasetRow {
    return { ...row, digest: this.digestOf(row) };
  }

  /** In a write transaction, so that nothing changes between the content and its digest. */
  #renewDigest(id: string): string {
    let digest = STALE;
    try {
      return this.db.transaction(() => {
        const row = this.find(id);
        // Deleted meanwhile, or renewed by another process.
        if (!row || row.known_digest !== STALE) return row?.known_digest ?? STALE;
        digest = storedDigest(this.content, row);
        this.db.run("UPDATE datasets SET digest = ? WHERE id = ?", digest, id);
        return digest;
      });
    } catch (error) {
      // What is read is answered on a full disk too.
      if (isDiskFull(error) && digest !== STALE) return digest;
      throw error;
    }
  }

  /** The content has changed: its digest is another. */
  changed(id: string): void {
    this.db.run("UPDATE datasets SET digest = ? WHERE id = ?", STALE, id);
  }

  findByName(name: string): DatasetRow | undefined {
    return this.findBy([["name = ?", name]]);
  }

  /** Throws NotFound. */
  byName(name: string): DatasetRow {
    const row = this.findByName(name);
    if (!row) throw new NotFound(`Cannot find dataset "${name}"`);
    return row;
  }

  /** The id of a job that has not ended and whose spec names this data set. */
  reader(name: string): string | undefined {
    return this.db.get<{ id: string }>(
      `SELECT id FROM jobs WHERE state IN ('queued', 'running', 'paused')
       AND spec ->> 'dataset' = ? LIMIT 1`,
      name,
    )?.id;
  }
}
