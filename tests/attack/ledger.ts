/** What a server has acknowledged, and whether it is still so: for whoever kills it meanwhile. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Job } from "./content.ts";
import type { Victim } from "./victim.ts";

export const digest = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

/** SHA-256 of the weights that a job made, without their header, which tells which job that was; why there are none. */
export async function weightsOf(victim: Victim, job: Job): Promise<string> {
  if (job.state !== "succeeded") return `${job.state}: ${job.error}`;
  const bytes = await (await victim.fetch(`/v1/models/${job.result!.model}/weights`)).bytes();
  return digest(bytes.subarray(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))));
}

export class Ledger {
  /** SHA-256 of images by path; number of images by set; sets that may be there, but then whole. */
  readonly images = new Map<string, string>();
  readonly sets = new Map<string, number>();
  readonly maybe = new Map<string, number>();
  readonly deleted = new Set<string>();
  /** Bytes of an upload that were acknowledged. */
  readonly offsets = new Map<string, number>();
  /** SHA-256 of weights by model. */
  readonly models = new Map<string, string>();

  get size(): number {
    const { images, sets, deleted, offsets, models } = this;
    return images.size + sets.size + deleted.size + offsets.size + models.size;
  }

  /** What is not as it was acknowledged, in sentences. What is deleted for good is forgotten afterwards. */
  async broken(victim: Victim): Promise<string[]> {
    const wrong: string[] = [];
    const get = async (path: string, init?: RequestInit) => {
      const answer = await victim.fetch(path, init);
      return { status: answer.status, answer, bytes: await answer.bytes() };
    };
    const json = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
    for (const [path, sha256] of this.images) {
      const { status, bytes } = await get(`${path}/image.png`);
      if (status !== 200) wrong.push(`image ${path} is lost: ${status}`);
      else if (digest(bytes) !== sha256) wrong.push(`image ${path} is another one`);
    }
    for (const [name, count] of this.sets) {
      const { status, bytes } = await get(`/v1/datasets/${name}`);
      if (status !== 200) wrong.push(`data set ${name} is lost: ${status}`);
      else if (json(bytes).images !== count) {
        wrong.push(`data set ${name} has ${json(bytes).images} of ${count} images`);
      }
    }
    for (const [name, count] of this.maybe) {
      const { status, bytes } = await get(`/v1/datasets/${name}`);
      if (status === 200 && json(bytes).images !== count) {
        wrong.push(`data set ${name} is half there: ${json(bytes).images} of ${count} images`);
      }
    }
    for (const name of this.deleted) {
      const { status } = await get(`/v1/datasets/${name}`);
      if (status !== 404) wrong.push(`data set ${name} was deleted, and is back: ${status}`);
    }
    for (const [upload, offset] of this.offsets) {
      const { status, answer } = await get(upload, {
        method: "HEAD",
        headers: { "tus-resumable": "1.0.0" },
      });
      const held = Number(answer.headers.get("upload-offset"));
      if (status !== 200) wrong.push(`upload ${upload} is lost: ${status}`);
      else if (held < offset) wrong.push(`upload ${upload} has ${held} of ${offset} bytes`);
    }
    for (const [model, sha256] of this.models) {
      const { status, bytes } = await get(`/v1/models/${model}/weights`);
      if (status !== 200) wrong.push(`model ${model} is lost: ${status}`);
      else if (digest(bytes) !== sha256) wrong.push(`model ${model} has other weights`);
    }
    this.maybe.clear();
    this.deleted.clear();
    return wrong;
  }
}

/** Whether the database is sound and each file that it refers to is there and whole; sentences otherwise. */
export function unsound(data: string): string[] {
  const db = new DatabaseSync(`${data}/mcgip.db`, { readOnly: true });
  const wrong: string[] = [];
  try {
    db.exec("PRAGMA busy_timeout = 15000");
    const check = db.prepare("PRAGMA integrity_check").all() as { integrity_check: string }[];
    if (check[0].integrity_check !== "ok") wrong.push(`database: ${check[0].integrity_check}`);
    const keys = db.prepare("PRAGMA foreign_key_check").all();
    if (keys.length > 0) wrong.push(`database: ${keys.length} rows refer to none`);
    const files = db.prepare("SELECT DISTINCT sha256 FROM file_references").all();
    for (const { sha256 } of files as { sha256: string }[]) {
      const path = `${data}/files/${sha256.slice(0, 2)}/${sha256}`;
      if (!existsSync(path)) wrong.push(`file ${sha256.slice(0, 12)} is missing`);
      else if (digest(Deno.readFileSync(path)) !== sha256) {
        wrong.push(`file ${sha256.slice(0, 12)} holds something else`);
      }
    }
  } finally {
    db.close();
  }
  return wrong;
}
