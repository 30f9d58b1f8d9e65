/**
 * Whose key made a data set, a job, a model, an upload or a prediction with a thumbnail, which a key's quotas count; and
 * with which a worker came.
 */
import type { Database } from "./database.ts";
import { insertRows } from "./table.ts";

export class Owners {
  constructor(readonly db: Database) {}

  /** The first key that is noted for a thing stays its owner. */
  async note(thing: string, key_id: string): Promise<void> {
    // Asked first: a reading is cheaper than a writing that does nothing.
    if (await this.of(thing) !== undefined) return;
    await this.db.run(
      "INSERT INTO owners (thing, key_id) VALUES (?, ?) ON CONFLICT (thing) DO NOTHING",
      thing,
      key_id,
    );
  }

  /** Id of the key; undefined where nobody is noted, or the key is gone. */
  async of(thing: string): Promise<string | undefined> {
    const row = await this.db.get<{ key_id: string }>(
      "SELECT key_id FROM owners WHERE thing = ?",
      thing,
    );
    return row?.key_id;
  }

  async forget(thing: string): Promise<void> {
    await this.db.run("DELETE FROM owners WHERE thing = ?", thing);
  }

  /** Jobs of a key that have not ended; jobs of a study are the study's. */
  async openJobs(key_id: string): Promise<number> {
    return (await this.db.get<{ n: number }>(
      `SELECT count(*) AS n FROM owners JOIN jobs ON jobs.id = thing
       WHERE key_id = ? AND state IN ('queued', 'running', 'paused')`,
      key_id,
    ))!.n;
  }

  /** Bytes of the pictures in a key's data sets, each once. */
  async imageBytes(key_id: string): Promise<number> {
    return (await this.db.get<{ bytes: number | null }>(
      `SELECT sum(bytes) AS bytes FROM (SELECT DISTINCT file, images.bytes FROM images
         JOIN owners ON thing = dataset_id WHERE key_id = ?) AS kept`,
      key_id,
    ))!.bytes ?? 0;
  }

  /** Notes whose thumbnails these predictions have; those that are gone are forgotten. */
  async noteThumbnails(predictions: string[], key_id: string): Promise<void> {
    await this.db.transaction(async () => {
      await this.db.run(
        `DELETE FROM owners WHERE key_id = ? AND thing LIKE 'pr\\_%' ESCAPE '\\'
         AND thing NOT IN (SELECT prediction_id FROM thumbnails)`,
        key_id,
      );
      await insertRows(this.db, "owners", predictions.map((thing) => ({ thing, key_id })));
    });
  }

  /** Bytes of the thumbnails that are kept with a key's predictions. */
  async thumbnailBytes(key_id: string): Promise<number> {
    return (await this.db.get<{ bytes: number | null }>(
      `SELECT sum(length(png)) AS bytes FROM owners JOIN thumbnails ON prediction_id = thing
       WHERE key_id = ?`,
      key_id,
    ))!.bytes ?? 0;
  }

  /** Bytes of the readers' decisions in a key's data sets: their texts, and two numbers of 8 bytes each. */
  async readingBytes(key_id: string): Promise<number> {
    return (await this.db.get<{ bytes: number | null }>(
      `SELECT sum(length(reader) + length(condition) + coalesce(length(readings.label), 0) + 16) AS bytes
       FROM owners JOIN images ON dataset_id = thing JOIN readings ON image_id = images.id
       WHERE key_id = ?`,
      key_id,
    ))!.bytes ?? 0;
  }

  /** Other stored files of a key: gaze samples, heatmaps, models, and what its jobs have made. */
  async files(key_id: string): Promise<string[]> {
    return (await this.db.all<{ file: string }>(
      `WITH own AS (SELECT thing FROM owners WHERE key_id = ?)
       SELECT samples_file AS file FROM gaze JOIN images ON images.id = image_id
         WHERE dataset_id IN (SELECT thing FROM own) AND samples_file IS NOT NULL
       UNION SELECT heatmaps.file FROM heatmaps JOIN images ON images.id = image_id
         WHERE dataset_id IN (SELECT thing FROM own)
       UNION SELECT file FROM similarities WHERE ${MADE_BY_OWN}
       UNION SELECT file FROM models WHERE id IN (SELECT thing FROM own) OR ${MADE_BY_OWN}`,
      key_id,
    )).map(({ file }) => file);
  }

  /** Ids of the uploads that a key began. */
  async uploads(key_id: string): Promise<string[]> {
    return (await this.db.all<{ thing: string }>(
      "SELECT thing FROM owners WHERE key_id = ? AND thing LIKE 'upl_%'",
      key_id,
    )).map(({ thing }) => thing);
  }
}

/** Jobs of a study have no owner of their own. */
const MADE_BY_OWN = `job_id IN (
  SELECT thing FROM own
  UNION SELECT jobs.id FROM jobs JOIN studies ON studies.id = jobs.study WHERE studies.job_id IN (SELECT thing FROM own))`;
