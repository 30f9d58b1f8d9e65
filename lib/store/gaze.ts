/** One reader's gaze on one image. */
import type { Fixation, RecordingFacts } from "@/lib/gaze/gaze.ts";
import type { Database } from "./database.ts";
import { placesOf, Table } from "./table.ts";

export interface GazeRow {
  id: string;
  image_id: string;
  reader: string;
  /** Name of the parser that read it. */
  format: string;
  fixations: Fixation[];
  /** SHA-256 of a file of f64 little endian [n, 4]: t (s), x, y (image px), valid (0 or 1). */
  samples_file: string | null;
  /** What was assumed when it was read. */
  assumptions: string[];
  /** Fixations dropped because they lie off the image. */
  dropped: number;
  /** Share of the recording without gaze, 0 to 1. */
  data_loss: number;
  /** Unit, eye, filter, mapping and shares; null for what older versions have read. */
  facts?: RecordingFacts | null;
}

/** How many readers and fixations an image has. */
export interface GazeCount {
  image_id: string;
  reader: string;
  fixations: number;
}

export class GazeTable extends Table<GazeRow> {
  constructor(db: Database) {
    super(db, { table: "gaze", noun: "gaze", json: ["fixations", "assumptions", "facts"] });
  }

  async ofImage(image_id: string, reader?: string): Promise<GazeRow[]> {
    return await this.select(
      [["image_id = ?", image_id], ["reader = ?", reader]],
      "ORDER BY reader",
    );
  }

  /** The same of several images, by image id. */
  async ofImages(image_ids: string[], reader?: string): Promise<Map<string, GazeRow[]>> {
    const rows = await this.select(
      [["image_id IN (?)", image_ids], ["reader = ?", reader]],
      "ORDER BY image_id, reader",
    );
    return Map.groupBy(rows, (row) => row.image_id);
  }

  /** All gaze of a data set by image id, readers in order; `readers` picks some. */
  async ofDataset(dataset_id: string, readers?: string[]): Promise<Map<string, GazeRow[]>> {
    const rows = await this.select(
      [["image_id IN (SELECT id FROM images WHERE dataset_id = ?)", dataset_id]],
      "ORDER BY image_id, reader",
    );
    const byImage = new Map<string, GazeRow[]>();
    for (const row of rows) {
      if (readers && !readers.includes(row.reader)) continue;
      const list = byImage.get(row.image_id);
      if (list) list.push(row);
      else byImage.set(row.image_id, [row]);
    }
    return byImage;
  }

  /** The files of samples of a data set's gaze, by image id; the fixations are not read. */
  async samplesFiles(dataset_id: string): Promise<Map<string, string[]>> {
    const rows = await this.db.all<{ image_id: string; samples_file: string }>(
      `SELECT image_id, samples_file FROM gaze WHERE samples_file IS NOT NULL
       AND image_id IN (SELECT id FROM images WHERE dataset_id = ?)`,
      dataset_id,
    );
    const byImage = new Map<string, string[]>();
    for (const { image_id, samples_file } of rows) {
      byImage.set(image_id, [...byImage.get(image_id) ?? [], samples_file]);
    }
    return byImage;
  }

  /** Recordings of a data set. */
  async countOf(dataset_id: string): Promise<number> {
    return await this.count([
      ["image_id IN (SELECT id FROM images WHERE dataset_id = ?)", dataset_id],
    ]);
  }

  /** Readers and numbers of fixations of some images, without the fixations. */
  async countsOf(image_ids: string[]): Promise<GazeCount[]> {
    if (image_ids.length === 0) return [];
    return await this.db.all<GazeCount>(
      `SELECT image_id, reader, json_array_length(fixations) AS fixations FROM gaze
       WHERE image_id IN (${placesOf(image_ids)}) ORDER BY image_id, reader`,
      ...image_ids,
    );
  }

  /** Who has looked at which of these images. */
  async readersOf(image_ids: string[]): Promise<Pick<GazeRow, "image_id" | "reader">[]> {
    if (image_ids.length === 0) return [];
    return await this.db.all(
      `SELECT image_id, reader FROM gaze
       WHERE image_id IN (${placesOf(image_ids)})`,
      ...image_ids,
    );
  }

  /** Who has looked at which image of a data set. */
  async readers(dataset_id: string): Promise<Pick<GazeRow, "image_id" | "reader">[]> {
    return await this.db.all(
      `SELECT image_id, reader FROM gaze
       WHERE image_id IN (SELECT id FROM images WHERE dataset_id = ?)`,
      dataset_id,
    );
  }

  /** Whether a data set has gaze, of one reader if one is named; ends at the first. */
  async has(dataset_id: string, reader?: string): Promise<boolean> {
    // The order of the tables is kept, so that not all images are looked at.
    return await this.db.get(
      `SELECT 1 FROM images ${this.db.orderedJoin} gaze ON gaze.image_id = images.id
       WHERE images.dataset_id = ? ${reader === undefined ? "" : "AND gaze.reader = ?"} LIMIT 1`,
      dataset_id,
      ...(reader === undefined ? [] : [reader]),
    ) !== undefined;
  }
}
