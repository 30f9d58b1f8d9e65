/**
 * Whose a bucket is: a mark under its prefix names the one schema of one database whose files lie there, since a
 * sweep removes what its own database does not refer to. The mark holds a keyed hash, which a restored copy of the
 * database does not come to.
 */
import { createHmac } from "node:crypto";
import type { BucketSettings } from "@/lib/cluster_settings.ts";
import { Conflict, Unavailable } from "@/lib/errors.ts";
import { keyOf, type Ownership } from "@/lib/store/remote.ts";
import type { Postgres } from "./postgres.ts";
import { S3, type S3Options } from "./s3.ts";
import { sharedSecret } from "./secret.ts";

/** Beside `files/`. */
export const OWNER_KEY = "owner.json";

/** A look at a start is one short question. */
const LOOK: S3Options = { stall: 5_000, pauses: [] };
/** Two databases may take one bucket at the same time: the later of two marks stands after so long, ms. */
const SETTLE_MS = 500;
/** Files that are looked for in a bucket without a mark. */
const MOST_LOOKED_FOR = 20;

interface Mark {
  owner: string;
  /** For people. */
  database: string;
  schema: string;
  since: string;
}

/** Of this server of PostgreSQL, as its replicas have it too; some services keep it to themselves. */
async function systemOf(db: Postgres): Promise<string> {
  const { may } = (await db.get<{ may: number }>(
    "SELECT has_function_privilege('pg_control_system()', 'execute') AS may",
  ))!;
  if (!may) return "";
  return (await db.get<{ id: string }>(
    "SELECT system_identifier::text AS id FROM pg_control_system()",
  ))!.id;
}

/** The mark that a database makes. */
async function markOf(db: Postgres): Promise<Mark> {
  const { database } = (await db.get<{ database: string }>(
    "SELECT current_database()::text AS database",
  ))!;
  const { schema } = db;
  const named = JSON.stringify([await systemOf(db), database, schema]);
  const owner = createHmac("sha256", await sharedSecret(db, "bucket")).update(named);
  return { owner: owner.digest("hex"), database, schema, since: new Date().toISOString() };
}

export class BucketOwner implements Ownership {
  readonly #db: Postgres;
  readonly #remote: S3;
  #known?: Promise<void>;

  constructor(db: Postgres, bucket: BucketSettings) {
    this.#db = db;
    this.#remote = new S3(bucket, LOOK);
  }

  async check(): Promise<void> {
    if (await this.look() === "own") return;
    const own = await markOf(this.#db);
    await this.#write(own);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const written = await this.#read();
    if (!written) {
      throw new Error(
        `Cannot use ${this.#remote.name}: it does not have what was just put; look at its endpoint`,
      );
    }
    this.#assertOwn(written, own);
  }

  /**
   * Whose the bucket is, without taking it: nobody's is one that the next start takes.
   * @throws {Conflict} when it is another database's
   */
  async look(): Promise<"own" | "nobody's"> {
    const mark = await this.#read();
    if (mark) {
      this.#assertOwn(mark, await markOf(this.#db));
      return "own";
    }
    await this.#assertFree();
    return "nobody's";
  }

  async assert(): Promise<void> {
    const known = this.#known ??= this.check();
    try {
      await known;
    } catch (error) {
      this.#known = undefined;
      throw error instanceof Unavailable ? error : new Unavailable((error as Error).message);
    }
  }

  async reach(): Promise<void> {
    await this.#read();
  }

  /** Makes the bucket this database's, whoever had it. @returns whose it was, for people */
  async take(): Promise<string | undefined> {
    const [own, mark] = [await markOf(this.#db), await this.#read()];
    if (mark?.owner === own.owner) return undefined;
    await this.#write(own);
    return mark && nameOf(mark);
  }

  #write(mark: Mark): Promise<void> {
    return this.#remote.putText(OWNER_KEY, `${JSON.stringify(mark)}\n`);
  }

  async #read(): Promise<Mark | undefined> {
    const text = await this.#remote.getText(OWNER_KEY);
    if (text === undefined) return undefined;
    try {
      const mark = JSON.parse(text);
      if (typeof mark?.owner === "string") return mark;
    } catch {
      // Told below.
    }
    throw this.#refused(`its mark ${OWNER_KEY} cannot be read`);
  }

  #assertOwn(mark: Mark, own: Mark): void {
    if (mark.owner === own.owner) return;
    throw this.#refused(`it holds the files of ${nameOf(mark)}`);
  }

  /** Of a bucket without a mark: it is empty, or has files that this database names. */
  async #assertFree(): Promise<void> {
    const named = await this.#someOf("file_references");
    // Those that nothing refers to any more are there for a week.
    for (const sha256 of [...named, ...await this.#someOf("blobs")]) {
      if (await this.#remote.has(keyOf(sha256))) return;
    }
    if (named.length > 0) {
      throw this.#refused(
        `none of ${named.length} files that the database names is there, so MCGIP_FILES seems to name ` +
          "another bucket or prefix than before",
      );
    }
    if (await this.#remote.holds("files/")) {
      throw this.#refused("it holds files that this database does not name");
    }
  }

  async #someOf(table: "file_references" | "blobs"): Promise<string[]> {
    const rows = await this.#db.all<{ sha256: string }>(
      `SELECT sha256 FROM ${table} LIMIT ${MOST_LOOKED_FOR}`,
    );
    return rows.map(({ sha256 }) => sha256);
  }

  #refused(why: string): Conflict {
    const { schema } = this.#db;
    return new Conflict(
      `Cannot use ${this.#remote.place} for schema "${schema}" of this database: ${why}. Two databases on one ` +
        "place would remove each other's files. Name another prefix by MCGIP_FILES=s3://BUCKET/PREFIX; or, where " +
        "this database takes the other's place for good (after a restore), stop the servers of the other and type " +
        "deno task bucket --take",
    );
  }
}

const nameOf = ({ database, schema, since }: Mark) =>
  `schema "${schema}" of another database, "${database}" (since ${since})`;
