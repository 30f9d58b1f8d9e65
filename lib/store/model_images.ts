/** What models have looked at, through the whole chain of their starts, kept when those are deleted. */
import { createHash } from "node:crypto";
import type { Database } from "./database.ts";

/** Pictures and patients, each once, in their order. */
export interface SeenSet {
  /** First 16 hexadecimal digits of the SHA-256 of stored pictures. */
  images: string[];
  /** Id of the data set, a space, name of the patient. */
  patients: string[];
}

export interface ModelImages {
  /** Of its own training, the validation images included. */
  own: SeenSet[];
  /** Of the trainings before. */
  before: SeenSet[];
  /** Whether that is all: false after a start of which it is not known. */
  complete: boolean;
}

const UNKNOWN = "unknown";

export class ModelImagesTable {
  constructor(readonly db: Database) {}

  /** Not complete where the model came from elsewhere, or from an older version. */
  async of(model_id: string): Promise<ModelImages> {
    const rows = await this.db.all<{ set_id: string; own: number; content: string | null }>(
      `SELECT set_id, own, content FROM model_image_sets LEFT JOIN image_sets ON id = set_id
       WHERE model_id = ?`,
      model_id,
    );
    const read = (own: number) =>
      rows.flatMap((row): SeenSet[] =>
        row.own === own && row.content !== null ? [JSON.parse(row.content)] : []
      );
    const complete = rows.length > 0 && rows.every(({ set_id }) => set_id !== UNKNOWN);
    return { own: read(1), before: read(0), complete };
  }

  /**
   * What a model was trained on.
   * @param init id of the model that it started from; null: from nothing
   */
  async insert(model_id: string, own: SeenSet, init: string | null): Promise<void> {
    const content = JSON.stringify(own);
    const id = createHash("sha256").update(content).digest("hex");
    const link = async (set_id: string, own: 0 | 1) =>
      await this.db.run(
        `INSERT INTO model_image_sets (model_id, set_id, own) VALUES (?, ?, ?)
         ON CONFLICT DO NOTHING`,
        ...[model_id, set_id, own],
      );
    await this.db.transaction(async () => {
      await this.db.run(
        "INSERT INTO image_sets (id, content) VALUES (?, ?) ON CONFLICT DO NOTHING",
        id,
        content,
      );
      await link(id, 1);
      if (init === null) return;
      const sets = await this.db.all<{ set_id: string }>(
        "SELECT DISTINCT set_id FROM model_image_sets WHERE model_id = ?",
        init,
      );
      for (const { set_id } of sets) await link(set_id, 0);
      if (sets.length === 0) await link(UNKNOWN, 0);
    });
  }
}
