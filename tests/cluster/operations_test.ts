/** What whoever runs a cluster has in place of the programs for a data directory. */
import assert from "node:assert/strict";
import { S3 } from "@/cluster/s3.ts";
import { readCluster } from "@/lib/cluster_settings.ts";
import { importArchive } from "@/lib/datasets/archive.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { openStore } from "@/lib/store/mod.ts";
import { keyOf } from "@/lib/store/remote.ts";
import { root } from "../support/imports.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { smallArchive } from "../support/small_set.ts";
import { withDirectory } from "../support/temporary.ts";

async function run(program: string, args: string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    ...{ args, cwd: root, env: { ...env, NO_COLOR: "1" } },
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    out: decoder.decode(stdout),
    text: decoder.decode(stdout) + decoder.decode(stderr),
  };
}

const task = (name: string, env: Record<string, string>, ...args: string[]) =>
  run(Deno.execPath(), ["task", "--quiet", name, ...args], env);

postgresTest("a cluster is verified, looked at, dumped and restored", async (postgres, t) => {
  const s3 = await startS3rver();
  const env = clusterEnvironment(s3, await postgres.database());
  try {
    await withDirectory(async (folder) => {
      const cluster = readCluster((name) => env[name])!;
      const store = await openStore(`${folder}/server`, { cluster });
      Deno.writeFileSync(`${folder}/set.zip`, await smallArchive());
      await importArchive(store, "breast", `${folder}/set.zip`);
      const { id } = await store.jobs.insert(newJob("count", {}));
      const [{ file, name }] = await store.images.all((await store.datasets.byName("breast")).id);
      await store.close();

      await t.step("its doctor looks at the database and the bucket", async () => {
        const { out, text } = await task("doctor", { ...env, MCGIP_DATA: folder }, "--json");
        const { findings } = JSON.parse(out) as { findings: { check: string; verdict: string }[] };
        const of = (check: string) => findings.find((finding) => finding.check === check)?.verdict;
        assert.deepEqual(["database", "bucket", "clocks"].map(of), ["ok", "ok", "ok"], text);
        const away = {
          ...env,
          MCGIP_DATABASE: "postgres://u:secret@127.0.0.1:1/x",
          MCGIP_DATA: folder,
        };
        const other = await task("doctor", away);
        assert.equal(other.code, 1);
        assert.match(other.text, /fault +database +PostgreSQL at 127\.0\.0\.1:1/);
        assert.ok(!other.text.includes("secret"));
      });

      await t.step("programs for a directory say which tool does it in a cluster", async () => {
        for (
          const [name, said] of [
            ["backup", /pg_dump .* First the database|First the database, then/],
            ["restore", /pg_restore/],
            ["verify", /verify:cluster/],
            ["salvage", /pg_restore/],
            ["keys", /POST \/v1\/keys/],
          ] as const
        ) {
          const { code, text } = await task(name, env);
          assert.equal(code, 2, name);
          assert.match(text, said);
          assert.doesNotMatch((await task(name, env, "--help")).text, said);
        }
      });

      await t.step("a dump and its bucket are a backup", async () => {
        const restored = await postgres.database();
        const dump = `${folder}/mcgip.dump`;
        const made = await run(
          postgres.program("pg_dump"),
          ["--format=custom", `--file=${dump}`, env.MCGIP_DATABASE],
          {},
        );
        assert.equal(made.code, 0, made.text);
        const back = await run(postgres.program("pg_restore"), [`--dbname=${restored}`, dump], {});
        assert.equal(back.code, 0, back.text);
        const there: Record<string, string> = { ...env, MCGIP_DATABASE: restored };
        const { code, text } = await task("verify:cluster", there);
        assert.equal(code, 0, text);
        assert.match(text, /^0 faults: \d+ files for \d+ references/m);
        const again = await openStore(`${folder}/again`, { cluster: readCluster((n) => there[n]) });
        assert.equal((await again.jobs.claim("worker"))?.id, id, "what waited waits");
        await again.close();
      });

      await t.step("what is missing in the bucket, or is other bytes, is named", async () => {
        const bucket = new S3(cluster.bucket);
        Deno.writeTextFileSync(`${folder}/other`, "other");
        await bucket.remove(keyOf(file));
        const missing = await task("verify:cluster", env, "--quick");
        assert.equal(missing.code, 1, missing.text);
        assert.ok(
          missing.text.includes(`is missing in ${bucket.name}: image "${name}"`),
          missing.text,
        );
        const sha256 = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa";
        await bucket.put(keyOf(file), `${folder}/other`, sha256);
        assert.equal((await task("verify:cluster", env, "--quick")).code, 0);
        const read = await task("verify:cluster", env);
        assert.equal(read.code, 1);
        assert.match(
          read.text,
          /holds other bytes than were stored: image .*; put it in again, or/,
        );
      });
    });
  } finally {
    await s3.stop();
  }
});
