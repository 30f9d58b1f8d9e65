/** Ready-made gaze maps: grey pictures of an image's size or shape. */
import type { Database } from "./database.ts";
import { Table } from "./table.ts";

export interface HeatmapRow {
  id: string;
  image_id: string;
  /** Whose map it is; "" where the data set does not say. */
  reader: string;
  /** SHA-256 of the picture. */
  file: string;
}

export class Heatmaps extends Table<HeatmapRow> {
  constructor(db: Database) {
    super(db, { table: "heatmaps", noun: "heatmap" });
  }

  async ofImage(image_id: string): Promise<HeatmapRow[]> {
    return await this.select([["image_id = ?", image_id]], "ORDER BY reader");
  }

  /** The same of several images, by image id. */
  async ofImages(image_ids: string[]): Promise<Map<string, HeatmapRow[]>> {
    const rows = await this.select([["image_id IN (?)", image_ids]], "ORDER BY image_id, reader");
    return Map.groupBy(rows, (row) => row.image_id);
  }

  /** By image. */
  async ofDataset(dataset_id: string): Promise<Map<string, HeatmapRow[]>> {
    const rows = await this.select(
      [["image_id IN (SELECT id FROM images WHERE dataset_id = ?)", dataset_id]],
      "ORDER BY image_id, reader",
    );
    return Map.groupBy(rows, (row) => row.image_id);
  }

  /** Whether a data set has maps, of one reader if one is named; ends at the first. */
  async has(dataset_id: string, reader?: string): Promise<boolean> {
    // The order of the tables is kept, so that not all images are looked at.
    return await this.db.get(
      `SELECT 1 FROM images ${this.db.orderedJoin} heatmaps ON heatmaps.image_id = images.id
       WHERE images.dataset_id = ? ${
        reader === undefined ? "" : "AND heatmaps.reader = ?"
      } LIMIT 1`,
      dataset_id,
      ...(reader === undefined ? [] : [reader]),
    ) !== undefined;
  }
}
