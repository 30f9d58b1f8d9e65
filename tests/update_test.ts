/** An update in place: another commit is checked out while the server runs. */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { codeVersion } from "@/lib/config.ts";
import { commitOf } from "@/lib/commit.ts";
import { StoreDesk } from "@/lib/worker/store_desk.ts";
import { type TestServer, until, withServer } from "./support/server.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { git } from "./support/git.ts";
import { withDirectory, withStore } from "./support/temporary.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** A checkout of the project with two versions, the older one checked out; their names. */
function twoVersions(copy: string): { older: string; newer: string } {
  const needed = ["lib", "gpu", "kernels", "routes", "static", "deno.json", "deno.lock", "main.ts"];
  for (const name of needed) cpSync(root + name, `${copy}/${name}`, { recursive: true });
  git(copy, "init", "--quiet");
  git(copy, "add", ".");
  git(copy, "commit", "--quiet", "-m", "older");
  const older = codeVersion(commitOf(copy));
  git(copy, "checkout", "--quiet", "-b", "newer");
  const file = `${copy}/lib/version.ts`;
  Deno.writeTextFileSync(
    file,
    Deno.readTextFileSync(file).replace(/version = ".*"/, 'version = "9.8.7"'),
  );
  git(copy, "commit", "--quiet", "-a", "-m", "newer");
  const newer = `9.8.7+${commitOf(copy)}`;
  git(copy, "checkout", "--quiet", "--detach", "HEAD~1");
  return { older, newer };
}

async function versionOf(server: TestServer): Promise<string | undefined> {
  try {
    const text = await (await server.fetch("/metrics")).text();
    return /mcgip_build_info\{version="([^"]+)"\}/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}

Deno.test("a checkout that changes under a running server starts all of it again, as what it is", () =>
  withDirectory(async (copy) => {
    const { older, newer } = twoVersions(copy);
    await withServer(async (server) => {
      assert.equal(await versionOf(server), older);
      git(copy, "checkout", "--quiet", "newer");
      await until(async () => await versionOf(server) === newer, 30_000, server.log);
      const [before, after] = [older, newer].map((version) => `Commit ${version.split("+")[1]}`);
      assert.ok(server.log().includes(`${after} is checked out now, another one than runs`));
      assert.ok(server.log().includes(`Started again as ${after}; before it was ${before}`));
      // Killed before anybody has looked: what is started then is what is checked out, and says so.
      git(copy, "checkout", "--quiet", "--detach", "HEAD~1");
      Deno.kill(server.children().api!, "SIGKILL");
      await until(async () => await versionOf(server) === older, 30_000, server.log);
      // The same commit under another name is no update.
      const { api } = server.children();
      git(copy, "pack-refs", "--all");
      git(copy, "checkout", "--quiet", "-b", "again");
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      assert.equal(server.children().api, api, server.log());
    }, { project: copy, args: ["--workers", "0"] });
  }));

Deno.test("workers beside the server are started again with it", () =>
  withDirectory(async (copy) => {
    const { older, newer } = twoVersions(copy);
    await withDirectory((data) =>
      withServer(async (server) => {
        const { tasks } = JSON.parse(Deno.readTextFileSync(`${copy}/deno.json`));
        const worker = new Deno.Command(Deno.execPath(), {
          args: tasks.worker.command.split(" ").slice(1),
          cwd: copy,
          env: { NO_COLOR: "1", MCGIP_DATA: data, MCGIP_WORKER_NAME: "box" },
          ...{ stdin: "null", stdout: "null", stderr: "piped" },
        }).spawn();
        let log = "";
        const read = (async () => {
          for await (const part of worker.stderr.pipeThrough(new TextDecoderStream())) log += part;
        })();
        const versions = async () => {
          // While it is started again it does not answer.
          const workers = await server.json<{ data: { label: string; version: string }[] }>(
            "GET",
            "/v1/workers",
          ).catch(() => ({ data: [] }));
          return workers.data.filter(({ label }) => label === "box").map(({ version }) => version);
        };
        const tell = async () =>
          `${JSON.stringify(await server.json("GET", "/v1/workers"))}\n${log}`;
        try {
          await until(async () => (await versions()).includes(older), 60_000, tell);
          git(copy, "checkout", "--quiet", "newer");
          await until(async () => (await versions()).join() === newer, 60_000, tell);
          assert.match(
            log,
            /is checked out now, another one than runs: the worker is started again/,
          );
          assert.match(log, /Started again as Commit/);
        } finally {
          worker.kill("SIGTERM");
          await worker.status;
          await read;
        }
      }, { project: copy, data, args: ["--workers", "0"] })
    );
  }));

Deno.test("a job is recorded with the version that runs it, and says where another one queued it", () =>
  withStore(async (store) => {
    const { id } = await store.jobs.insert({
      ...newJob("count", { to: 3, code_version: "1" }),
      fingerprint: "of version 1",
    });
    const warnings = async () =>
      (await store.events.list(id, { types: ["warning"] })).data.map(({ data }) => data.message);
    const first = await store.jobs.claim("one", { version: "2" });
    assert.equal(first?.spec.code_version, "2");
    const { spec, fingerprint } = await store.jobs.get(id);
    assert.deepEqual([spec.code_version, fingerprint], ["2", null]);
    assert.deepEqual(await warnings(), [
      "It was queued by version 1; 2 runs it, which its results name",
    ]);
    await store.jobs.release("one");
    await store.jobs.claim("two", { version: "2" });
    assert.equal((await warnings()).length, 1);
    await store.jobs.release("two");
    await store.jobs.claim("three", { version: "3" });
    assert.match(String((await warnings())[1]), /^It was begun by version 2, and goes on by 3/);
  }));

Deno.test("while another commit is checked out than runs no job is begun", () =>
  withStore(async (store) => {
    await store.jobs.insert(newJob("count", { to: 3 }));
    const desk = new StoreDesk(store, "one");
    desk.isStale = () => true;
    assert.equal(await desk.claim(["count"], ""), null);
    desk.isStale = () => false;
    assert.ok(await desk.claim(["count"], ""));
  }));

Deno.test("an API whose launcher is gone says why it leaves", () =>
  withDirectory((data) =>
    withServer(async (server) => {
      await server.stop("SIGKILL");
      assert.match(server.log(), /Leaving: the launcher, which started this process, is gone/);
    }, { data, args: ["--workers", "0"] })
  ));

Deno.test("the server says by which signal it leaves", () =>
  withDirectory((data) =>
    withServer(async (server) => {
      await server.stop("SIGHUP");
      assert.match(server.log(), /Leaving, by SIGHUP:/);
    }, { data, args: ["--workers", "0"] })
  ));
