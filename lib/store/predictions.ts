/** Stored predictions and the query over them. */
import type { Database } from "./database.ts";
import { type Conditions, type Page, type PageOptions, placesOf, Table } from "./table.ts";

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

export interface PredictionFilter {
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

export type PredictionQuery = PredictionFilter & PageOptions & { newestFirst?: boolean };

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

  /** A page in the order of making; each row says whether it is stale. */
  async query(query: PredictionQuery): Promise<Page<PredictionRow>> {
    const { stale } = query;
    const page = await this.list(query, conditionsOf(query));
    const found = stale === undefined ? await this.#stale(page.data) : undefined;
    return {
      ...page,
      data: page.data.map((row) => ({ ...row, stale: found ? found.has(row.id) : stale })),
    };
  }

  /** One, which says whether it is stale. Throws NotFound. */
  override async get(id: string): Promise<PredictionRow> {
    const row = await super.get(id);
    const found = await this.#stale([row]);
    return { ...row, stale: found.has(id) };
  }

  /** Ids of those rows that are stale. */
  async #stale(rows: PredictionRow[]): Promise<Set<string>> {
    const found = await this.db.all<{ id: string }>(
      `SELECT id FROM predictions WHERE id IN (${placesOf(rows)}) AND ${STALE}`,
      ...rows.map(({ id }) => id),
    );
    return new Set(found.map(({ id }) => id));
  }

  /** Removes what the query finds; how many that were. */
  async removeAll(query: PredictionFilter): Promise<number> {
    const { where, values } = this.where(conditionsOf(query));
    return await this.db.run(`DELETE FROM predictions ${where}`, ...values);
  }

  /** All classes in what the query finds, in their order. */
  async classes(query: PredictionFilter): Promise<string[]> {
    const { where, values } = this.where(conditionsOf(query));
    return (await this.db.all<{ name: string }>(
      `SELECT DISTINCT key AS name FROM predictions, json_each(probabilities) ${where}`,
      ...values,
    )).map(({ name }) => name).sort();
  }
}

const conditionsOf = (query: PredictionFilter): Conditions => [
  ["model_id = ?", query.model],
  ["dataset = ?", query.dataset],
  ["label = ?", query.label],
  ["image = ?", query.image],
  ["probability >= ?", query.min_probability],
  [`(${STALE}) = (? = 1)`, query.stale === undefined ? undefined : Number(query.stale)],
];
