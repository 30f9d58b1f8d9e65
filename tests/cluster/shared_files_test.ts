import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { migrate } from "@/cluster/migrate.ts";
import { Postgres } from "@/cluster/postgres.ts";
import { readDatabase } from "@/lib/cluster_settings.ts";
import { S3 } from "@/cluster/s3.ts";
import { Damaged, Unavailable } from "@/lib/errors.ts";
import { Files } from "@/lib/store/files.ts";
import { keyOf } from "@/lib/store/remote.ts";
import { SharedFiles } from "@/lib/store/shared_files.ts";
import { postgresTest } from "../support/postgres.ts";
import { startS3rver } from "../support/s3_servers.ts";
import { fill, withSmallDisk } from "../support/small_disk.ts";
import { withDirectory } from "../support/temporary.ts";

const DAY_MS = 24 * 3600 * 1000;

postgresTest("files of several servers", async (postgres, t) => {
  const s3 = await startS3rver();
  const db = new Postgres(readDatabase(await postgres.database()));
  await migrate(db.address, db.schema);
  const remote = new S3(s3.settings, { stall: 2_000, pauses: [50] });
  let servers = 0;
  try {
    await withDirectory(async (folder) => {
      /** The files of one server. */
      const server = (most?: number): Files => {
        const directory = `${folder}/server${++servers}`;
        const files = new Files(`${directory}/files`, `${directory}/tmp`);
        files.shared = new SharedFiles(files, remote, db as never, most);
        return files;
      };
      const refer = (sha256: string) =>
        db.run(
          `INSERT INTO models (id, kind, spec, lineage, file, created_at) VALUES (?, 'uploaded', '{}', '{}', ?, '')`,
          `mod_${sha256.slice(0, 20)}`,
          sha256,
        );
      const put = async (files: Files, bytes: number) => {
        const content = randomBytes(bytes);
        const { sha256 } = await files.put(content);
        await files.shared!.publish([sha256]);
        await refer(sha256);
        files.unpin([sha256]);
        return { sha256, content };
      };
      const [a, b] = [server(), server()];

      await t.step("what one has published, another reads, once over the network", async () => {
        const { sha256, content } = await put(a, 100_000);
        const read = await Promise.all([b.read(sha256), b.read(sha256), b.read(sha256)]);
        for (const bytes of read) assert.deepEqual(new Uint8Array(bytes), new Uint8Array(content));
        await remote.remove(keyOf(sha256));
        assert.equal((await b.read(sha256)).length, 100_000);
        using file = await b.open(sha256);
        assert.equal((await file.stat()).size, 100_000);
      });

      await t.step("what is put and not published stays on its server", async () => {
        const { sha256 } = await a.put(randomBytes(10));
        assert.equal(await remote.has(keyOf(sha256)), false);
        await assert.rejects(
          () => b.read(sha256, "the picture"),
          /Cannot use the picture.*is missing in the bucket/,
        );
      });

      await t.step(
        "an upload that broke off is made up for by the next who puts the same",
        async () => {
          const content = randomBytes(1000);
          const { sha256 } = await a.put(content);
          await a.shared!.publish([sha256]);
          await remote.remove(keyOf(sha256));
          await b.put(content);
          await b.shared!.publish([sha256]);
          assert.equal(await remote.has(keyOf(sha256)), true);
        },
      );

      await t.step("other bytes in the bucket are refused, and not kept", async () => {
        const before = [...Deno.readDirSync(b.temporary)].length;
        const { sha256 } = await put(a, 1000);
        Deno.writeTextFileSync(`${folder}/other`, "other bytes");
        const other = createHash("sha256").update("other bytes").digest("hex");
        await remote.put(keyOf(sha256), `${folder}/other`, other);
        await assert.rejects(
          () => b.read(sha256, "the model"),
          (error) => error instanceof Damaged && /no longer holds the bytes/.test(error.message),
        );
        assert.equal(existsSync(b.path(sha256)), false);
        assert.equal([...Deno.readDirSync(b.temporary)].length, before);
      });

      await t.step(
        "a damaged copy comes anew, and what is put again heals the bucket",
        async () => {
          const { sha256, content } = await put(a, 1000);
          await b.read(sha256);
          Deno.writeTextFileSync(b.path(sha256), "other bytes");
          assert.deepEqual(new Uint8Array(await b.read(sha256)), new Uint8Array(content));
          Deno.writeTextFileSync(b.path(sha256), "others again");
          (await b.open(sha256)).close();
          assert.equal((await b.read(sha256)).length, 1000);
          const other = createHash("sha256").update("other bytes").digest("hex");
          Deno.writeTextFileSync(`${folder}/other`, "other bytes");
          await remote.put(keyOf(sha256), `${folder}/other`, other);
          const c = server();
          await assert.rejects(() => c.read(sha256), Damaged);
          await b.put(content);
          await b.shared!.publish([sha256]);
          b.unpin([sha256]);
          assert.deepEqual(new Uint8Array(await c.read(sha256)), new Uint8Array(content));
        },
      );

      await t.step("above its bounds a server lets go of what was used longest ago", async () => {
        const small = server(10_000);
        const files: string[] = [];
        for (let i = 0; i < 12; i++) {
          files.push((await put(small, 1_000)).sha256);
          // The first stays in use.
          await small.read(files[0]);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        const kept = files.filter((sha256) => small.has(sha256));
        assert.ok(kept.length <= 10 && kept.length >= 8, `${kept.length}`);
        assert.ok(kept.includes(files[0]) && kept.includes(files[11]));
        // And all are still there to be read.
        for (const sha256 of files) assert.equal((await small.read(sha256)).length, 1_000);
      });

      await t.step(
        "on a full disk what is in the bucket makes room",
        () =>
          withSmallDisk(1, async (directory) => {
            const files = new Files(`${directory}/files`, `${directory}/tmp`);
            files.shared = new SharedFiles(files, remote, db as never);
            const kept = [await put(a, 300_000), await put(a, 300_000), await put(a, 300_000)];
            for (const { sha256 } of kept.slice(0, 2)) await files.read(sha256);
            fill(`${directory}/filler`);
            const [first, second, third] = kept;
            assert.equal((await files.read(third.sha256)).length, 300_000);
            assert.deepEqual(
              [first, second, third].map(({ sha256 }) => files.has(sha256)),
              [false, true, true],
            );
          }),
      );

      await t.step("what is on its way to its rows is not let go of", async () => {
        const small = server(1);
        const { sha256 } = await small.put(randomBytes(5_000));
        await put(small, 5_000);
        assert.equal(small.has(sha256), true);
        small.unpin([sha256]);
        // Another process of the server may still hold it.
        await put(small, 5_000);
        assert.equal(small.has(sha256), true);
      });

      await t.step(
        "a sweep removes what nothing has referred to for a week, and that only",
        async () => {
          const age = (sha256: string, days: number) =>
            db.run(
              `UPDATE blobs SET touched_at = ${db.clock} - ${days * DAY_MS} WHERE sha256 = ?`,
              sha256,
            );
          const referred = (await put(a, 10)).sha256;
          const unreferred = async () => {
            const { sha256 } = await a.put(randomBytes(10));
            await a.shared!.publish([sha256]);
            return sha256;
          };
          const [young, old, revived] = [
            await unreferred(),
            await unreferred(),
            await unreferred(),
          ];
          for (const sha256 of [referred, old, revived]) await age(sha256, 8);
          await age(young, 6);
          await b.shared!.publish([revived]).catch(() => {});
          assert.equal(await b.shared!.sweep(), 1);
          assert.deepEqual(
            await Promise.all(
              [referred, young, old, revived].map((file) => remote.has(keyOf(file))),
            ),
            [true, true, false, true],
          );
          assert.equal(await b.shared!.sweep(), 0);
        },
      );

      await t.step(
        "a sweep and a put of the same file at once leave it there, fifty times",
        async () => {
          for (let i = 0; i < 50; i++) {
            const content = randomBytes(10);
            const { sha256 } = await a.put(content);
            await a.shared!.publish([sha256]);
            await db.run("UPDATE blobs SET touched_at = 0 WHERE sha256 = ?", sha256);
            await Promise.all([a.shared!.publish([sha256]), b.shared!.sweep()]);
            assert.equal(await remote.has(keyOf(sha256)), true, `round ${i}`);
          }
        },
      );

      await t.step(
        "while the bucket is away nothing is published, and what is here is read",
        async () => {
          const { sha256 } = await put(a, 1_000);
          s3.kill("SIGSTOP");
          const { sha256: next } = await a.put(randomBytes(10));
          await assert.rejects(() => a.shared!.publish([next]), Unavailable);
          await assert.rejects(() => b.read(sha256), Unavailable);
          assert.equal((await a.read(sha256)).length, 1_000);
          s3.kill("SIGCONT");
          // What was broken off s3rver may keep in part: it is removed once all of it has been answered.
          await remote.has(keyOf(next));
          await remote.remove(keyOf(next));
          await a.shared!.publish([next]);
          assert.equal((await b.read(next)).length, 10);
        },
      );
    });
  } finally {
    await db.close();
    await s3.stop();
  }
});
