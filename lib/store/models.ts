/** Models: weights with their architecture and where they come from; names have versions. */
import { z } from "zod";
import { Conflict, InvalidInput, NotFound } from "@/lib/errors.ts";
import { imageSizeSchema } from "@/lib/images/image_size.ts";
import type { Database } from "./database.ts";
import { Table } from "./table.ts";

export const modelSpecSchema = z.object({
  backbone: z.string(),
  width: z.number().describe("Channels of the first stage"),
  channels: z.literal([1, 3]),
  image_size: imageSizeSchema
    .describe("Input in pixels: the side of a square, or [height, width]"),
  classes: z.array(z.string()),
  multi_label: z.literal(true).optional().describe(
    "Where an image may have any number of the classes: each has a probability of its own, a sigmoid's",
  ),
  normalization: z.object({ mean: z.array(z.number()), std: z.array(z.number()) })
    .describe("Per channel, of pixels in 0 to 1"),
}).meta({ id: "ModelSpec" });
export type ModelSpec = z.output<typeof modelSpecSchema>;

export interface ModelRow {
  id: string;
  name: string | null;
  /** Counts from 1 within a name; null without one. */
  version: number | null;
  kind: "pretrained" | "classifier" | "uploaded";
  job_id: string | null;
  dataset_id: string | null;
  dataset_digest: string | null;
  spec: ModelSpec;
  lineage: Record<string, unknown>;
  /** SHA-256 of the safetensors file. */
  file: string;
  created_at: string;
}

/** An id as `newId` makes it. */
const MODEL_ID = /^mod_[0-9a-hjkmnp-tv-z]{26}$/;

export class Models extends Table<ModelRow> {
  constructor(db: Database) {
    super(db, { table: "models", noun: "model", json: ["spec", "lineage"], newestFirst: true });
  }

  /** The version that the next model of this name gets. */
  async nextVersion(name: string): Promise<number> {
    return (await this.db.get<{ version: number }>(
      "SELECT coalesce(max(version), 0) + 1 AS version FROM models WHERE name = ?",
      name,
    ))!.version;
  }

  /** By id, by alias, or the newest version of a name; what looks like an id is nothing else. Throws NotFound. */
  async resolve(reference: string): Promise<ModelRow> {
    const row = await this.find(reference) ??
      (MODEL_ID.test(reference) ? undefined : await this.#named(reference));
    if (!row) throw new NotFound(`Cannot find model "${reference}"`);
    return row;
  }

  async #named(name: string): Promise<ModelRow | undefined> {
    return await this.findBy([["id = (SELECT model_id FROM aliases WHERE alias = ?)", name]]) ??
      (await this.select([["name = ?", name]], "ORDER BY version DESC LIMIT 1"))[0];
  }

  /** The id of the model that an alias stands for. */
  async aliased(alias: string): Promise<string | undefined> {
    return (await this.db.get<{ model_id: string }>(
      "SELECT model_id FROM aliases WHERE alias = ?",
      alias,
    ))?.model_id;
  }

  /** The model that a job has made. */
  async ofJob(job_id: string): Promise<ModelRow | undefined> {
    return await this.findBy([["job_id = ?", job_id]]);
  }

  /** All versions that there are of a name, the newest first. */
  async versionsOf(name: string): Promise<ModelRow[]> {
    return await this.select([["name = ?", name]], "ORDER BY version DESC");
  }

  /** Lets `alias` stand for a model; an alias of that name is moved. Throws Conflict where it would hide a model. */
  async setAlias(alias: string, model_id: string): Promise<void> {
    const hidden = await this.find(alias) ?? await this.findBy([["name = ?", alias]]);
    if (hidden) {
      throw new Conflict(`Cannot use alias "${alias}": model "${hidden.id}" is called so`);
    }
    if (MODEL_ID.test(alias)) {
      throw new InvalidInput(`Cannot use alias "${alias}": it looks like a model's id`);
    }
    await this.db.run(
      `INSERT INTO aliases (alias, model_id) VALUES (?, ?)
       ON CONFLICT (alias) DO UPDATE SET model_id = excluded.model_id`,
      alias,
      model_id,
    );
  }

  async removeAlias(alias: string): Promise<boolean> {
    return await this.db.run("DELETE FROM aliases WHERE alias = ?", alias) > 0;
  }

  async aliasesOf(model_id: string): Promise<string[]> {
    return (await this.db.all<{ alias: string }>(
      "SELECT alias FROM aliases WHERE model_id = ? ORDER BY alias",
      model_id,
    )).map(({ alias }) => alias);
  }
}
