/** Stored predictions and the query over them. */
import type { Database } from "./database.ts";
import { type Conditions, type Page, type PageOptions, Table } from "./table.ts";

export interface PredictionRow {
  id: string;
  model_id: string;
  /** Names; null for a picture that came in the request. */
  dataset: string | null;
  image: string | null;
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
}

export type PredictionQuery = PredictionFilter & PageOptions;

export class Predictions extends Table<PredictionRow> {
  constructor(db: Database) {
    super(db, { table: "predictions", noun: "prediction", json: ["probabilities"] });
  }

  /** Stores all or none. */
  insertAll(rows: PredictionRow[]): void {
    this.db.transaction(() => rows.forEach((row) => this.insert(row)));
  }

  /** A page in the order of making. */
  query(query: PredictionQuery): Page<PredictionRow> {
    return this.list(query, conditionsOf(query));
  }

  /** Removes what the query finds; how many that were. */
  removeAll(query: PredictionFilter): number {
    const { where, values } = this.where(conditionsOf(query));
    return this.db.run(`DELETE FROM predictions ${where}`, ...values);
  }

  /** All classes in what the query finds, in their order. */
  classes(query: PredictionFilter): string[] {
    const { where, values } = this.where(conditionsOf(query));
    return this.db.all<{ name: string }>(
      `SELECT DISTINCT key AS name FROM predictions, json_each(probabilities) ${where} ORDER BY name`,
      ...values,
    ).map(({ name }) => name);
  }
}

const conditionsOf = (query: PredictionFilter): Conditions => [
  ["model_id = ?", query.model],
  ["dataset = ?", query.dataset],
  ["label = ?", query.label],
  ["image = ?", query.image],
  ["probability >= ?", query.min_probability],
];
