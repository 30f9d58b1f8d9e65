/** What readers decided: one reader's reading of one image under one condition. */
import type { Database } from "./database.ts";
import { type Page, page, type PageOptions, placesOf, Table } from "./table.ts";

export interface ReadingRow {
  id: string;
  image_id: string;
  /** As gaze of the same person has it. */
  reader: string;
  /** Under which it was read (a modality, with or without help); "" where none is named. */
  condition: string;
  /** What was decided; null where there is a rating alone. */
  label: string | null;
  /** How sure of `label`, 0 to 1. */
  confidence: number | null;
  /** Suspicion of the positive class, on whatever scale. */
  rating: number | null;
}

/** With the name of the image, and whether the reader's gaze on it is there. */
export type NamedReading = ReadingRow & { image: string; gaze: boolean };

export class Readings extends Table<ReadingRow> {
  constructor(db: Database) {
    super(db, { table: "readings", noun: "reading" });
  }

  /** All of a data set, by image, reader and condition. */
  async ofDataset(dataset_id: string): Promise<NamedReading[]> {
    return await this.#named([["images.dataset_id = ?", dataset_id]], {
      tail: "ORDER BY images.name, reader, condition",
    });
  }

  /** The same of some images. */
  async ofImages(image_ids: string[]): Promise<NamedReading[]> {
    return await this.#named([["readings.image_id IN (?)", image_ids]], {
      tail: "ORDER BY images.name, reader, condition",
    });
  }

  /** A page in the order of making. */
  async listOf(
    dataset_id: string,
    { after, limit = 100, reader }: PageOptions & { reader?: string },
  ): Promise<Page<NamedReading>> {
    const rows = await this.#named([
      ["images.dataset_id = ?", dataset_id],
      ["reader = ?", reader],
      ["readings.id > ?", after],
    ], { tail: `ORDER BY readings.id LIMIT ${Math.trunc(limit) + 1}` });
    return page(rows, limit, ({ id }) => id);
  }

  async #named(
    conditions: Parameters<Readings["where"]>[0],
    { tail }: { tail: string },
  ): Promise<NamedReading[]> {
    const { where, values } = this.where(conditions);
    const rows = await this.db.all<ReadingRow & { image: string; gaze: number }>(
      `SELECT readings.*, images.name AS image,
         (SELECT count(*) FROM gaze WHERE gaze.image_id = readings.image_id
            AND gaze.reader = readings.reader) AS gaze
       FROM readings JOIN images ON images.id = readings.image_id ${where} ${tail}`,
      ...values,
    );
    return rows.map((row) => ({ ...row, gaze: row.gaze > 0 }));
  }

  /** How many a data set has. */
  async countOf(dataset_id: string): Promise<number> {
    return await this.count([
      ["image_id IN (SELECT id FROM images WHERE dataset_id = ?)", dataset_id],
    ]);
  }

  /** How many some images have, by reader. */
  async countsOf(image_ids: string[]): Promise<{ reader: string; n: number }[]> {
    if (image_ids.length === 0) return [];
    return await this.db.all(
      `SELECT reader, count(*) AS n FROM readings
       WHERE image_id IN (${placesOf(image_ids)}) GROUP BY reader`,
      ...image_ids,
    );
  }

  /** Removes those of a data set; how many there were. */
  async clear(dataset_id: string): Promise<number> {
    return await this.db.run(
      "DELETE FROM readings WHERE image_id IN (SELECT id FROM images WHERE dataset_id = ?)",
      dataset_id,
    );
  }
}
