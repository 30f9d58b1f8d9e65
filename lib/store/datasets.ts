/** Data sets: a name for people over images, labels and gaze; the digest says what is in it. */
import { NotFound } from "@/lib/errors.ts";
import type { Database } from "./database.ts";
import { Table } from "./table.ts";

export interface DatasetRow {
  id: string;
  name: string;
  /** SHA-256 over the content; equal content gives an equal digest (lib/datasets/digest.ts). */
  digest: string;
  /** Whether the pictures are anatomically aligned (methods.md, structured heatmap measures). */
  structured: boolean;
  positive_label: string | null;
  /** What else `dataset.json` says (screen, viewing distance, columns). */
  meta: Record<string, unknown>;
  created_at: string;
}

export class Datasets extends Table<DatasetRow> {
  constructor(db: Database) {
    super(db, { table: "datasets", noun: "dataset", json: ["meta"], booleans: ["structured"] });
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
