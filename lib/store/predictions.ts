/** Stored predictions and the query over them. */
import type { Database } from "./database.ts";
import { type Page, type PageOptions, Table } from "./table.ts";

export interface PredictionRow {
  id: string;
  model_id: string;
  /** Names; null for a picture that came in the request. */
  dataset: string | null;
  image: string | null;
  /** The very image that was looked at, and the SHA-256 of its picture then: names may be used again. */
  image_id?: string | null;
  image_file?: string | null;
  /** Whether the image it names is gone or has another picture by now. */
  stale?: boolean;
  /** The most probable class, */
  label: string;
  /** and its probability. */
  probability: number;
  probabilities: Record<string, number>;
  created_at: string;
}

export interface PredictionQuery extends PageOptions {
  /** Id of the model. */
  model?: string;
  dataset?: string;
  label?: string;
  image?: string;
  /** Least probability of the predicted label. */
  min_probability?: number;
  /** Those of images that are gone or have another picture by now, instead of the others. */
  stale?: boolean;
}

/**
 * Whether the image of a prediction is gone or has another picture by now. Of rows that say no more than a
 * name, as an older version kept them, that is not known: they are not told as of what has the name today.
 */
const STALE = `image IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM images WHERE images.id = image_id AND images.file = image_file
)`;

export class Predictions extends Table<PredictionRow> {
  constructor(db: Database) {
    super(db, { table: "predictions", noun: "prediction", json: ["probabilities"] });
  }

  /** Stores all or none. */
  insertAll(rows: PredictionRow[]): void {
    this.db.transaction(() => rows.forEach((row) => this.insert(row)));
  }

  /** A page in the order of making; each row says whether it is stale. */
  query(query: PredictionQuery): Page<PredictionRow> {
    const { stale } = query;
    const page = this.list(query, [
      ["model_id = ?", query.model],
      ["dataset = ?", query.dataset],
      ["label = ?", query.label],
      ["image = ?", query.image],
      ["probability >= ?", query.min_probability],
      [`(${STALE}) = ?`, stale === undefined ? undefined : Number(stale)],
    ]);
    return {
      ...page,
      data: page.data.map((row) => ({ ...row, stale: this.#isStale(row, stale) })),
    };
  }

  #isStale({ id }: PredictionRow, known: boolean | undefined): boolean {
    return known ?? this.db.get(
          `SELECT 1 FROM predictions WHERE id = ? AND ${STALE}`,
          id,
        ) !== undefined;
  }
}
