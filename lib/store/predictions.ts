/** Stored predictions and the query over them. */
import type { Database } from "./database.ts";
import {
  type Conditions,
  insertRows,
  type Page,
  type PageOptions,
  placesOf,
  Table,
} from "./table.ts";

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
  /** Whether a small picture of what was sent is kept. */
  thumbnail?: boolean;
  /** The most probable class; "" of a multi-label model. */
  label: string;
  /** Of a multi-label model the findings that were predicted; null of others. */
  labels?: string[] | null;
  /** Of `label`; of a multi-label model the largest of all. */
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
  /** Least probability of the predicted label; of a multi-label model of `label`, or of any finding without it. */
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

const PICTURED = "EXISTS (SELECT 1 FROM thumbnails WHERE prediction_id = predictions.id)";

export class Predictions extends Table<PredictionRow> {
  constructor(db: Database) {
    super(db, { table: "predictions", noun: "prediction", json: ["labels", "probabilities"] });
  }

  /**
   * All or none.
   * @param thumbnails PNG of each prediction, undefined where none is to be kept
   */
  async insertWith(
    rows: PredictionRow[],
    thumbnails: (Uint8Array | undefined)[],
  ): Promise<void> {
    const kept = rows.flatMap(({ id }, i) =>
      thumbnails[i] ? [{ prediction_id: id, png: thumbnails[i] }] : []
    );
    await this.db.transaction(async () => {
      await this.insertAll(rows);
      await insertRows(this.db, "thumbnails", kept);
    });
  }

  /** PNG of what was sent, where it is kept. */
  async thumbnail(id: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const row = await this.db.get<{ png: Uint8Array<ArrayBuffer> }>(
      "SELECT png FROM thumbnails WHERE prediction_id = ?",
      id,
    );
    return row && new Uint8Array(row.png);
  }

  /** A page in the order of making; each row says whether it is stale, and has a thumbnail. */
  async query(query: PredictionQuery): Promise<Page<PredictionRow>> {
    const { stale } = query;
    const page = await this.list(query, conditionsOf(query));
    const found = stale === undefined ? await this.#those(page.data, STALE) : undefined;
    const pictured = await this.#those(page.data, PICTURED);
    return {
      ...page,
      data: page.data.map((row) => ({
        ...row,
        stale: found ? found.has(row.id) : stale,
        thumbnail: pictured.has(row.id),
      })),
    };
  }

  /** One, which says whether it is stale, and has a thumbnail. Throws NotFound. */
  override async get(id: string): Promise<PredictionRow> {
    const row = await super.get(id);
    const [stale, pictured] = [await this.#those([row], STALE), await this.#those([row], PICTURED)];
    return { ...row, stale: stale.has(id), thumbnail: pictured.has(id) };
  }

  /** Ids of those rows that meet a condition. */
  async #those(rows: PredictionRow[], condition: string): Promise<Set<string>> {
    const found = await this.db.all<{ id: string }>(
      `SELECT id FROM predictions WHERE id IN (${placesOf(rows)}) AND ${condition}`,
      ...rows.map(({ id }) => id),
    );
    return new Set(found.map(({ id }) => id));
  }

  /** Removes what the query finds; how many that were. */
  async removeAll(query: PredictionFilter): Promise<number> {
    const { where, values } = this.where(conditionsOf(query));
    return await this.db.run(`DELETE FROM predictions ${where}`, ...values);
  }

  /** Whether the query finds predictions of several labels. */
  async haveLabels(query: PredictionFilter): Promise<boolean> {
    return await this.findBy([...conditionsOf(query), ["(labels IS NOT NULL) = (? = 1)", 1]]) !==
      undefined;
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

/** A text list as JSON that holds this one. */
const listed = (label: string) => `%${JSON.stringify(label).replace(/[!%_]/g, "!$&")}%`;

/** The probability of a label that is asked about, in a row of several. */
const OF_LABEL = `(SELECT CAST(CAST(value AS TEXT) AS DOUBLE PRECISION)
  FROM json_each(probabilities) WHERE key = ?)`;

function probable({ label, min_probability }: PredictionFilter): Conditions[number] {
  if (label === undefined || min_probability === undefined) {
    return ["probability >= ?", min_probability];
  }
  return [
    `((labels IS NULL AND probability >= ?) OR (labels IS NOT NULL AND ${OF_LABEL} >= ?))`,
    [min_probability, label, min_probability],
  ];
}

const conditionsOf = (query: PredictionFilter): Conditions => [
  ["model_id = ?", query.model],
  ["dataset = ?", query.dataset],
  [
    "((labels IS NULL AND label = ?) OR CAST(labels AS TEXT) LIKE ? ESCAPE '!')",
    query.label === undefined ? undefined : [query.label, listed(query.label)],
  ],
  ["image = ?", query.image],
  probable(query),
  [`(${STALE}) = (? = 1)`, query.stale === undefined ? undefined : Number(query.stale)],
];
