/** Whose a bucket is: two databases on one place would remove each other's files. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { migrate } from "@/cluster/migrate.ts";
import { BucketOwner, OWNER_KEY } from "@/cluster/owner.ts";
import { Postgres } from "@/cluster/postgres.ts";
import { S3 } from "@/cluster/s3.ts";
import { type DatabaseSettings, readDatabase } from "@/lib/cluster_settings.ts";
import { Conflict, Unavailable } from "@/lib/errors.ts";
import { Files } from "@/lib/store/files.ts";
import { keyOf } from "@/lib/store/remote.ts";
import { SharedFiles } from "@/lib/store/shared_files.ts";
import { postgresTest } from "../support/postgres.ts";
import { keysOf, startS3rver } from "../support/s3_servers.ts";
import { freePort } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

postgresTest("a bucket is one database's", async (postgres, t) => {
  const s3 = await startS3rver();
  const opened: Postgres[] = [];
  const open = async (settings: DatabaseSettings) => {
    await migrate(settings.address, settings.schema);
    const db = new Postgres(settings);
    opened.push(db);
    return db;
  };
  const under = (prefix: string) => ({ ...s3.settings, prefix });
  try {
    await withDirectory(async (folder) => {
      const first = readDatabase(await postgres.database());
      const a = await open(first);
      const b = await open({ ...first, schema: "other" });
      const filesOf = (db: Postgres, owner: BucketOwner, prefix: string) => {
        const directory = `${folder}/${crypto.randomUUID()}`;
        const files = new Files(`${directory}/files`, `${directory}/tmp`);
        files.shared = new SharedFiles(files, new S3(under(prefix)), db as never, owner);
        return files;
      };
      const put = async (files: Files) => {
        const { sha256 } = await files.put(randomBytes(100));
        await files.shared!.publish([sha256]);
        return sha256;
      };
      const old = (db: Postgres) => db.run("UPDATE blobs SET touched_at = 0");

      await t.step(
        "the first that uses it marks it, without a secret; others are refused",
        async () => {
          const owners = [a, a].map((db) => new BucketOwner(db, under("")));
          await Promise.all(owners.map((owner) => owner.check()));
          const mark = (await new S3(under("")).getText(OWNER_KEY))!;
          assert.match(mark, /"owner":"[0-9a-f]{64}","database":"test1","schema":"mcgip"/);
          for (const { value } of await a.all<{ value: Uint8Array }>("SELECT value FROM secrets")) {
            assert.ok(!mark.includes(new Uint8Array(value).toHex()));
          }
          await assert.rejects(() => new BucketOwner(b, under("")).check(), (error) => {
            assert.ok(error instanceof Conflict);
            assert.match(error.message, /for schema "other" .* holds the files of schema "mcgip"/);
            assert.match(
              error.message,
              /MCGIP_FILES=s3:\/\/BUCKET\/PREFIX.*deno task bucket --take/,
            );
            return true;
          });
          await new BucketOwner(b, under("lab/")).check();
        },
      );

      await t.step("another's sweep removes nothing, and nothing of another's is put", async () => {
        const owner = new BucketOwner(a, under(""));
        const sha256 = await put(filesOf(a, owner, ""));
        const other = new BucketOwner(b, under(""));
        const files = filesOf(b, other, "");
        await assert.rejects(() => put(files), Unavailable);
        // As a server of before had it.
        await b.run("INSERT INTO blobs (sha256, touched_at) VALUES (?, 0)", sha256);
        await assert.rejects(() => files.shared!.sweep(), Conflict);
        assert.equal(await new S3(under("")).has(keyOf(sha256)), true);
        await old(a);
        assert.equal(await filesOf(a, owner, "").shared!.sweep(), 1, "its own sweep does");
      });

      await t.step(
        "one that is handed over while a server runs is not swept any more",
        async () => {
          const owner = new BucketOwner(a, under(""));
          const files = filesOf(a, owner, "");
          const sha256 = await put(files);
          assert.match((await new BucketOwner(b, under("")).take())!, /schema "mcgip"/);
          await old(a);
          await assert.rejects(() => files.shared!.sweep(), /holds the files of schema "other"/);
          assert.equal(await new S3(under("")).has(keyOf(sha256)), true);
          await new BucketOwner(a, under("")).take();
          assert.equal(await files.shared!.sweep(), 1);
        },
      );

      await t.step("one of before, without a mark, is that of whose files it holds", async () => {
        const place = under("before/");
        const remote = new S3(place);
        const path = `${folder}/file`;
        const sha256 = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        Deno.writeFileSync(path, new Uint8Array(1));
        await remote.put(keyOf(sha256), path, sha256);
        await assert.rejects(
          () => new BucketOwner(b, place).check(),
          /it holds files that this database does not name/,
        );
        const deleted = under("deleted/");
        await new S3(deleted).put(keyOf(sha256), path, sha256);
        await a.run("INSERT INTO blobs (sha256, touched_at) VALUES (?, 0)", sha256);
        assert.equal(await new BucketOwner(a, deleted).look(), "nobody's");
        await a.run("DELETE FROM blobs");
        await a.run(
          "INSERT INTO models (id, kind, spec, lineage, file, created_at) VALUES ('m', 'uploaded', '{}', '{}', ?, '')",
          sha256,
        );
        assert.equal(await new BucketOwner(a, place).look(), "nobody's");
        await assert.rejects(
          () => new BucketOwner(a, under("bofore/")).check(),
          /none of 1 files that the database names is there/,
        );
        assert.deepEqual(await keysOf(s3.settings, "bofore/"), []);
        await new BucketOwner(a, place).check();
        assert.equal(await new BucketOwner(a, place).look(), "own");
      });

      await t.step("one that is not there is told at once, one that is away passes", async () => {
        await assert.rejects(
          () => new BucketOwner(a, { ...s3.settings, bucket: "mcgpi" }).check(),
          (error) => !(error instanceof Unavailable) && /deno task bucket/.test(String(error)),
        );
        const endpoint = `http://127.0.0.1:${freePort()}`;
        await assert.rejects(
          () => new BucketOwner(a, { ...s3.settings, endpoint }).check(),
          Unavailable,
        );
      });
    });
  } finally {
    for (const db of opened) await db.close();
    await s3.stop();
  }
});
