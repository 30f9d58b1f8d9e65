/** Images of a data set. */
import { NotFound } from "@/lib/errors.ts";
import type { ImageFormat } from "@/lib/images/sniff.ts";
import type { Database } from "./database.ts";
import { type Page, page, type PageOptions, placesOf, Table } from "./table.ts";

export const splitNames = ["train", "validation", "test"] as const;
export type SplitName = (typeof splitNames)[number];

/** What is known of an image of a multi-label set: 1 present, 0 absent; a finding that is not named is not known. */
export type Findings = Record<string, 0 | 1>;

export interface ImageRow {
  id: string;
  dataset_id: string;
  /** The user's id of the image, unique in its data set; may contain `/`. */
  name: string;
  /** SHA-256 of the stored picture. */
  file: string;
  /** What was uploaded; of DICOM a 16-bit PNG is stored. */
  format: ImageFormat;
  bytes: number;
  /** Pixels as shown (EXIF orientation applied). */
  width: number;
  height: number;
  channels: 1 | 3;
  bits: 8 | 16;
  /** Its class; null in a multi-label set, whose images have `findings`. */
  label: string | null;
  /** Of an image of a multi-label set; null where nothing is known, and in a set of one label an image. */
  findings?: Findings | null;
  patient: string | null;
  split: SplitName | null;
}

/** Of LIKE with `!` as its escape: JSON that holds the finding as present. */
function presentPattern(finding: string): string {
  return `%${(JSON.stringify(finding) + ":1").replace(/[!%_]/g, "!$&")}%`;
}

export class Images extends Table<ImageRow> {
  constructor(db: Database) {
    super(db, { table: "images", noun: "image", json: ["findings"] });
  }

  async findByName(dataset_id: string, name: string): Promise<ImageRow | undefined> {
    return await this.findBy([["dataset_id = ?", dataset_id], ["name = ?", name]]);
  }

  /** Images of a data set that have one of these names. */
  async named(dataset_id: string, names: string[]): Promise<ImageRow[]> {
    return await this.select(
      [["dataset_id = ?", dataset_id], ["name IN (?)", names]],
      "ORDER BY name",
    );
  }

  /** Images of a data set that are of one of these patients. */
  async ofPatients(dataset_id: string, patients: string[]): Promise<ImageRow[]> {
    return await this.select(
      [["dataset_id = ?", dataset_id], ["patient IN (?)", patients]],
      "ORDER BY name",
    );
  }

  /** How many images a data set has, and how many of them have no patient. */
  async patientCounts(dataset_id: string): Promise<{ images: number; without: number }> {
    return (await this.db.get<{ images: number; without: number }>(
      `SELECT count(*) AS images, count(*) - count(patient) AS without FROM images
       WHERE dataset_id = ?`,
      dataset_id,
    ))!;
  }

  /** Ids of a data set's images. */
  async idsOf(dataset_id: string): Promise<string[]> {
    return (await this.db.all<{ id: string }>(
      "SELECT id FROM images WHERE dataset_id = ? ORDER BY id",
      dataset_id,
    )).map(({ id }) => id);
  }

  /** Removes some, with what belongs to them. */
  async removeAll(ids: string[]): Promise<void> {
    await this.db.run(`DELETE FROM images WHERE id IN (${placesOf(ids)})`, ...ids);
  }

  /** Throws NotFound. */
  async byName(dataset_id: string, name: string): Promise<ImageRow> {
    const row = await this.findByName(dataset_id, name);
    if (!row) throw new NotFound(`Cannot find image "${name}"`);
    return row;
  }

  /** Those of these names, in their order. Throws NotFound. */
  async byNames(dataset_id: string, names: string[]): Promise<ImageRow[]> {
    const found = await this.select([["dataset_id = ?", dataset_id], ["name IN (?)", names]], "");
    const rows = new Map(found.map((row) => [row.name, row]));
    return names.map((name) => {
      const row = rows.get(name);
      if (!row) throw new NotFound(`Cannot find image "${name}"`);
      return row;
    });
  }

  /** A page of a data set in the order of names; `after` is a name. `finding`: those that have it. */
  async listOf(
    dataset_id: string,
    options: PageOptions & { label?: string; finding?: string } = {},
  ): Promise<Page<ImageRow>> {
    const { after, limit = 100, label, finding } = options;
    const rows = await this.select(
      [
        ["dataset_id = ?", dataset_id],
        ["label = ?", label],
        // The text that the column holds: names are quoted as JSON has it.
        [
          "CAST(findings AS TEXT) LIKE ? ESCAPE '!'",
          finding === undefined ? undefined : presentPattern(finding),
        ],
        ["name > ?", after],
      ],
      `ORDER BY name LIMIT ${Math.trunc(limit) + 1}`,
    );
    return page(rows, limit, (row) => row.name);
  }

  /** How many images of a data set have each label, those without one under null; the rows are not read. */
  async labels(dataset_id: string): Promise<Map<string | null, number>> {
    const rows = await this.db.all<{ label: string | null; n: number }>(
      "SELECT label, count(*) AS n FROM images WHERE dataset_id = ? GROUP BY label",
      dataset_id,
    );
    return new Map(rows.map(({ label, n }) => [label, n]));
  }

  /** How many images of a multi-label set have a finding that is known, present or absent. */
  async withFindings(dataset_id: string): Promise<number> {
    return await this.count([["dataset_id = ?", dataset_id], [
      "(findings IS NOT NULL) = (? = 1)",
      1,
    ]]);
  }

  /** How many images of a multi-label set have each finding, and how many are known to lack it. */
  async findingCounts(
    dataset_id: string,
  ): Promise<Map<string, { present: number; absent: number }>> {
    const rows = await this.db.all<{ finding: string; present: number; absent: number }>(
      `SELECT key AS finding,
         sum(CASE WHEN CAST(value AS TEXT) = '1' THEN 1 ELSE 0 END) AS present,
         sum(CASE WHEN CAST(value AS TEXT) = '0' THEN 1 ELSE 0 END) AS absent
       FROM images, json_each(findings) WHERE dataset_id = ? GROUP BY 1`,
      dataset_id,
    );
    return new Map(rows.map(({ finding, ...counts }) => [finding, counts]));
  }

  /** The label of each image of a data set by its name; the rows are not read. */
  async labelsByName(dataset_id: string): Promise<Map<string, string | null>> {
    // One value is read twenty times as fast as a row for each image.
    const pairs = this.db.dialect === "sqlite"
      ? "json_group_array(json_array(name, label))"
      : "coalesce(json_agg(json_build_array(name, label)), '[]')";
    const { all } = (await this.db.get<{ all: string }>(
      `SELECT ${pairs} AS "all" FROM images WHERE dataset_id = ?`,
      dataset_id,
    ))!;
    return new Map(JSON.parse(all));
  }

  /** Whether a picture of a data set has colours. */
  async hasColour(dataset_id: string): Promise<boolean> {
    return await this.findBy([["dataset_id = ?", dataset_id], ["channels = ?", 3]]) !== undefined;
  }

  /** All images of a data set in the order of names: the order of every matrix and array. */
  async all(dataset_id: string): Promise<ImageRow[]> {
    return await this.select([["dataset_id = ?", dataset_id]], "ORDER BY name");
  }
}
