/** `deno task keys`: makes, lists, changes and revokes keys, beside a running server. */
import assert from "node:assert/strict";
import { runTask } from "../support/program.ts";
import { until, withServer } from "../support/server.ts";
import { makeReadOnly, withSmallDisk } from "../support/small_disk.ts";
import { withDirectory, withStore } from "../support/temporary.ts";
import { Keyring } from "@/lib/access/keyring.ts";
import { DatabaseSync } from "node:sqlite";
import { checkDatabase } from "@/lib/operations/checks/data.ts";
import { takeLock } from "@/lib/store/lock.ts";
import { versions } from "@/lib/store/migrations.ts";
import { openStore } from "@/lib/store/mod.ts";
import { readSize, readTime } from "@/lib/operations/quantity.ts";

Deno.test("keys made, changed and revoked on the command line count for the running server", async () => {
  await withServer(async (server) => {
    const keys = (...args: string[]) => runTask("keys", args, { MCGIP_DATA: server.data });
    const status = async (key: string, method = "GET") => {
      const headers = { authorization: `Bearer ${key}` };
      const response = await fetch(`${server.url}/v1/datasets/x`, { method, headers });
      await response.body?.cancel();
      return response.status;
    };
    const made = await keys("make", "reader", "--expires", "30d", "--rate=100", "--max-bytes=2G");
    assert.equal(made.code, 0, made.error);
    const [, id, key] = /^(key_\w+) {2}reader {2}read\n(mcgip_\S{43})\nIt is shown only now\.$/
      .exec(made.out)!;
    await until(async () => await status(key) === 404, 3_000);
    assert.equal(await status(key, "DELETE"), 403);
    const changed = await keys("change", id, "--scopes", "read,write", "--expires=never");
    assert.match(changed.last, new RegExp(`^${id}  reader  read,write  .*never +100/s`));
    await until(async () => await status(key, "DELETE") === 404, 3_000);
    const { out } = await keys();
    assert.match(out, /^id +name +scopes +last use +expires +rate +stored +jobs\n/);
    assert.match(out, new RegExp(`${id}.*20\\d\\d-\\d\\d-\\d\\dT.*0 bytes of 2.0 GB`));
    assert.ok(!out.includes(key) && !(await keys("--json")).out.includes(key));
    assert.equal(JSON.parse((await keys("list", "--json")).out).length, 2);
    const revoked = await keys("revoke", id);
    assert.equal(revoked.last, `${id} is revoked`);
    await until(async () => await status(key) === 401, 3_000);
    assert.match(server.log(), /listens/);
  });
});

Deno.test("a key made beside no server is no damage to the next one, and damage stays told", () =>
  withDirectory(async (data) => {
    const atRest = async () => {
      const store = await openStore(data);
      await store.close();
      return store.atRest;
    };
    await atRest();
    const made = await runTask("keys", ["make", "alice", "--data", data]);
    assert.deepEqual([made.code, made.error], [0, ""]);
    assert.equal(await atRest(), "same");
    const path = `${data}/mcgip.db`;
    const bytes = Deno.readFileSync(path);
    const at = new TextDecoder("latin1").decode(bytes).indexOf("alice");
    Deno.writeFileSync(path, bytes.with(at, "A".charCodeAt(0)));
    const changed = /^The database is not as this server left it/;
    for (let i = 0; i < 2; i++) {
      const listed = await runTask("keys", ["--data", data]);
      assert.equal(listed.code, 0);
      assert.match(listed.error, changed);
      assert.match(listed.out, /Alice/);
    }
    const further = await runTask("keys", ["make", "bob", "--data", data]);
    assert.equal(further.code, 0);
    assert.match(further.error, changed);
    assert.equal(await atRest(), "changed", "the next start is not told that all is well");
  }));

const schemaOf = (data: string) => {
  const database = new DatabaseSync(`${data}/mcgip.db`);
  const { user_version } = database.prepare("PRAGMA user_version").get()!;
  database.close();
  return user_version;
};

Deno.test("a database of another schema is neither brought up nor guessed at", () =>
  withDirectory(async (data) => {
    const older = versions.length - 1;
    const made = new DatabaseSync(`${data}/mcgip.db`);
    made.exec(`${versions.slice(0, -1).join(";")}; PRAGMA user_version = ${older}`);
    made.close();
    Deno.writeFileSync(`${data}/secret.key`, new Uint8Array(32).fill(200));
    const refused = async (task: string, args: string[], message: RegExp) => {
      const { code, out, error } = await runTask(task, [...args, "--data", data]);
      assert.deepEqual([code, out], [2, ""], `${task} ${args}`);
      assert.match(error, message);
    };
    const changes = [["list"], ["make", "x"], ["revoke", "key_x"]];
    for (const args of changes) {
      await refused(
        "keys",
        args,
        /Start the server of this version there once, which brings it up/,
      );
    }
    const server = takeLock(data);
    server.announce("0.1.0+older");
    for (const args of changes) {
      await refused(
        "keys",
        args,
        /its schema is version \d+, this program makes \d+\. The server that works there is version 0\.1\.0\+older: run/,
      );
    }
    server.release();
    assert.equal((await runTask("verify", ["--data", data])).code, 0);
    assert.equal((await runTask("backup", [`${data}-older`, "--data", data])).code, 0);
    Deno.removeSync(`${data}-older`, { recursive: true });
    assert.equal(schemaOf(data), older);

    const newer = new DatabaseSync(`${data}/mcgip.db`);
    newer.exec(`PRAGMA user_version = ${versions.length + 1}`);
    newer.close();
    const none =
      /this program knows \d+\. A newer version has used it: .* or restore a backup of before/;
    for (const args of changes) await refused("keys", args, none);
    await refused("verify", [], none);
    await refused("backup", [`${data}-backup`], none);
    Deno.mkdirSync(`${data}/aside/databases`, { recursive: true });
    Deno.writeTextFileSync(`${data}/aside/databases/schema-${versions.length}.db`, "");
    const copy = new RegExp(
      `go back to the copy of before, \\S+/aside/databases/schema-${versions.length}\\.db\\b.* \\(?README`,
    );
    for (const task of ["keys", "verify"]) await refused(task, [], copy);
    await assert.rejects(openStore(data), copy);
    assert.match(checkDatabase(data).advice!, copy);
    assert.equal(schemaOf(data), versions.length + 1);
  }));

Deno.test("keys are listed where nothing can be written", () =>
  withSmallDisk(96, async (disk) => {
    const data = `${disk}/data`;
    const store = await openStore(data);
    await Keyring.open(store, "test-key-0123456789abcdef");
    await store.close();
    const files = () => [...Deno.readDirSync(data)].map(({ name }) => name).toSorted();
    makeReadOnly(disk);
    const before = files();
    const { code, out, error } = await runTask("keys", ["--data", data]);
    assert.deepEqual([code, error], [0, ""]);
    assert.match(out, /environment/);
    assert.deepEqual(files(), before);
    const made = await runTask("keys", ["make", "bob", "--data", data]);
    assert.equal(made.code, 2);
    assert.match(made.error, /^Cannot use \S+: its file system is read-only; name another data/);
  }));

Deno.test("what cannot be done is refused in a line", () =>
  withStore(async (store) => {
    const { created } = await Keyring.open(store);
    const { id } = (await (await Keyring.of(store)).find(created!))!;
    const refused = async (args: string[], message: RegExp) => {
      const { code, out, error } = await runTask("keys", ["--data", store.directory, ...args]);
      assert.equal(code, 2, args.join(" "));
      assert.equal(out, "");
      assert.match(error, message);
      assert.ok(!error.includes("\n"), error);
    };
    await refused(["revoke", id], /^Cannot do this to key ".*": it is the last one with the scope/);
    await refused(["change", id, "--expires", "1d"], /it is the last one/);
    await refused(["change", id, "--scopes", "read"], /it is the last one/);
    await refused(["change", id], /say what, by an option/);
    await refused(
      ["revoke", "key_none"],
      /^Cannot find key "key_none": deno task keys lists them$/,
    );
    await refused(["revoke"], /^Cannot revoke a key: name its id; see --help/);
    await refused(["make"], /^Cannot make a key: give it a name/);
    await refused(["make", "x", "--scopes", "all"], /^Cannot use --scopes all: a list of read, /);
    await refused(
      ["make", "a\x1b[2Jb"],
      /^Cannot use --name: a name without control characters is needed$/,
    );
    await refused(["make", "x", "--rate", "fast"], /^Cannot use --rate fast: a number or none/);
    await refused(["make", "x", "--burst", "3"], /^Cannot use --burst alone: --rate is needed/);
    await refused(
      ["make", "x", "--max-bytes", "much"],
      /^Cannot use --max-bytes much: a size like/,
    );
    await refused(
      ["make", "x", "--expires", "soon"],
      /^Cannot use --expires soon: a span like 30d/,
    );
    await refused(["make", "x", "--expires", "2020-01-01"], /^Cannot use --expires 2020/);
    await refused(["list", "--rate", "3"], /^Cannot list keys with --rate; see --help/);
    await refused(["burn"], /^Cannot burn keys: list, make, change or revoke is needed/);
    await refused(["--foo"], /^Cannot change keys: unknown option '--foo'; see --help/);
    assert.equal((await store.keys.all()).length, 1);
    const nowhere = await runTask("keys", ["--data", `${store.directory}/none`]);
    assert.match(
      nowhere.error,
      /^Cannot list keys in .*none: it is not there; .*start the server once$/,
    );
    const help = await runTask("keys", ["-h"]);
    assert.match(help.out, /^deno task keys \[list \| make NAME/);
  }));

Deno.test("sizes and times are read as they are typed", () => {
  assert.deepEqual(["0", "500", "1.5k", "20M", "10GB", "2T"].map((text) => readSize("--x", text)), [
    ...[0, 500, 1500, 20e6, 10e9, 2e12],
  ]);
  const now = Date.parse("2026-01-01T00:00:00Z");
  const times = ["12h", "30d", "2w", "2026-05-01", "2026-05-01T10:00:00Z"];
  assert.deepEqual(times.map((text) => readTime("--x", text, now)), [
    "2026-01-01T12:00:00.000Z",
    "2026-01-31T00:00:00.000Z",
    "2026-01-15T00:00:00.000Z",
    "2026-05-01T00:00:00.000Z",
    "2026-05-01T10:00:00.000Z",
  ]);
  for (const text of ["", "-1", "1 GB", "GB", "1e3"]) {
    assert.throws(() => readSize("--x", text), /Cannot use --x /);
  }
  for (const text of ["", "30", "1m", "tomorrow", "2026-13-01"]) {
    assert.throws(() => readTime("--x", text), /Cannot use --x /);
  }
});
