/** Data sets: a name for people over images, labels and gaze; the digest says what is in it. */
import { isDiskFull, NotFound } from "@/lib/errors.ts";
import type { Database, SqlRow } from "./database.ts";
import { type ContentTables, storedDigest } from "./digest.ts";
import { Table } from "./table.ts";

export const nameModes = ["hash", "keep"] as const;
export type NameMode = (typeof nameModes)[number];

export interface DatasetRow {
  id: string;
  name: string;
  /**
   * SHA-256 over the content; equal content gives an equal digest (digest.ts). After a change it is made when it is
   * asked for: a thousand pictures put in one by one are not hashed a thousand times.
   */
  digest: string;
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

/** Stands for a digest that is not known since a change. */
const STALE = "";

export class Datasets extends Table<DatasetRow> {
  constructor(db: Database, readonly content: ContentTables) {
    super(db, { table: "datasets", noun: "dataset", json: ["meta"], booleans: ["structured"] });
  }

  protected override decode(row: SqlRow): DatasetRow {
    const decoded = super.decode(row);
    if (decoded.digest !== STALE) return decoded;
    let made: string | undefined;
    return Object.defineProperty(decoded, "digest", {
      enumerable: true,
      get: () => made ??= this.#renewDigest(decoded.id),
    });
  }

  /** In a write transaction, so that nothing changes between the content and its digest. */
  #renewDigest(id: string): string {
    let digest = STALE;
    try {
      return this.db.transaction(() => {
        const row = this.db.get("SELECT * FROM datasets WHERE id = ?", id);
        // Deleted meanwhile, or renewed by another process.
        if (!row || row.digest !== STALE) return (row?.digest ?? STALE) as string;
        digest = storedDigest(this.content, super.decode(row));
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
    this.db.run("UPDATE datasets SET digest = ?, version = version + 1 WHERE id = ?", STALE, id);
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
       AND json_extract(spec, '$.dataset') = ? LIMIT 1`,
      name,
    )?.id;
  }
}
