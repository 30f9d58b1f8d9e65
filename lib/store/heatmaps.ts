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

  ofImage(image_id: string): HeatmapRow[] {
    return this.select([["image_id = ?", image_id]], "ORDER BY reader");
  }

  ofDataset(dataset_id: string): Map<string, HeatmapRow[]> {
    const rows = this.select(
      [["image_id IN (SELECT id FROM images WHERE dataset_id = ?)", dataset_id]],
      "ORDER BY image_id, reader",
    );
    return Map.groupBy(rows, (row) => row.image_id);
  }
}
